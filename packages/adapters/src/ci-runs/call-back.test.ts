import type { WebhookCallBack } from '@image-factory/core/enrolment/provider-settings.ts';
import type { CallBack, CallBackNews, CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { signed, webhookSignatureHeader } from '@image-factory/testing/forges/call-back-signing.ts';
import { toldRun, type TellingForge } from '@image-factory/testing/forges/told-runs.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGiteaCallBacks } from '../gitea/call-back.ts';
import { createGithubCallBacks } from '../github/call-back.ts';
import { createGitlabCallBacks } from '../gitlab/call-back.ts';
import { createWebhookCallBacks } from '../webhook/call-back.ts';

const secret = 'the-secret-of-a-test';
const signingToken = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const callBack: WebhookCallBack = {
  sign: {
    header: webhookSignatureHeader,
    secret: { kind: 'env', name: 'UNUSED' },
    algorithm: 'sha256',
    prefix: 'sha256=',
  },
  key: '$.key',
  attempt: '$.attempt',
  state: '$.status',
  success: ['Succeeded'],
  failure: ['Failed'],
  cancelled: ['Cancelled'],
  superseded: ['Completed'],
  digest: '$.digest',
  link: '$.link',
  log: '$.log',
};

interface Case {
  readonly name: string;
  readonly provider: TellingForge;
  readonly secret: string;
  readonly event: string;
  readonly proof: string;
  reader(secret: () => Promise<string>): CallBackReader;
}

const cases: readonly Case[] = [
  {
    name: 'GitHub',
    provider: 'github',
    secret,
    event: 'workflow_run',
    proof: 'x-hub-signature-256',
    reader: (read) => createGithubCallBacks({ secret: read }),
  },
  {
    name: 'GitLab with a secret token',
    provider: 'gitlab',
    secret,
    event: 'Pipeline Hook',
    proof: 'x-gitlab-token',
    reader: (read) => createGitlabCallBacks({ secret: read }),
  },
  {
    name: 'GitLab with a signing token',
    provider: 'gitlab',
    secret: signingToken,
    event: 'Pipeline Hook',
    proof: 'webhook-signature',
    reader: (read) => createGitlabCallBacks({ secret: read }),
  },
  {
    name: 'Gitea',
    provider: 'gitea',
    secret,
    event: 'workflow_run',
    proof: 'x-gitea-signature',
    reader: (read) => createGiteaCallBacks({ provider: 'gitea', secret: read }),
  },
  {
    name: 'Forgejo',
    provider: 'forgejo',
    secret,
    event: 'action_run_success',
    proof: 'x-forgejo-signature',
    reader: (read) => createGiteaCallBacks({ provider: 'forgejo', secret: read }),
  },
  {
    name: 'a webhook',
    provider: 'webhook',
    secret,
    event: 'ended',
    proof: webhookSignatureHeader.toLowerCase(),
    reader: (read) => createWebhookCallBacks({ settings: callBack, run: undefined, secret: read }),
  },
];

async function codeOf(read: Promise<CallBackNews>): Promise<string | undefined> {
  try {
    await read;
    return undefined;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(FactoryError);
    return thrown instanceof FactoryError ? thrown.problem.code : 'another error';
  }
}

const withHeader = (sent: CallBack, name: string, value: string | undefined): CallBack => {
  const headers = new Map(sent.headers);
  if (value === undefined) headers.delete(name);
  else headers.set(name, value);
  return { ...sent, headers };
};

describe.each(cases)('call-backs of $name', ({ provider, secret: own, event, proof, reader }) => {
  const right = (): CallBackReader => reader(async () => own);
  const last = async (): Promise<CallBack> => {
    const sent = (await toldRun(provider, own)).callBacks.at(-1);
    if (!sent) throw new Error('the forge told nothing');
    return sent;
  };
  const authentic = (body: Uint8Array, named = event): CallBack =>
    // Signed as text by the fake; here the bytes may be none.
    resigned(provider, own, named, body);

  it('are believed as the forge sends them', async () => {
    const { run, callBacks } = await toldRun(provider, own);
    expect(callBacks.length).toBeGreaterThan(0);
    for (const sent of callBacks) {
      const news = await right().read(sent);
      expect(news).toMatchObject(
        provider === 'webhook'
          ? { kind: 'report', key: run.key, attempt: 1, report: { status: 'success' } }
          : { kind: 'look', run: run.id },
      );
    }
  });

  it('are refused with any other proof, and nothing of it is told', async () => {
    const sent = await last();
    const value = sent.headers.get(proof) ?? '';
    const others = [
      undefined,
      '',
      ' ',
      `${value}, ${value}`,
      `${value} `,
      value.slice(0, -1),
      `${value}0`,
      `${value.slice(0, -3)}abc`,
      `${value.slice(0, -3)}111`,
      'sha256=',
      `sha1=${'0'.repeat(40)}`,
      'v1,',
      '\u0000',
      'ü'.repeat(64),
    ];
    for (const other of others) {
      const failure = await right()
        .read(withHeader(sent, proof, other))
        .then(
          () => expect.fail(`believed ${other}`),
          (thrown: unknown) => thrown as FactoryError,
        );
      expect(failure.problem).toMatchObject({ code: 'CALL_BACK_REFUSED' });
      const said = JSON.stringify(failure.problem);
      expect(said).not.toContain(own);
      if (other !== undefined && other.length > 8) expect(said).not.toContain(other);
    }
  });

  it('are refused with another secret, and not checked with an empty one or one that cannot be read', async () => {
    const sent = await last();
    const secrets = [
      [async () => 'another', 'CALL_BACK_REFUSED'],
      [async () => '', 'CREDENTIALS'],
      [() => Promise.reject(new Error(own)), 'CREDENTIALS'],
    ] as const;
    for (const [read, code] of secrets) {
      const failure = await reader(read)
        .read(sent)
        .catch((thrown: unknown) => thrown as FactoryError);
      expect(failure).toMatchObject({ problem: { code } });
      expect(failure).toHaveProperty('message', expect.not.stringContaining(own));
    }
    // With an empty key anybody can sign.
    expect(await codeOf(reader(async () => '').read(resigned(provider, '', event, sent.body)))).toBe(
      'CREDENTIALS',
    );
  });

  it('count by the secret of the moment', async () => {
    const secrets = ['old', own];
    const rotating = reader(async () => secrets.shift() ?? own);
    const sent = await last();
    expect(await codeOf(rotating.read(sent))).toBe('CALL_BACK_REFUSED');
    expect(await codeOf(rotating.read(sent))).toBeUndefined();
  });

  it.skipIf(proof === 'x-gitlab-token')('are refused where one byte differs', async () => {
    const sent = await last();
    const body = Uint8Array.from(sent.body);
    body[body.length - 2] = (body[body.length - 2] ?? 0) ^ 1;
    expect(await codeOf(right().read({ ...sent, body }))).toBe('CALL_BACK_REFUSED');
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"key":'],
    ['a form', 'payload=%7B%22action%22%3A%22completed%22%7D'],
    ['a list', '[]'],
    ['null', 'null'],
    ['another form', '{"action":"completed","workflow_run":7,"object_attributes":[],"run":"x","key":{}}'],
    ['deep lists', '['.repeat(100_000)],
    ['deep objects', `${'{"workflow_run":'.repeat(5000)}1${'}'.repeat(5000)}`],
    ['the prototype', '{"__proto__":{"action":"completed","workflow_run":{"id":1},"run":{"id":1}}}'],
  ])('that are authentic but hold %s are invalid', async (_, text) => {
    expect(await codeOf(right().read(authentic(new TextEncoder().encode(text))))).toBe('CALL_BACK_INVALID');
  });

  it('that are too large are not even hashed', async () => {
    const body = new Uint8Array(5 * 1024 * 1024);
    expect(await codeOf(right().read({ headers: new Map(), body }))).toBe('CALL_BACK_INVALID');
  });

  it('never fail otherwise, whatever bytes and values they hold', async () => {
    const allowed = ['CALL_BACK_REFUSED', 'CALL_BACK_INVALID', undefined];
    const fields = fc.constantFrom(
      'action',
      'workflow_run',
      'workflow_job',
      'object_attributes',
      'run',
      'id',
      'run_id',
      'event',
      'source',
      'key',
      'attempt',
      'status',
      'digest',
      'link',
      'log',
      '__proto__',
      'length',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.jsonValue(),
        fc.constantFrom(
          'completed',
          'api',
          'workflow_dispatch',
          'Succeeded',
          'Failed',
          1,
          '1',
          'a'.repeat(32),
        ),
        fc.dictionary(fields, tie('value')),
      ),
    }));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      value.map((each) => new TextEncoder().encode(JSON.stringify(each) ?? '')),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.option(fc.string(), { freq: 10, nil: event }), async (body, named) => {
        expect(allowed).toContain(await codeOf(right().read(authentic(body, named))));
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.oneof(fc.constant(proof), fc.string()), fc.string()),
        fc.uint8Array({ maxLength: 100 }),
        async (headers, body) => {
          const read = right().read({ headers: new Map(Object.entries(headers)), body });
          expect(await codeOf(read)).toBe('CALL_BACK_REFUSED');
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Authentic headers around any bytes. */
function resigned(provider: TellingForge, own: string, event: string, body: Uint8Array): CallBack {
  const { headers } = signed({ provider, event, payload: body, secret: own, delivery: 'd-1' });
  return { headers, body };
}

describe('what the forges tell', () => {
  const forges = cases.filter(({ provider }) => provider !== 'webhook');
  const tell = (each: Case, event: string, payload: unknown): Promise<CallBackNews> =>
    each
      .reader(async () => each.secret)
      .read(signed({ provider: each.provider, event, payload, secret: each.secret, delivery: 'd-1' }));

  it.each(forges)('$name: other events are no news', async (each) => {
    for (const event of ['push', 'ping', 'check_run', 'Push Hook', 'Job Hook', 'issues'])
      expect(await tell(each, event, { anything: true })).toMatchObject({ kind: 'nothing' });
  });

  it.each(forges)('$name: without the name of an event they are invalid', async (each) => {
    expect(await codeOf(tell(each, '', {}))).toBe('CALL_BACK_INVALID');
    expect(await codeOf(tell(each, 'a\nb', {}))).toBe('CALL_BACK_INVALID');
  });

  it('runs that no dispatch started are no news', async () => {
    const [github, gitlab, , gitea, forgejo] = forges;
    if (!github || !gitlab || !gitea || !forgejo) throw new Error('a case is missing');
    const run = { id: 5, event: 'push' };
    const told = [
      tell(github, 'workflow_run', { action: 'completed', workflow_run: run }),
      tell(gitlab, 'Pipeline Hook', { object_attributes: { id: 5, source: 'push' } }),
      tell(gitea, 'workflow_run', { action: 'completed', workflow_run: run }),
      tell(forgejo, 'action_run_failure', { action: 'failure', run }),
    ];
    for (const news of await Promise.all(told)) expect(news).toMatchObject({ kind: 'nothing' });
  });

  it('a job of Gitea tells of its run', async () => {
    const gitea = forges.find(({ provider }) => provider === 'gitea');
    const news = gitea && (await tell(gitea, 'workflow_job', { workflow_job: { id: 9, run_id: 5 } }));
    expect(news).toEqual({ kind: 'look', run: '5' });
  });

  it('GitHub: SHA-1 proves nothing', async () => {
    const sent = signed({ provider: 'github', event: 'workflow_run', payload: {}, secret, delivery: 'd' });
    const reader = createGithubCallBacks({ secret: async () => secret });
    expect(await codeOf(reader.read(withHeader(sent, 'x-hub-signature-256', undefined)))).toBe(
      'CALL_BACK_REFUSED',
    );
    const sha1 = sent.headers.get('x-hub-signature') ?? '';
    expect(await codeOf(reader.read(withHeader(sent, 'x-hub-signature-256', sha1)))).toBe(
      'CALL_BACK_REFUSED',
    );
  });

  it('GitLab: with a signing token the secret token proves nothing, and a sender may sign with two keys', async () => {
    const reader = createGitlabCallBacks({ secret: async () => signingToken });
    const payload = { object_attributes: { id: 5, source: 'api' } };
    const sent = signed({
      provider: 'gitlab',
      event: 'Pipeline Hook',
      payload,
      secret: signingToken,
      delivery: 'd',
    });
    const plain = withHeader(sent, 'webhook-signature', undefined);
    expect(await codeOf(reader.read(withHeader(plain, 'x-gitlab-token', signingToken)))).toBe(
      'CALL_BACK_REFUSED',
    );
    const mine = sent.headers.get('webhook-signature') ?? '';
    const two = withHeader(sent, 'webhook-signature', `v1,${Buffer.alloc(32).toString('base64')} ${mine}`);
    expect(await reader.read(two)).toEqual({ kind: 'look', run: '5' });
    for (const name of ['webhook-id', 'webhook-timestamp'])
      expect(await codeOf(reader.read(withHeader(sent, name, '1')))).toBe('CALL_BACK_REFUSED');
  });
});
