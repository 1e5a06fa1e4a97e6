import type { Digest } from '@image-factory/core/reference/types.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { beforeEach, expect, it } from 'vitest';
import { managed, place, settings, type Place } from './testing/test-place.ts';

let at: Place;

beforeEach(async () => {
  at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os 1'] });
  await at.remote.commit({ 'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
  await at.enrol(managed(at, 'web'), settings(at));
});

/** Built twice: on the first base, and on the second when that has matured. */
async function builtTwice(): Promise<readonly Digest[]> {
  await at.run('run', '--once');
  await at.registry.pushImage('base/os', '1', { layers: ['os 2'] });
  await at.run('run', '--once', '--force');
  at.pass(hour);
  await at.run('run', '--once', '--force');
  for (let days = 0; days < 10; days += 1) {
    at.pass(day);
    await at.run('run', '--once', '--force');
  }
  const { rebuilds = [] } = (await at.state()).images.get('web') ?? {};
  return rebuilds.flatMap(({ outcome, digest }) => (outcome === 'success' && digest ? [digest] : []));
}

async function tag(): Promise<string | undefined> {
  const answer = await fetch(`${at.registry.origin}/v2/acme/web/manifests/1`, {
    method: 'HEAD',
    headers: {
      accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
    },
  });
  return answer.headers.get('docker-content-digest') ?? undefined;
}

it('points the tags at the earlier digest, and holds the image there', async () => {
  const [first, second] = await builtTwice();
  expect(await tag()).toBe(second);
  const { exit, out, err } = await at.run('rollback', 'web', '--reason', 'the new base breaks TLS');
  expect([exit, err]).toEqual([0, '']);
  expect(out).toContain(`web was re-tagged: it is at ${first}`);
  expect(await tag()).toBe(first);
  const web = (await at.state()).images.get('web');
  expect(web).toMatchObject({
    content: { digest: first },
    hold: { reason: 'rolled back: the new base breaks TLS', by: 'ada' },
  });
  // The next cycles leave it alone and do not take it for somebody else's push.
  at.pass(2 * day);
  await at.run('run', '--once', '--force');
  expect(await tag()).toBe(first);
  const history = (await at.run('history', 'web')).out;
  expect(history).toContain('web was re-tagged by ada');
  expect(history).not.toContain('not built by us');
  await at.run('release', 'web');
  for (let days = 0; days < 2; days += 1) {
    at.pass(day);
    await at.run('run', '--once', '--force');
  }
  expect(await tag()).not.toBe(first);
}, 60_000);

it('goes to a digest that was named', async () => {
  const [first, second] = await builtTwice();
  await at.run('rollback', 'web', '--reason', 'try', '--to', first ?? '');
  await at.run('rollback', 'web', '--reason', 'back again', '--to', second ?? '');
  expect(await tag()).toBe(second);
}, 60_000);

it('rebuilds on the earlier pins where tags cannot be moved', async () => {
  const [first] = await builtTwice();
  const pinsOf = async () =>
    (await at.state()).images.get('web')?.rebuilds.map(({ pins }) => pins[0]?.digest) ?? [];
  const [before] = await pinsOf();
  const allow = at.registry.faults.add({
    action: { kind: 'status', status: 409, body: '{"errors":[{"code":"TAG_IMMUTABLE","message":"no"}]}' },
    when: ({ method, path }) => method === 'PUT' && path.endsWith('/manifests/1'),
    times: 1,
  });
  const { exit, out, err } = await at.run('rollback', 'web', '--reason', 'immutable tags');
  allow();
  expect(err).toContain('409');
  expect([exit, out]).toEqual([0, expect.stringContaining('web was rebuilt')]);
  const pins = await pinsOf();
  expect(pins.at(-1)).toBe(before);
  expect((await at.state()).images.get('web')?.hold?.reason).toContain('immutable tags');
  expect(first).toBeDefined();
}, 60_000);

it('says what cannot be done', async () => {
  await at.run('run', '--once');
  const digest = `sha256:${'0'.repeat(64)}`;
  const own = (await at.state()).images.get('web')?.content?.digest ?? '';
  const cases = [
    [['web', '--reason', 'x'], 2, 'no earlier build of web'],
    [['web', '--reason', 'x', '--to', own], 2, 'already'],
    [['web', '--reason', 'x', '--to', digest], 2, 'cannot be tagged again'],
    [['web', '--reason', 'x', '--to', 'latest'], 2, '--to'],
    [['wbe', '--reason', 'x'], 2, 'Did you mean web?'],
    [['web'], 2, '--reason'],
  ] as const;
  for (const [argv, exit, message] of cases) {
    const answer = await at.run('rollback', ...argv);
    expect([answer.exit, answer.err]).toEqual([exit, expect.stringContaining(message)]);
  }
});
