import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { SourceRequest } from '@image-factory/core/state/types.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { SimulatedRequests, type RequestsOptions } from '@image-factory/testing/world/requests.ts';
import { chance, type Disruption } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { calm, days, pass, proposalEvents } from './test-days.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const branch = 'image-factory/group_web';
const fileOf = (name: string): string => `${name}/Dockerfile`;

/** An image of the group whose Dockerfile pins a digest. */
function member(name: string, more: Partial<ManagedEnrolment> = {}): ManagedEnrolment {
  return image(name, { mode: 'pull-request', pullRequestGroup: 'web', ...more });
}

interface Scene {
  readonly factory: TestFactory;
  readonly requests: SimulatedRequests;
  readonly first: string;
}

async function scene(
  images: readonly ManagedEnrolment[],
  options: TestFactoryOptions & RequestsOptions = {},
): Promise<Scene> {
  const factory = new TestFactory(images, options);
  const requests = new SimulatedRequests(factory.world, options);
  factory.requests = requests;
  const first = factory.world.push(debian, ['debian-1']);
  for (const { source } of images)
    factory.world.dockerfiles.set(source.dockerfile, `FROM debian:12@${first}\nRUN true\n`);
  await factory.cycle();
  await pass(factory, hour);
  return { factory, requests, first };
}

const requestOf = (factory: TestFactory, name: string): SourceRequest | undefined =>
  factory.state.images.get(name)?.pullRequest;

const enrol = (factory: TestFactory, ...images: ManagedEnrolment[]): void => {
  factory.config = { ...factory.config, images };
};

const pinned = (requests: SimulatedRequests, at = branch): Record<string, string> =>
  Object.fromEntries(
    [...(requests.branches.get(at)?.files ?? [])].map(([file, text]) => [
      file,
      /@(sha256:\w+)/.exec(text)?.[1] ?? '',
    ]),
  );

const openAt = (requests: SimulatedRequests): readonly string[] =>
  requests
    .open()
    .map((each) => each.branch)
    .toSorted();

const problemsOf = (factory: TestFactory): readonly string[] =>
  factory.reports
    .at(-1)
    ?.problems.map(({ code, subject }) => `${code} ${subject?.kind === 'image' ? subject.name : ''}`) ?? [];

const eventsOf = (factory: TestFactory): readonly string[] =>
  proposalEvents(factory).map(({ type, image: name }) => `${type} ${name ?? ''}`);

const hold = (text: string | undefined): string =>
  `${text ?? ''}hold:\n  reason: wait\n  since: 2026-01-01T00:00:00Z\n`;
const release = (text: string | undefined): string => (text ?? '').replace(/hold:\n(  .*\n)+/, '');

describe('a request that several images share', () => {
  it('is one branch with one commit, and names every image with its digests', async () => {
    const { factory, requests, first } = await scene([member('a'), member('b'), member('c')]);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(requests.all).toHaveLength(1);
    expect([...requests.branches.keys()]).toStrictEqual([branch]);
    expect(pinned(requests)).toStrictEqual({
      [fileOf('a')]: second,
      [fileOf('b')]: second,
      [fileOf('c')]: second,
    });
    const [open] = requests.open();
    expect(open?.title).toBe(`Move debian:12 to ${second.slice(0, 19)} in 3 images of web`);
    for (const part of ['`a`', '`b`', '`c`', first, second, 'first seen']) expect(open?.body).toContain(part);
    for (const name of ['a', 'b', 'c'])
      expect(requestOf(factory, name)).toMatchObject({
        number: 1,
        branch,
        digests: { 'debian-12': second },
      });
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened a', 'proposal-opened b', 'proposal-opened c']);
    const commits = factory.world.commits.length;
    const reads = factory.world.calls.get('read branch');
    await days(factory, 2);
    expect(factory.world.commits.length).toBe(commits);
    expect(factory.world.calls.get('read branch')).toBe(reads);
    requests.merge(branch);
    await days(factory, 1);
    for (const name of ['a', 'b', 'c']) expect(requestOf(factory, name)?.ended?.outcome).toBe('merged');
    expect(factory.world.dockerfiles.get(fileOf('c'))).toContain(second);
  });

  it('is opened once by a run that went wrong, and each image has its own delay', async () => {
    const { factory, requests } = await scene([member('a'), member('b', { rebuildDelay: 20 * day })], {
      lostAnswers: 1,
    });
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(requests.all).toHaveLength(1);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second });
    await days(factory, 13);
    expect(requests.all).toHaveLength(1);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second, [fileOf('b')]: second });
  });

  it('goes on without an image that needs nothing any more, and is closed when none does', async () => {
    const { factory, requests } = await scene([member('a'), member('b')]);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    factory.world.dockerfiles.set(fileOf('a'), `FROM debian:12@${second}\n`);
    await days(factory, 1);
    expect(requests.open()).toHaveLength(1);
    expect(pinned(requests)).toStrictEqual({ [fileOf('b')]: second });
    expect(requests.open()[0]?.body).not.toContain('`a`');
    expect(requestOf(factory, 'a')?.ended?.outcome).toBe('moot');
    enrol(factory, member('a'));
    await days(factory, 1);
    expect(requests.all).toMatchObject([
      { state: 'closed', comments: [expect.stringContaining('enrolled no more')] },
    ]);
    expect(requests.branches.size).toBe(0);
    expect(factory.state.images.has('b')).toBe(false);
  });

  it('leaves out who is on hold, also of one that is open, and takes it back afterwards', async () => {
    const { factory, requests } = await scene([member('a'), member('b')]);
    factory.world.edit('images/b.yaml', hold);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second });
    factory.world.edit('images/b.yaml', release);
    await days(factory, 2);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second, [fileOf('b')]: second });
    factory.world.edit('images/b.yaml', hold);
    await days(factory, 1);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second });
    expect(requests.all).toHaveLength(1);
    // Where nobody goes on there is no change: it stays as it is.
    factory.world.edit('images/a.yaml', hold);
    await days(factory, 1);
    expect(requests.open()).toHaveLength(1);
  });

  it('is left as it is in a freeze window', async () => {
    const { factory, requests } = await scene([member('a'), member('b')]);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    const { now } = factory.world;
    factory.settings((settings) => ({
      ...settings,
      freezeWindows: [{ kind: 'between', name: 'x', allowEmergency: false, from: now, to: now + 30 * day }],
    }));
    factory.world.push(debian, ['debian-3']);
    await days(factory, 10);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second, [fileOf('b')]: second });
    expect(requests.open()).toHaveLength(1);
  });

  it('lets images come and go without a stale request', async () => {
    const { factory, requests } = await scene([
      member('a'),
      member('b'),
      image('c', { mode: 'pull-request' }),
    ]);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(openAt(requests)).toStrictEqual(['image-factory/c', branch]);
    enrol(factory, member('a'), image('b', { mode: 'pull-request' }), member('c'));
    await pass(factory, hour);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second, [fileOf('c')]: second });
    expect(pinned(requests, 'image-factory/b')).toStrictEqual({ [fileOf('b')]: second });
    expect(openAt(requests)).toStrictEqual(['image-factory/b', branch]);
    expect(requests.branches.has('image-factory/c')).toBe(false);
    enrol(factory, member('a'), member('b'), image('c', { mode: 'pull-request' }));
    await days(factory, 1);
    expect(openAt(requests)).toStrictEqual(['image-factory/c', branch]);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second, [fileOf('b')]: second });
    const all = requests.all.length;
    await days(factory, 2);
    expect(requests.all).toHaveLength(all);
  });

  it('edits a Dockerfile that two images share once', async () => {
    const { factory, requests, first } = await scene([member('a'), member('b')]);
    const source = { ...member('a').source, target: 'two' };
    enrol(factory, member('a'), member('b', { source }));
    factory.world.dockerfiles.set(fileOf('a'), `FROM debian:12@${first} AS one\nFROM one AS two\nFROM one\n`);
    await days(factory, 1);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(requests.branches.get(branch)?.text).toBe(
      `FROM debian:12@${second} AS one\nFROM one AS two\nFROM one\n`,
    );
    expect(requests.open()[0]?.title).toContain('2 images');
  });

  it('reports what contradicts in a shared Dockerfile, writes no half of it, and goes on with the others', async () => {
    const source = { ...member('a').source };
    const images = [member('a'), member('b', { source, rebuildDelay: 3 * day }), member('c')];
    const { factory, requests } = await scene(images);
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 6);
    // Only b has seen its delay over: nobody wants anything else of the file yet.
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second });
    const third = factory.world.push(debian, ['debian-3']);
    await days(factory, 5);
    expect(problemsOf(factory)).toStrictEqual(['REQUEST_IMPOSSIBLE a', 'REQUEST_IMPOSSIBLE b']);
    expect(factory.reports.at(-1)?.problems[0]?.message).toContain('a, b want different words');
    expect(Object.keys(pinned(requests))).toStrictEqual([fileOf('c')]);
    await days(factory, 6);
    expect(problemsOf(factory)).toStrictEqual([]);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: third, [fileOf('c')]: third });
  });

  it('goes on without a Dockerfile that is gone or cannot be changed', async () => {
    const { factory, requests, first } = await scene([member('a'), member('b')]);
    const second = factory.world.push(debian, ['debian-2']);
    factory.world.dockerfiles.set(
      fileOf('b'),
      `ARG X=${first.slice(0, 20)}\nARG Y=${first.slice(20)}\nFROM debian:12@$X$Y\n`,
    );
    await days(factory, 9);
    expect(problemsOf(factory)).toStrictEqual(['REQUEST_IMPOSSIBLE b']);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: second });
  });

  it('takes a no for all of its images, and proposes what comes next', async () => {
    const { factory, requests } = await scene([member('a'), member('b')]);
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.decline(branch);
    await days(factory, 3);
    expect(requests.all).toHaveLength(1);
    for (const name of ['a', 'b']) expect(requestOf(factory, name)?.ended?.outcome).toBe('declined');
    const third = factory.world.push(debian, ['debian-3']);
    await days(factory, 9);
    expect(requests.all).toHaveLength(2);
    expect(pinned(requests)).toStrictEqual({ [fileOf('a')]: third, [fileOf('b')]: third });
  });

  it('leaves a branch alone that somebody else has committed to', async () => {
    const { factory, requests } = await scene([member('a'), member('b')]);
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.commit(branch, 'FROM debian:12 AS theirs\n');
    factory.world.push(debian, ['debian-3']);
    enrol(factory, member('a'));
    await days(factory, 9);
    expect(requests.overwritten).toBe(0);
    expect(requests.branches.get(branch)?.text).toBe('FROM debian:12 AS theirs\n');
    expect(problemsOf(factory)).toStrictEqual(['REQUEST_FOREIGN a']);
  });

  it('has one for each source branch, and takes one place and one change of the limits', async () => {
    const release1 = { source: { ...member('b').source, branch: 'release/1' } };
    const { factory, requests } = await scene([member('a'), member('b', release1), member('c')]);
    factory.settings((settings) => ({ ...settings, limits: { ...settings.limits, concurrent: 1 } }));
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(requests.open()).toHaveLength(1);
    expect(Object.keys(pinned(requests))).toStrictEqual([fileOf('a'), fileOf('c')]);
    factory.settings((settings) => ({ ...settings, limits: { ...settings.limits, concurrent: 2 } }));
    await days(factory, 1);
    expect(openAt(requests)).toStrictEqual([
      branch,
      expect.stringMatching(/^image-factory\/group_web_release-1_[0-9a-f]{8}$/),
    ]);
  });
});

describe('shared requests in disturbed schedules', () => {
  /** Two processes at a time, killed at random awaits, with lost answers; images join, leave and are held; then calm. */
  async function play(seed: number): Promise<Record<string, unknown>> {
    const { factory, requests } = await scene([member('a'), member('b'), member('c')], {
      seed,
      refusals: 0.2,
      lostAnswers: 0.3,
    });
    const random = chance(seed * 7919);
    const disturbed = async (rounds: number): Promise<void> => {
      for (let round = 1; round <= rounds; round += 1) {
        factory.world.now += 5 * hour;
        const disruptions = ['a', 'b'].map((name): Disruption => ({
          process: `${name}${factory.world.now}`,
          at: 1 + Math.floor(random() * 45),
        }));
        for (const { process } of disruptions) factory.spawn(process);
        await factory.scheduler.run(disruptions);
      }
    };
    factory.world.push(debian, ['debian-2']);
    await calm(factory, 7);
    await disturbed(9);
    const own = { mode: 'pull-request' } as const;
    if (seed % 2 === 0) enrol(factory, member('a'), image('b', own), member('c'));
    if (seed % 3 === 0) factory.world.edit('images/c.yaml', hold);
    const isTheirs = seed % 5 === 0 && requests.branches.has(branch);
    if (isTheirs) requests.commit(branch, 'FROM scratch\n');
    await disturbed(4);
    const third = factory.world.push(debian, ['debian-3']);
    await calm(factory, 7);
    await disturbed(4);
    await calm(factory, 3);
    const groups = requests.open().filter((each) => each.branch === branch).length;
    const files = pinned(requests);
    const expected = ['a', ...(seed % 2 === 0 ? [] : ['b']), ...(seed % 3 === 0 ? [] : ['c'])];
    return {
      isTheirs,
      groups,
      overwritten: requests.overwritten,
      all: requests.all.length,
      isRight:
        isTheirs ||
        JSON.stringify(Object.entries(files)) ===
          JSON.stringify(expected.map((name) => [fileOf(name), third])),
      alone: pinned(requests, 'image-factory/b')[fileOf('b')] === third,
      open: requests.open().length,
    };
  }

  const schedules = 120;

  it(`are one for each group, with just its images, in ${schedules} schedules`, async () => {
    let theirs = 0;
    for (let seed = 1; seed <= schedules; seed += 1) {
      const { isTheirs, all, open, groups, ...played } = await play(seed);
      const isSplit = seed % 2 === 0;
      if (isTheirs === true) theirs += 1;
      else
        expect({ seed, open, groups, all }).toStrictEqual({
          seed,
          open: isSplit ? 2 : 1,
          groups: 1,
          all: isSplit ? 2 : 1,
        });
      expect({ seed, ...played }).toMatchObject({ seed, overwritten: 0, isRight: true });
      if (isSplit && isTheirs !== true) expect(played['alone']).toBe(true);
    }
    expect(theirs).toBeGreaterThan(schedules / 20);
  }, 300_000);
});
