import type { ManagedEnrolment, VersionFile } from '@image-factory/core/enrolment/types.ts';
import { day, formatInstant, hour } from '@image-factory/core/time.ts';
import { SimulatedRequests, type RequestsOptions } from '@image-factory/testing/world/requests.ts';
import { chance, type Disruption } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { pass, proposalEvents } from './test-days.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const branch = 'image-factory/version_files';

function versioned(
  name: string,
  more: Partial<ManagedEnrolment> = {},
  file: Partial<VersionFile> = {},
): ManagedEnrolment {
  return image(name, {
    autoRebuild: true,
    versionFile: { path: `${name}/VERSION`, form: 'text', key: [], ...file },
    ...more,
  });
}

interface Scene {
  readonly factory: TestFactory;
  readonly requests: SimulatedRequests;
}

/** Images that were built, and whose files say 1.0.0. */
async function scene(
  images: readonly ManagedEnrolment[],
  options: TestFactoryOptions & RequestsOptions = {},
): Promise<Scene> {
  const factory = new TestFactory(images, options);
  const requests = new SimulatedRequests(factory.world, options);
  factory.requests = requests;
  factory.world.push(debian, ['debian-1']);
  for (const { source, versionFile } of images) {
    factory.world.dockerfiles.set(source.dockerfile, 'FROM debian:12\n');
    if (versionFile) factory.world.dockerfiles.set(versionFile.path, '1.0.0\n');
  }
  for (let step = 0; step < 6; step += 1) await pass(factory, hour);
  return { factory, requests };
}

/** What `version next` would have written while the last build of the image ran. */
function give(factory: TestFactory, name: string, version: string, key?: string): void {
  const built = factory.state.images.get(name)?.rebuilds.at(-1)?.key ?? 'none';
  const at = formatInstant(factory.world.now);
  factory.world.edit(`images/${name}.yaml`, (text = '') => {
    const entry = `- version: ${version}\n  key: ${key ?? built}\n  at: ${at}\n`;
    return text.includes('versions:\n')
      ? text.replace('versions:\n', `versions:\n${entry}`)
      : `${text}versions:\n${entry}`;
  });
}

const textOf = (requests: SimulatedRequests, path: string): string | undefined =>
  requests.branches.get(branch)?.files.get(path);

const problemsOf = (factory: TestFactory): readonly string[] =>
  factory.reports
    .at(-1)
    ?.problems.map(({ code, subject }) => `${code} ${subject?.kind === 'image' ? subject.name : ''}`) ?? [];

const eventsOf = (factory: TestFactory): readonly string[] =>
  proposalEvents(factory).map(({ type, image: name }) => `${type} ${name ?? ''}`);

describe('versions that a request writes into files', () => {
  it('are those of builds that succeeded, all of a repository in one commit', async () => {
    const { factory, requests } = await scene([versioned('a'), versioned('b'), versioned('c')]);
    expect(factory.state.images.get('a')?.rebuilds).toHaveLength(1);
    expect(requests.all).toStrictEqual([]);
    give(factory, 'a', '1.1.0');
    give(factory, 'b', '2.0.0');
    give(factory, 'c', '3.0.0', 'of a build that failed');
    await pass(factory, hour);
    expect(requests.all).toHaveLength(1);
    expect(requests.branches.get(branch)?.files).toStrictEqual(
      new Map([
        ['a/VERSION', '1.1.0\n'],
        ['b/VERSION', '2.0.0\n'],
      ]),
    );
    const [open] = requests.open();
    expect(open?.title).toBe('Set the versions of 2 images');
    expect(open?.body).toContain('| `a` | `a/VERSION` | `1.1.0` | `sha256:');
    expect(factory.state.images.get('b')?.versionRequest).toMatchObject({
      number: 1,
      branch,
      digests: { 'b/VERSION': '2.0.0' },
    });
    const commits = factory.world.commits.length;
    await pass(factory, hour);
    expect(factory.world.commits).toHaveLength(commits);
    requests.merge(branch);
    await pass(factory, hour);
    await pass(factory, hour);
    expect(factory.state.images.get('a')).toMatchObject({
      versionFile: { path: 'a/VERSION', version: '1.1.0' },
      versionRequest: { ended: { outcome: 'merged' } },
    });
    const reads = factory.world.calls.get('read branch');
    await pass(factory, hour);
    expect(factory.world.calls.get('read branch')).toBe(reads);
    // Nothing was built again for it.
    for (const name of ['a', 'b', 'c']) expect(factory.state.images.get(name)?.rebuilds).toHaveLength(1);
  });

  it('change in the same request when there is a newer one, and go when a person has written them', async () => {
    const { factory, requests } = await scene([versioned('a'), versioned('b')]);
    give(factory, 'a', '1.1.0');
    await pass(factory, hour);
    give(factory, 'b', '1.5.0');
    give(factory, 'a', '1.2.0');
    await pass(factory, hour);
    expect(requests.all).toHaveLength(1);
    expect(textOf(requests, 'a/VERSION')).toBe('1.2.0\n');
    expect(textOf(requests, 'b/VERSION')).toBe('1.5.0\n');
    factory.config = { ...factory.config, images: [versioned('b')] };
    await pass(factory, hour);
    expect([...(requests.branches.get(branch)?.files.keys() ?? [])]).toStrictEqual(['b/VERSION']);
    factory.config = { ...factory.config, images: [versioned('b', { versionFile: undefined })] };
    await pass(factory, hour);
    expect(requests.all[0]).toMatchObject({ state: 'closed' });
    expect(requests.branches.size).toBe(0);
    expect(factory.state.images.get('b')?.versionRequest?.ended?.outcome).toBe('moot');
  });

  it('are never lowered, nor proposed again when a person said no', async () => {
    const { factory, requests } = await scene([versioned('a'), versioned('b')]);
    factory.world.dockerfiles.set('a/VERSION', '9.0.0\n');
    give(factory, 'a', '1.1.0');
    give(factory, 'b', '1.1.0');
    await pass(factory, hour);
    expect([...(requests.branches.get(branch)?.files.keys() ?? [])]).toStrictEqual(['b/VERSION']);
    requests.decline(branch);
    await pass(factory, hour);
    await pass(factory, hour);
    expect(requests.all).toHaveLength(1);
    give(factory, 'b', '1.2.0');
    await pass(factory, hour);
    expect(requests.all).toHaveLength(2);
  });

  it('leave out a file that is missing or says no version, which is reported', async () => {
    const { factory, requests } = await scene([versioned('a'), versioned('b'), versioned('c')]);
    factory.world.dockerfiles.delete('a/VERSION');
    factory.world.dockerfiles.set('b/VERSION', 'latest\n');
    for (const name of ['a', 'b', 'c']) give(factory, name, '1.1.0');
    await pass(factory, hour);
    expect(problemsOf(factory)).toStrictEqual(['VERSION_FILE a', 'VERSION_FILE b']);
    expect([...(requests.branches.get(branch)?.files.keys() ?? [])]).toStrictEqual(['c/VERSION']);
  });

  it('stand together in one file, each under its key', async () => {
    const inFile = (name: string): ManagedEnrolment =>
      versioned(name, {}, { path: 'versions.yaml', form: 'yaml', key: [name, 'version'] });
    const { factory, requests } = await scene([inFile('a'), inFile('b')]);
    factory.world.dockerfiles.set(
      'versions.yaml',
      '# ours\na: { version: 1.0.0 }\nb:\n  version: "1.0.0" # b\n',
    );
    give(factory, 'a', '1.1.0');
    give(factory, 'b', '1.2.0');
    await pass(factory, hour);
    expect(textOf(requests, 'versions.yaml')).toBe(
      '# ours\na: { version: 1.1.0 }\nb:\n  version: "1.2.0" # b\n',
    );
  });

  it('wait for holds and freeze windows', async () => {
    const { factory, requests } = await scene([versioned('a'), versioned('b')]);
    factory.world.edit(
      'images/a.yaml',
      (text) => `${text ?? ''}hold:\n  reason: wait\n  since: 2026-01-01T00:00:00Z\n`,
    );
    give(factory, 'a', '1.1.0');
    await pass(factory, hour);
    expect(requests.all).toStrictEqual([]);
    const { now } = factory.world;
    factory.settings((settings) => ({
      ...settings,
      freezeWindows: [{ kind: 'between', name: 'x', allowEmergency: false, from: now, to: now + day }],
    }));
    give(factory, 'b', '1.1.0');
    await pass(factory, hour);
    expect(requests.all).toStrictEqual([]);
    await pass(factory, day);
    expect([...(requests.branches.get(branch)?.files.keys() ?? [])]).toStrictEqual(['b/VERSION']);
  });

  it('leave a branch alone that somebody else has committed to', async () => {
    const { factory, requests } = await scene([versioned('a')]);
    give(factory, 'a', '1.1.0');
    await pass(factory, hour);
    requests.commit(branch, 'theirs\n');
    give(factory, 'a', '1.2.0');
    await pass(factory, hour);
    expect(problemsOf(factory)).toStrictEqual(['REQUEST_FOREIGN a']);
    expect(textOf(requests, 'a/VERSION')).toBe('theirs\n');
  });
});

describe('versions that are committed on the branch itself', () => {
  const direct = { versionFiles: 'commit' } as const;

  it('are one commit that starts no build, and none where nothing is behind', async () => {
    const { factory, requests } = await scene([versioned('a', direct), versioned('b', direct)]);
    give(factory, 'a', '1.1.0');
    give(factory, 'b', '1.2.0');
    await pass(factory, hour);
    await pass(factory, hour);
    expect(requests.all).toStrictEqual([]);
    expect(requests.commits).toStrictEqual([
      {
        subject: 'Set the versions of 2 images [skip ci]',
        files: new Map([
          ['a/VERSION', '1.1.0\n'],
          ['b/VERSION', '1.2.0\n'],
        ]),
      },
    ]);
    expect(factory.state.images.get('a')?.versionFile).toMatchObject({ version: '1.1.0' });
    expect(eventsOf(factory)).toStrictEqual(['version-written a', 'version-written b']);
    const reads = factory.world.calls.get('read branch');
    await pass(factory, hour);
    expect(factory.world.calls.get('read branch')).toBe(reads);
    for (const name of ['a', 'b']) expect(factory.state.images.get(name)?.rebuilds).toHaveLength(1);
  });

  it('close the request where there was one before', async () => {
    const { factory, requests } = await scene([versioned('a')]);
    give(factory, 'a', '1.1.0');
    await pass(factory, hour);
    expect(requests.open()).toHaveLength(1);
    factory.config = { ...factory.config, images: [versioned('a', direct)] };
    await pass(factory, hour);
    expect(requests.open()).toStrictEqual([]);
    expect(factory.world.dockerfiles.get('a/VERSION')).toBe('1.1.0\n');
  });
});

describe('version files in disturbed schedules', () => {
  const schedules = 60;

  it.each(['request', 'commit'] as const)(
    `are written once by %s, in ${schedules} schedules of two processes that are killed`,
    async (versionFiles) => {
      let midway = 0;
      for (let seed = 1; seed <= schedules; seed += 1) {
        const { factory, requests } = await scene(
          [versioned('a', { versionFiles }), versioned('b', { versionFiles })],
          { seed, refusals: 0.2, lostAnswers: 0.3 },
        );
        const random = chance(seed * 7919);
        for (const version of ['1.1.0', '1.2.0']) {
          give(factory, 'a', version);
          if (version === '1.1.0') give(factory, 'b', version);
          for (let round = 0; round < 3; round += 1) {
            factory.world.now += hour;
            const disruptions = ['x', 'y'].map((name): Disruption => ({
              process: `${name}${factory.world.now}`,
              at: 1 + Math.floor(random() * 40),
            }));
            for (const { process } of disruptions) factory.spawn(process);
            await factory.scheduler.run(disruptions);
            const said = factory.state.images.get('a');
            if (said?.versionFile?.version !== version && !said?.versionRequest?.number) midway += 1;
          }
        }
        for (let step = 0; step < 3; step += 1) await pass(factory, hour);
        const files = versionFiles === 'request' ? requests.branches.get(branch)?.files : undefined;
        const told = (path: string): string | undefined =>
          files?.get(path) ?? factory.world.dockerfiles.get(path);
        expect({
          seed,
          a: told('a/VERSION'),
          b: told('b/VERSION'),
          requests: requests.all.length,
          overwritten: requests.overwritten,
          commits: requests.commits.length <= 3,
          twice: new Set(requests.commits.map((each) => JSON.stringify([...each.files]))).size,
          builds: factory.state.images.get('a')?.rebuilds.length,
        }).toStrictEqual({
          seed,
          a: '1.2.0\n',
          b: '1.1.0\n',
          requests: versionFiles === 'request' ? 1 : 0,
          overwritten: 0,
          commits: true,
          twice: requests.commits.length,
          builds: 1,
        });
      }
      expect(midway).toBeGreaterThan(0);
    },
    120_000,
  );
});
