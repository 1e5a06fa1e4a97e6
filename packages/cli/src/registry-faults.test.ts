import { mkdir, writeFile } from 'node:fs/promises';
import type { Problem } from '@image-factory/core/problem.ts';
import { day, hour, minute } from '@image-factory/core/time.ts';
import type { FaultAction } from '@image-factory/testing/registry/faults.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makePlace, managed, place, settings, type Place } from './testing/test-place.ts';

interface Faulty extends Place {
  /** Where the bases of `bad` and `low` come from. */
  readonly other: FakeRegistry;
}

/** `good` builds on the first registry; `bad` on the other one, and `low` on `bad`. */
async function withOther(finished = onTestFinished): Promise<Faulty> {
  const at = await place(finished);
  const other = await startRegistry({ date: at.now, now: at.now });
  finished(() => other.close());
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await other.pushImage('other/os', '1', { layers: ['other'] });
  await at.remote.commit({
    'good/Dockerfile': `FROM ${at.registry.host}/base/os:1\n`,
    'bad/Dockerfile': `FROM ${other.host}/other/os:1\n`,
    'low/Dockerfile': `FROM ${at.registry.host}/acme/bad:1\n`,
  });
  const insecure = settings(at).replace(
    /registries: .*/,
    `registries: ${JSON.stringify({
      [at.registry.host]: { insecure: true },
      [other.host]: { insecure: true },
    })}`,
  );
  await at.enrol(['good', 'bad', 'low'].map((name) => managed(at, name)).join(''), insecure);
  return { ...at, other };
}

function isGet({ method }: { readonly method: string }): boolean {
  return method === 'GET';
}

interface Report {
  readonly problems?: readonly Problem[];
  readonly ended: readonly { readonly image: string; readonly rebuild: { readonly outcome: string } }[];
}

async function runOnce(at: Place): Promise<Report & { readonly exit: number; readonly took: number }> {
  const began = performance.now();
  const { exit, out } = await at.run('--output', 'json', 'run', '--once', '--force');
  return { ...(JSON.parse(out) as Report), exit, took: performance.now() - began };
}

const statuses = (status: number, headers: Record<string, string> = {}): FaultAction => ({
  kind: 'status',
  status,
  headers,
});

const faults: readonly (readonly [string, FaultAction, string])[] = [
  ['401', statuses(401, { 'www-authenticate': 'Basic realm="x"' }), 'REGISTRY_DENIED'],
  ['403', statuses(403), 'REGISTRY_DENIED'],
  ['404', statuses(404), 'REGISTRY_NOT_FOUND'],
  ['429 with Retry-After in seconds', statuses(429, { 'retry-after': '1' }), 'REGISTRY_THROTTLED'],
  ['429 with Retry-After in an hour', statuses(429, { 'retry-after': '3600' }), 'REGISTRY_THROTTLED'],
  ['500', statuses(500), 'REGISTRY_UNREACHABLE'],
  ['503 with HTML', { kind: 'html', status: 503 }, 'REGISTRY_UNREACHABLE'],
  ['a page of HTML', { kind: 'html' }, 'REGISTRY_INVALID'],
  ['nothing: the connection is closed', { kind: 'drop' }, 'REGISTRY_UNREACHABLE'],
  ['half of an answer', { kind: 'cut-body' }, 'REGISTRY_UNREACHABLE'],
  ['content of another digest', { kind: 'wrong-body' }, 'REGISTRY_DIGEST_MISMATCH'],
  ['an endless body', { kind: 'endless-body' }, 'REGISTRY_TOO_LARGE'],
  [
    'a redirect to the metadata service',
    { kind: 'redirect', location: 'http://169.254.169.254/latest/meta-data/' },
    'REGISTRY_BLOCKED',
  ],
  ['a redirect to itself', { kind: 'redirect', location: '/v2/other/os/manifests/1' }, 'REGISTRY_INVALID'],
];

describe('a registry that answers', () => {
  it.concurrent.for(faults)(
    '%s stops what needs it, and nothing else',
    { timeout: 90_000 },
    async ([, action, code], context) => {
      const at = await withOther(context.onTestFinished);
      // A HEAD has no body that could be without end.
      const when = action.kind === 'endless-body' ? { when: isGet } : {};
      const mend = at.other.faults.add({ action, ...when });
      const first = await runOnce(at);
      expect(first.exit, JSON.stringify(first.problems)).toBe(1);
      expect(first.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([
        ['good', 'success'],
      ]);
      expect(first.problems?.map((problem) => problem.code)).toEqual([code]);
      const [problem] = first.problems ?? [];
      expect(problem?.subject).toEqual({ kind: 'base', name: 'other-os-1' });
      expect(problem?.message).toContain(at.other.host);
      expect(problem?.hint).toMatch(/\S/);
      expect(first.took).toBeLessThan(60_000);
      const { bases, intents } = await at.state();
      expect([...intents.keys()]).toEqual([]);
      // What could not be read may be known to stand under the tag, but nobody builds with it.
      const other = [...bases.values()].find(({ registry }) => registry === at.other.host);
      expect(other?.ledger.filter(({ platforms }) => platforms !== undefined)).toEqual([]);
      const why = await at.run('explain', 'bad', '--offline');
      expect(why.out).toMatch(/unobserved|not-described/);

      mend();
      at.pass(2 * hour);
      const second = await runOnce(at);
      expect(second.problems).toBeUndefined();
      expect(second.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([
        ['bad', 'success'],
        ['low', 'success'],
      ]);
    },
  );

  it('nothing of use any more leaves what is known as it is', async () => {
    const at = await withOther();
    expect((await runOnce(at)).exit).toBe(0);
    const before = (await at.state()).bases;
    at.pass(10 * day);
    for (const action of [statuses(404), statuses(500), { kind: 'html' } as const]) {
      const mend = at.other.faults.add({ action });
      const report = await runOnce(at);
      expect(report.exit).toBe(1);
      expect(report.ended).toEqual([]);
      mend();
    }
    const after = (await at.state()).bases;
    const digests = (bases: typeof before): unknown =>
      [...bases.values()].map(({ name, ledger }) => [name, ledger.map(({ digest }) => digest)]);
    expect(digests(after)).toEqual(digests(before));
    expect((await at.run('status')).out).toMatch(/bad +built/);
  });

  it('the credentials of one registry never go to another', async () => {
    const at = await withOther();
    await mkdir(`${at.root}/docker`);
    const auth = Buffer.from('robot:hunter2').toString('base64');
    await writeFile(
      `${at.root}/docker/config.json`,
      JSON.stringify({ auths: { [at.other.host]: { auth } } }),
    );
    at.env['DOCKER_CONFIG'] = `${at.root}/docker`;
    at.other.faults.add({
      action: { kind: 'redirect', location: `${at.registry.origin}/v2/base/os/manifests/1` },
    });
    const { out, err } = await at.run('run', '--once');
    const leaked = at.registry.log.all().filter(({ headers }) => headers.authorization !== undefined);
    expect(leaked).toEqual([]);
    expect(out + err).not.toContain('hunter2');
    expect(out + err).not.toContain(auth);
  });
});

describe('a registry that refuses what is pushed to it', () => {
  it.each([
    ['with 403', statuses(403)],
    ['with 500', statuses(500)],
    ['with a closed connection', { kind: 'drop' }],
  ] as const)('%s fails that build only, which backs off', async (_, action) => {
    const at = await withOther();
    at.registry.faults.add({
      action,
      when: ({ method, path }) => method !== 'GET' && method !== 'HEAD' && path.includes('/acme/bad/'),
    });
    const { exit, ended } = await runOnce(at);
    expect(exit).toBe(1);
    expect(
      ended
        .toSorted((a, b) => (a.image < b.image ? -1 : 1))
        .map(({ image, rebuild }) => [image, rebuild.outcome]),
    ).toEqual([
      ['bad', 'failure'],
      ['good', 'success'],
    ]);
    expect((await at.state()).intents.size).toBe(0);
    at.registry.faults.clear();
    expect((await runOnce(at)).ended).toEqual([]);
    at.pass(hour);
    expect((await runOnce(at)).ended.map(({ image }) => image)).toEqual(['bad', 'low']);
  });

  it('after it has taken it: a push whose answer is lost counts as the success that it is', async () => {
    const at = await withOther();
    let pushes = 0;
    const put = at.registry.storage.putManifest.bind(at.registry.storage);
    at.registry.storage.putManifest = (repository, name, mediaType, bytes) => {
      if (repository === 'acme/bad' && name === '1') pushes++;
      return put(repository, name, mediaType, bytes);
    };
    at.registry.faults.add({
      action: { kind: 'drop' },
      when: ({ method, path }) => method === 'PUT' && path === '/v2/acme/bad/manifests/1',
      times: 1,
    });
    const { exit, ended } = await runOnce(at);
    expect(exit).toBe(0);
    expect(ended.map(({ image, rebuild }) => `${image} ${rebuild.outcome}`).toSorted()).toEqual([
      'bad success',
      'good success',
      'low success',
    ]);
    expect(pushes).toBe(1);
  });
});

describe('the clock', () => {
  async function withRealTime(by: number): Promise<Place> {
    const at = await makePlace('real');
    onTestFinished(() => at.leave());
    await at.registry.pushImage('base/os', '1', { layers: ['os'] });
    await at.remote.commit({ 'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
    await at.enrol(managed(at, 'web'));
    at.registry.faults.add({ action: { kind: 'skewed-date', by } });
    return at;
  }

  it.each([-6 * minute, 6 * minute, 400 * day])(
    'is off by %i ms: exit 3, nothing is written or built',
    async (by) => {
      const at = await withRealTime(by);
      for (const command of ['run --once', 'check', 'plan', 'rebuild web --reason now']) {
        const { exit, err } = await at.run(...command.split(' '));
        expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('CLOCK_SKEW') });
      }
      expect((await at.stateFiles()).size).toBe(0);
      expect(at.registry.storage.tags('acme/web')).toEqual([]);
      const doctor = await at.run('doctor');
      expect(doctor.exit).toBe(1);
      expect(doctor.out).toMatch(/bad .*clock of this machine is off/);
    },
  );

  it.each([-4 * minute, 4 * minute])('is off by %i ms: the time is that of the registries', async (by) => {
    const at = await withRealTime(by);
    expect((await at.run('run', '--once')).exit).toBe(0);
    const base = (await at.state()).bases.get('base-os-1');
    const off = (base?.ledger[0]?.firstSeen ?? 0) - Date.now() - by;
    expect(Math.abs(off)).toBeLessThan(20_000);
  });
});
