import { requestBranch } from '@image-factory/core/proposals/request-place.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { SimulatedRequests, type RequestsOptions } from '@image-factory/testing/world/requests.ts';
import { chance, type Disruption } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { calm, days, pass, proposalEvents } from './test-days.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const branch = requestBranch('app');
const file = 'app/Dockerfile';

interface Scene {
  readonly factory: TestFactory;
  readonly requests: SimulatedRequests;
  readonly first: string;
}

/** An image in pull-request mode whose Dockerfile pins the baseline. */
async function scene(options: TestFactoryOptions & RequestsOptions = {}): Promise<Scene> {
  const factory = new TestFactory([image('app', { mode: 'pull-request', autoRebuild: true })], options);
  const requests = new SimulatedRequests(factory.world, options);
  factory.requests = requests;
  const first = factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set(file, `FROM debian:12@${first}\r\nRUN true\r\n`);
  await factory.cycle();
  await pass(factory, hour);
  return { factory, requests, first };
}

const eventsOf = (factory: TestFactory): readonly string[] => proposalEvents(factory).map(({ type }) => type);

const requestOf = (factory: TestFactory) => factory.state.images.get('app')?.pullRequest;

describe('requests to the source', () => {
  it('proposes a newer digest when its delay and its slot have come, once, and not before', async () => {
    const { factory, requests, first } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 6);
    expect(requests.all).toStrictEqual([]);
    expect(factory.reports.at(-1)?.proposals[0]?.action).toBe('none');
    await days(factory, 3);
    expect(requests.all).toHaveLength(1);
    expect(requests.branches.get(branch)?.text).toBe(`FROM debian:12@${second}\r\nRUN true\r\n`);
    const [open] = requests.open();
    expect(open?.title).toBe(`Move debian:12 to ${second.slice(0, 19)} in app`);
    expect(open?.body).toContain(first);
    expect(open?.body).toContain(second);
    expect(requestOf(factory)).toMatchObject({ number: 1, branch, digests: { 'debian-12': second } });
    const commits = factory.world.commits.length;
    const reads = factory.world.calls.get('read branch');
    await days(factory, 2);
    expect(factory.world.commits.length).toBe(commits);
    expect(factory.world.calls.get('read branch')).toBe(reads);
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened']);
  });

  it('changes the same request when a newer digest has proved itself', async () => {
    const { factory, requests } = await scene();
    factory.world.push(debian, ['debian-2']);
    await days(factory, 5);
    const third = factory.world.push(debian, ['debian-3']);
    await days(factory, 5);
    const before = requests.open()[0]?.title;
    await days(factory, 5);
    expect(requests.all).toHaveLength(1);
    expect(requests.branches.get(branch)?.text).toContain(third);
    expect(requests.open()[0]?.title).not.toBe(before);
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened', 'proposal-updated']);
  });

  it('notices that it was merged', async () => {
    const { factory, requests } = await scene();
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.merge(branch);
    await days(factory, 1);
    expect(requestOf(factory)?.ended?.outcome).toBe('merged');
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened', 'proposal-merged']);
    const third = factory.world.push(debian, ['debian-3']);
    await days(factory, 9);
    expect(requests.all).toHaveLength(2);
    expect(requests.branches.get(branch)?.text).toContain(third);
  });

  it('does not propose again what a person declined, and proposes the next digest', async () => {
    const { factory, requests } = await scene();
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.decline(branch);
    await days(factory, 3);
    expect(requests.all).toHaveLength(1);
    expect(requestOf(factory)?.ended?.outcome).toBe('declined');
    expect(factory.reports.at(-1)?.proposals[0]?.notes[0]?.code).toBe('request-declined');
    factory.world.push(debian, ['debian-3']);
    await days(factory, 9);
    expect(requests.all).toHaveLength(2);
  });

  it('closes it with a word when the pin was moved by hand, and takes its branch away', async () => {
    const { factory, requests } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    factory.world.dockerfiles.set(file, `FROM debian:12@${second}\n`);
    await days(factory, 1);
    expect(requests.all[0]).toMatchObject({
      state: 'closed',
      comments: [expect.stringContaining('nothing left')],
    });
    expect(requests.branches.size).toBe(0);
    expect(requestOf(factory)?.ended?.outcome).toBe('moot');
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened', 'proposal-closed']);
  });

  it.each([
    ['the mode changed', [image('app', { mode: 'dispatch' })]],
    ['it is enrolled no more', []],
  ])('closes it when %s', async (_, images) => {
    const { factory, requests } = await scene();
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    factory.config = { ...factory.config, images };
    await days(factory, 1);
    expect(requests.all[0]?.state).toBe('closed');
    if (images.length === 0) expect(factory.state.images.size).toBe(0);
  });

  it('leaves a branch alone that somebody else has committed to, and says so', async () => {
    const { factory, requests } = await scene();
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.commit(branch, 'FROM debian:12 AS theirs\n');
    factory.world.push(debian, ['debian-3']);
    await days(factory, 9);
    expect(requests.overwritten).toBe(0);
    expect(requests.branches.get(branch)?.text).toBe('FROM debian:12 AS theirs\n');
    expect(factory.reports.at(-1)?.problems.map(({ code }) => code)).toStrictEqual(['REQUEST_FOREIGN']);
  });

  it('waits for holds and freeze windows, and leaves what is open as it is', async () => {
    const { factory, requests } = await scene();
    const hold = (until: string) => (text: string | undefined) =>
      `${text ?? ''}hold:\n  reason: wait\n  since: 2026-01-01T00:00:00Z\n${until}`;
    factory.world.edit('images/app.yaml', hold(''));
    factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    expect(requests.all).toStrictEqual([]);
    expect(factory.reports.at(-1)?.proposals[0]).toMatchObject({
      action: 'blocked',
      notes: [{ code: 'held' }],
    });
    factory.world.edit('images/app.yaml', (text) => (text ?? '').replace(/hold:\n(  .*\n)+/, ''));
    const { now } = factory.world;
    factory.settings((settings) => ({
      ...settings,
      freezeWindows: [{ kind: 'between', name: 'x', allowEmergency: false, from: now, to: now + 2 * day }],
    }));
    await days(factory, 1);
    expect(requests.all).toStrictEqual([]);
    await days(factory, 2);
    expect(requests.open()).toHaveLength(1);
    factory.world.edit('images/app.yaml', hold(''));
    factory.world.push(debian, ['debian-3']);
    await days(factory, 10);
    expect(requests.open()).toHaveLength(1);
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened']);
  });

  it('says what it cannot move, and a forge that fails stops nothing', async () => {
    const { factory, requests } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 6);
    factory.world.fault = (label) =>
      label === 'find request' ? { code: 'CI_UNREACHABLE', message: 'down', hint: 'Wait.' } : undefined;
    await days(factory, 3);
    expect(factory.reports.at(-1)?.problems).toMatchObject([
      { code: 'CI_UNREACHABLE', subject: { name: 'app' } },
    ]);
    factory.world.fault = () => undefined;
    await days(factory, 1);
    expect(requests.branches.get(branch)?.text).toContain(second);
  });

  it('does not propose a digest that is no longer served', async () => {
    const { factory, requests } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 6);
    factory.world.manifests.delete(`docker.io/library/debian@${second}`);
    await days(factory, 3);
    expect(requests.all).toStrictEqual([]);
    const [base] = factory.state.bases.values();
    expect(base?.ledger.find(({ digest }) => digest === second)?.goneAt).toBeDefined();
  });

  it('makes its commit anew where the Dockerfile changed, and leaves the words of people', async () => {
    const { factory, requests, first } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.edit(branch, { title: 'Mine', body: 'my words' });
    factory.world.dockerfiles.set(file, `FROM debian:12@${first}\nRUN other\n`);
    await days(factory, 1);
    expect(requests.branches.get(branch)?.text).toBe(`FROM debian:12@${second}\nRUN other\n`);
    expect(requests.open()).toMatchObject([{ title: 'Mine', body: 'my words' }]);
    expect(eventsOf(factory)).toStrictEqual(['proposal-opened', 'proposal-updated']);
  });

  it('moves an alarm out in the coordination window, to an earlier digest if need be', async () => {
    const { factory, requests, first } = await scene();
    const second = factory.world.push(debian, ['debian-2']);
    await days(factory, 9);
    requests.merge(branch);
    await days(factory, 1);
    factory.world.push(debian, ['debian-1']);
    await pass(factory, hour);
    await days(factory, 9);
    expect(requests.branches.get(branch)?.text).toContain(first);
    expect(requests.branches.get(branch)?.text).not.toContain(second);
  });
});

describe('requests in disturbed schedules', () => {
  /** Two processes at a time, killed at random awaits, with lost answers; then calm. */
  async function play(
    seed: number,
    options: RequestsOptions,
  ): Promise<{
    committed: boolean;
    opens: number;
    text: string;
    open: number;
    overwritten: number;
  }> {
    const { factory, requests } = await scene({ seed, refusals: 0.2, lostAnswers: 0.3, ...options });
    const random = chance(seed * 7919);
    factory.world.push(debian, ['debian-2']);
    await calm(factory, 7);
    const disturbed = async (rounds: number): Promise<void> => {
      for (let round = 1; round <= rounds; round += 1) {
        factory.world.now += 5 * hour;
        const disruptions = ['a', 'b'].map((name): Disruption => ({
          process: `${name}${factory.world.now}`,
          at: 1 + Math.floor(random() * 25),
        }));
        for (const { process } of disruptions) factory.spawn(process);
        await factory.scheduler.run(disruptions);
      }
    };
    await disturbed(6);
    const committed = seed % 3 === 0 && requests.branches.has(branch);
    if (committed) requests.commit(branch, 'FROM scratch\n');
    const third = factory.world.push(debian, ['debian-3']);
    await calm(factory, 7);
    await disturbed(6);
    await calm(factory, 3);
    const text = requests.branches.get(branch)?.text ?? '';
    return {
      committed,
      opens: requests.all.length,
      open: requests.open().length,
      overwritten: requests.overwritten,
      text: text.includes(third) ? 'newest' : text === 'FROM scratch\n' ? 'theirs' : text,
    };
  }

  const schedules = 300;

  it(`has one request of one branch, never over others' commits, in ${schedules} schedules`, async () => {
    let disturbed = 0;
    for (let seed = 1; seed <= schedules; seed += 1) {
      const { committed, ...played } = await play(seed, {});
      if (committed) {
        disturbed += 1;
        // Where the process was killed before it opened the request, the branch is somebody else's by now.
        expect(played).toMatchObject({ overwritten: 0, text: 'theirs' });
        expect(played.opens).toBeLessThanOrEqual(1);
      } else
        expect({ seed, ...played }).toStrictEqual({
          seed,
          opens: 1,
          open: 1,
          overwritten: 0,
          text: 'newest',
        });
    }
    expect(disturbed).toBeGreaterThan(schedules / 5);
  }, 300_000);

  it('would double requests at a forge that takes a second one of a branch', async () => {
    let doubled = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const played = await play(seed, { doubles: true });
      if (played.opens > 1) doubled += 1;
    }
    expect(doubled).toBeGreaterThan(0);
  }, 120_000);
});
