import type { WebhookCallBack, WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { CallBackNews } from '@image-factory/core/ports/call-back.ts';
import { signed, webhookSignatureHeader } from '@image-factory/testing/forges/call-back-signing.ts';
import { digest } from '@image-factory/testing/records.ts';
import { expect, it } from 'vitest';
import { createWebhookCallBacks } from './call-back.ts';

const key = 'a'.repeat(32);
const pushed = digest('pushed');
const settings: WebhookCallBack = {
  sign: {
    header: webhookSignatureHeader,
    secret: { kind: 'env', name: 'UNUSED' },
    algorithm: 'sha256',
    prefix: 'sha256=',
  },
  key: '$.run.key',
  attempt: '$.run.attempt',
  state: '$.run.state',
  success: ['ok'],
  failure: ['bad'],
  cancelled: ['stopped'],
  superseded: ['left'],
  digest: '$.run.digest',
  link: '$.run.link',
  log: '$.run.log',
};

function tell(run: Readonly<Record<string, unknown>>, runId?: WebhookSettings['run']): Promise<CallBackNews> {
  const payload = { run: { key, attempt: 2, state: 'ok', ...run } };
  return createWebhookCallBacks({ settings, run: runId, secret: async () => 's' }).read(
    signed({ provider: 'webhook', event: '', payload, secret: 's', delivery: '' }),
  );
}

const id = `[${key}/2] ${key}-2`;

it.each([
  [
    { digest: `pushed registry.test/app@${pushed}`, link: 'https://ci.test/1', log: 'https://ci.test/1/log' },
    { status: 'success', run: id, digest: pushed, url: 'https://ci.test/1', log: 'https://ci.test/1/log' },
  ],
  [{ attempt: '2' }, { status: 'success', run: id }],
  [{ state: 'stopped' }, { status: 'cancelled', run: id }],
  [{ state: 'left' }, { status: 'superseded', run: id }],
  [
    { state: 'bad', link: 'http://ci.test/1' },
    {
      status: 'failure',
      run: id,
      url: 'http://ci.test/1',
      log: 'http://ci.test/1',
      error: 'the run ended as "bad"',
    },
  ],
  // What could harm whoever reads it is left out; the outcome stands.
  [
    { digest: 'sha256:short', link: 'javascript:alert(1)', log: 'https://ci.test/\nx' },
    { status: 'success', run: id },
  ],
  [
    { link: `https://ci.test/${'x'.repeat(3000)}`, digest: 7 },
    { status: 'success', run: id },
  ],
])('%j is reported', async (run, report) => {
  expect(await tell(run)).toEqual({ kind: 'report', key, attempt: 2, report });
});

it('is a reason to look while the run goes on', async () => {
  expect(await tell({ state: 'queued' })).toEqual({ kind: 'look', run: id });
});

it('has the id that the builder gives the run', async () => {
  const path = { path: '$.run.id', header: undefined };
  expect(await tell({ id: 17 }, path)).toMatchObject({ report: { run: `[${key}/2] 17` } });
  for (const unusable of ['a b', 'x'.repeat(301), 'a\u0007', {}, null])
    expect(await tell({ id: unusable }, path)).toMatchObject({ report: { run: id } });
});

it.each([
  { key: 'A'.repeat(32) },
  { key: 'a'.repeat(31) },
  { key: `${key}\n` },
  { key: [key] },
  { attempt: 0 },
  { attempt: 1.5 },
  { attempt: '1e3' },
  { attempt: 1_000_000 },
  { attempt: '-1' },
  { state: null },
  { state: ['ok'] },
  { state: 'x'.repeat(201) },
])('%j is no run of ours', async (run) => {
  await expect(tell(run)).rejects.toMatchObject({ problem: { code: 'CALL_BACK_INVALID' } });
});
