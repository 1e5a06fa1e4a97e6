import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage } from '@image-factory/core/state/decode.ts';
import type { ImageRecord } from '@image-factory/core/state/types.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { filesBelow, managed, place, settings, type Place } from './testing/test-place.ts';

const upstream = ['repoURL', 'allowTags', 'imageSelectionStrategy'];

function external({ registry }: Place, name: string, repository = `acme/${name}`): string {
  return `- name: ${name}\n  repository: ${registry.host}/${repository}\n  allowTags: ^1$\n  imageSelectionStrategy: Lexical\n`;
}

async function prepared(): Promise<Place> {
  const at = await place();
  const { host } = at.registry;
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.registry.pushImage('acme/web', '1', { layers: ['web of others'] });
  await at.registry.pushImage('acme/platform', '1', { layers: ['os', 'platform of others'] });
  await at.remote.commit({
    'web/Dockerfile': `FROM ${host}/acme/platform:1\nCOPY app.txt /app.txt\n`,
    'web/app.txt': 'web\n',
    'platform/Dockerfile': `FROM ${host}/base/os:1\nCOPY app.txt /platform.txt\n`,
    'platform/app.txt': 'platform\n',
  });
  return at;
}

async function run(at: Place): Promise<void> {
  const { exit, out, err } = await at.run('run', '--once', '--force');
  expect({ exit, err }, out).toEqual({ exit: 0, err: '' });
  at.pass(hour);
}

async function fieldsOf(at: Place, path: string): Promise<Record<string, unknown>> {
  const text = (await at.stateFiles()).get(path);
  if (text === undefined) throw new Error(`no ${path}`);
  return parse(text) as Record<string, unknown>;
}

describe('an image that changes its kind', () => {
  it('from external to managed and back keeps its history, and carries upstream fields only while external', async () => {
    const at = await prepared();
    await at.enrol(external(at, 'web'));
    await run(at);
    const first = (await at.state()).images.get('web');
    expect(first?.ledger).toHaveLength(1);
    expect(Object.keys(await fieldsOf(at, 'images/web.yaml'))).toEqual(expect.arrayContaining(upstream));

    await at.enrol(managed(at, 'web'));
    await run(at);
    const second = (await at.state()).images.get('web');
    expect(second).toMatchObject({
      enrolledAt: first?.enrolledAt,
      discoveryStatus: 'success',
      baseImages: ['acme-platform-1'],
    });
    expect(second?.ledger).toEqual(first?.ledger);
    const asManaged = await fieldsOf(at, 'images/web.yaml');
    for (const field of upstream) expect(asManaged).not.toHaveProperty(field);
    // Nobody knows what others built it from, and it is not older than the base's first sight: it is left alone.
    expect(second?.rebuilds).toEqual([]);
    expect((await at.run('rebuild', 'web', '--reason', 'ours now')).exit).toBe(0);
    expect((await at.state()).images.get('web')?.rebuilds.map(({ outcome }) => outcome)).toEqual(['success']);

    at.pass(hour);
    await at.enrol(external(at, 'web'));
    await run(at);
    const third = (await at.state()).images.get('web');
    expect(third).toMatchObject({
      enrolledAt: first?.enrolledAt,
      discoveryStatus: 'external',
      baseImages: [],
    });
    expect(third?.rebuilds).toHaveLength(1);
    expect(third?.ledger.map(({ digest }) => digest)).toContain(first?.ledger[0]?.digest);
    expect(Object.keys(await fieldsOf(at, 'images/web.yaml'))).toEqual(expect.arrayContaining(upstream));
    // Its base is used by nobody any more: archived, with its ledger.
    const files = await at.stateFiles();
    expect([...files.keys()].filter((path) => path.includes('acme-platform-1'))).toEqual([
      '_archive/base-images/acme-platform-1.yaml',
    ]);
    const told = await at.run('history', 'web');
    expect(told.out).toContain('rebuild of web ended: success');
  });

  it('a base that becomes managed loses the upstream fields, keeps its ledger, and gets them back', async () => {
    const at = await prepared();
    await at.enrol(managed(at, 'web'));
    await run(at);
    const path = 'base-images/acme-platform-1.yaml';
    const before = (await at.state()).bases.get('acme-platform-1');
    expect(before?.ledger).toHaveLength(1);
    expect(Object.keys(await fieldsOf(at, path))).toEqual(expect.arrayContaining(upstream));

    await at.enrol(managed(at, 'web') + managed(at, 'platform'));
    await run(at);
    await at.run('rebuild', 'platform', '--reason', 'ours now');
    at.pass(hour);
    await run(at);
    const during = (await at.state()).bases.get('acme-platform-1');
    expect(during).toMatchObject({ managedBy: 'platform', firstDiscovered: before?.firstDiscovered });
    expect(during?.ledger.slice(0, 1).map(({ digest, firstSeen }) => [digest, firstSeen])).toEqual(
      before?.ledger.map(({ digest, firstSeen }) => [digest, firstSeen]),
    );
    expect(during?.ledger).toHaveLength(2);
    const asManaged = await fieldsOf(at, path);
    for (const field of upstream) expect(asManaged).not.toHaveProperty(field);

    await at.enrol(managed(at, 'web'));
    await run(at);
    const after = (await at.state()).bases.get('acme-platform-1');
    expect(after?.managedBy).toBeUndefined();
    expect(after?.ledger.map(({ digest }) => digest)).toEqual(during?.ledger.map(({ digest }) => digest));
    expect(Object.keys(await fieldsOf(at, path))).toEqual(expect.arrayContaining(upstream));
  });

  it('one that is removed goes to the archive, and comes back with its history', async () => {
    const at = await prepared();
    await at.enrol(managed(at, 'platform') + external(at, 'web'));
    await run(at);
    await at.run('rebuild', 'platform', '--reason', 'first');
    await at.run('hold', 'platform', '--reason', 'kept over the archive');
    const before = (await at.state()).images.get('platform');
    const seen = (await at.state()).bases.get('base-os-1')?.ledger[0]?.firstSeen;
    expect(seen).toBeTypeOf('number');
    const text = (await at.stateFiles()).get('images/platform.yaml');
    expect(before?.rebuilds).toHaveLength(1);

    await at.enrol(external(at, 'web'));
    await run(at);
    const away = await at.stateFiles();
    expect(away.has('images/platform.yaml')).toBe(false);
    expect(away.get('_archive/images/platform.yaml')).toBe(text);
    expect(away.has('base-images/base-os-1.yaml')).toBe(false);
    expect(away.has('_archive/base-images/base-os-1.yaml')).toBe(true);
    expect((await at.run('status', 'platform')).exit).toBe(2);
    expect((await at.run('history', 'platform')).out).toContain('is enrolled no more');

    at.pass(30 * day);
    await at.enrol(managed(at, 'platform') + external(at, 'web'));
    await run(at);
    const back = (await at.state()).images.get('platform');
    expect(back).toMatchObject({
      enrolledAt: before?.enrolledAt,
      rebuilds: before?.rebuilds,
      hold: before?.hold,
    });
    expect((await at.state()).bases.get('base-os-1')?.ledger[0]).toMatchObject({ firstSeen: seen });
    expect([...(await at.stateFiles()).keys()].filter((path) => path.startsWith('_archive/'))).toEqual([]);
    expect((await at.run('history', 'platform')).out).toContain('is enrolled again');
  });

  it('one that is enrolled again for another repository starts anew, and the archive is kept', async () => {
    const at = await prepared();
    await at.enrol(external(at, 'web'));
    await run(at);
    const text = (await at.stateFiles()).get('images/web.yaml');
    await at.enrol('[]');
    await run(at);
    await at.enrol(external(at, 'web', 'base/os'));
    const { exit, err } = await at.run('run', '--once', '--force');
    expect(exit).toBe(1);
    expect(err).toContain('another image');
    expect((await at.stateFiles()).get('_archive/images/web.yaml')).toBe(text);
    expect((await at.state()).images.get('web')?.enrolledAt).toBeGreaterThan(at.now() - 10_000);
  });

  it('a run without news changes no byte', async () => {
    const at = await prepared();
    await at.enrol(managed(at, 'web') + managed(at, 'platform') + external(at, 'others', 'base/os'));
    await run(at);
    await run(at);
    at.pass(3 * day);
    const before = await at.stateFiles();
    for (const command of [
      'run --once --force',
      'analyze',
      'check --force',
      'plan',
      'doctor',
      'run --once',
    ]) {
      await at.run(...command.split(' '));
      at.pass(hour);
    }
    expect(await at.stateFiles()).toEqual(before);
  });
});

describe('a directory of the older tool', () => {
  const older = join(import.meta.dirname, '../../core/src/state/testdata/older');

  async function withOlder(): Promise<Place> {
    const at = await place();
    await cp(older, join(at.dir, 'state'), { recursive: true });
    await at.remote.commit({
      'apps/portal/Dockerfile':
        'FROM node:22.11-bookworm-slim AS build\nFROM gcr.io/distroless/nodejs22-debian12:nonroot\nCOPY --from=build /app /app\n',
      Dockerfile: 'FROM python:3.10\n',
    });
    await at.enrol(
      `- name: portal
  registry: ghcr.io
  repository: example-org/portal
  source: { provider: local, repo: "${at.remote.path}", branch: main, dockerfile: apps/portal/Dockerfile }
  rebuildDelay: 7d
- name: worker
  registry: ghcr.io
  repository: example-org/worker
  source: { provider: local, repo: "${at.remote.path}", dockerfile: Dockerfile }
  rebuildDelay: 14d
  autoRebuild: false
- name: cache
  registry: docker.io
  repository: library/redis
  allowTags: ^7\\.[0-9]+-alpine$
  imageSelectionStrategy: SemVer
`,
      settings({ registry: at.registry }),
    );
    return at;
  }

  /** Every field, told by its path, of a file as it was and as it is. */
  function lost(before: unknown, after: unknown, path = ''): string[] {
    if (typeof before !== 'object' || before === null)
      return before === null || before === after
        ? []
        : [`${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`];
    return Object.entries(before).flatMap(([key, value]) =>
      lost(value, (after as Record<string, unknown> | null | undefined)?.[key], `${path}/${key}`),
    );
  }

  it('is analysed without loss: what is not ours to change stays, to the comment', async () => {
    const at = await withOlder();
    const before = await at.stateFiles();
    const { exit, out, err } = await at.run('analyze');
    expect({ exit, err }, out).toEqual({ exit: 0, err: '' });
    const after = await at.stateFiles();
    for (const [path, text] of before) {
      const now = after.get(path) ?? after.get(`_archive/${path}`);
      expect(now, path).toBeDefined();
      const changed = lost(parse(text), parse(now ?? '')).filter(
        (line) => !/^\/(enrollment|discoveryStatus|lastDiscovery|baseImages)\b/.test(line),
      );
      expect(changed, path).toEqual([]);
      const comments = text.split('\n').filter((line) => line.startsWith('#'));
      for (const comment of comments) expect(now, path).toContain(comment);
    }
    const portal = (await at.state()).images.get('portal');
    expect(portal).toMatchObject({
      discoveryStatus: 'success',
      currentVersion: '1.10',
      baseImages: ['distroless-nodejs22-debian12-nonroot', 'node-22.11-bookworm-slim'],
    } satisfies Partial<ImageRecord>);
    expect(portal?.dependencies).toHaveLength(2);
    // Again: no news, no change.
    await at.run('analyze');
    expect(await at.stateFiles()).toEqual(after);
  });

  it('takes the flags that the analysis job has always passed', async () => {
    const at = await withOlder();
    await at.remote.commit(Object.fromEntries(await filesBelow(older)), { branch: 'job/state' });
    const digest = `sha256:${'ab'.repeat(32)}`;
    const { exit, out, err } = await at.runBare(
      'analyze',
      '--log-level',
      'warn',
      '--image',
      'ghcr.io/example-org/portal',
      '--tag',
      '1.11',
      '--digest',
      digest,
      '--dockerfile',
      'Dockerfile',
      '--source-repo',
      at.remote.path,
      '--source-provider',
      'local',
      '--git-repo',
      at.remote.path,
      '--git-branch',
      'job/state',
      '--image-factory-dir',
      at.dir,
    );
    expect({ exit, err }, out).toEqual({ exit: 0, err: '' });
    const written = await at.remote.files('job/state');
    const portal = decodeImage('images/portal.yaml', written.get('images/portal.yaml') ?? '');
    expect(portal).toMatchObject({
      ok: true,
      value: { currentVersion: '1.11', currentDigest: digest, baseImages: ['python-3.10'] },
    });
    // Only this image was read.
    const worker = decodeImage('images/worker.yaml', written.get('images/worker.yaml') ?? '');
    expect(worker).toMatchObject({ ok: true, value: { discoveryStatus: 'pending' } });
    expect(out).toContain('portal');
    expect(out).not.toContain('worker');
  });
});
