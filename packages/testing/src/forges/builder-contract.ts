import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { hour, minute, second, type Instant } from '@image-factory/core/time.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { dependency, digest, epoch } from '../records.ts';
import { noFaults, type FakeForge } from './fake-forge.ts';
import { serveForge, type ForgeReply, type ForgeCall } from './serve-forge.ts';
import type { WorkflowOptions, WorkflowRun } from './workflow-runs.ts';

/** One adapter, a fake of its forge, and what is peculiar to the two. */
export interface BuilderCase {
  readonly name: string;
  readonly image: ManagedEnrolment;
  /** An image whose build the forge refuses for a reason that stays. */
  readonly refused?: ManagedEnrolment;
  /** No message may hold any of them. */
  readonly secrets: readonly string[];
  open(options: WorkflowOptions): {
    readonly forge: FakeForge;
    /** The forge takes no credential any more. */
    expire(): void;
    /** Requests that the forge did not understand. */
    readonly mistakes?: readonly string[];
  };
  builder(surroundings: { readonly url: string; readonly clock: Clock; readonly forge: FakeForge }): {
    readonly builder: Builder;
    close(): Promise<void>;
  };
  /** Is this a request that the forge refuses as a whole because of its version, and so no create? */
  isProbe?(request: ForgeCall, reply: ForgeReply | 'lost'): boolean;
  /** What its runs do not tell, or its API cannot do. */
  readonly without?: readonly ('digest' | 'log' | 'superseded' | 'cancel')[];
  /** Who starts the same key twice gets the first run again: the forge knows runs by names that we choose. */
  readonly sameRun?: boolean;
}

/** What every Builder of a CI system promises, over real HTTP and in the forge's own time. */
export function builderContract(subject: BuilderCase): void {
  const without = new Set(subject.without);
  const { image } = subject;

  describe(`builder contract: ${subject.name}`, () => {
    const closers: (() => Promise<void>)[] = [];
    const problems: Problem[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0)) await close();
      // Whatever went wrong, nobody is told a credential.
      for (const secret of subject.secrets) expect(JSON.stringify(problems.splice(0))).not.toContain(secret);
    });

    async function open(options: Partial<WorkflowOptions> = {}) {
      const time = { now: epoch };
      const claims = new Map<string, string>();
      const claim = (run: WorkflowRun): boolean => {
        const name = `${run.image}/${run.key}/${run.attempt}`;
        if (!claims.has(name)) claims.set(name, run.id);
        return claims.get(name) === run.id;
      };
      const opened = subject.open({
        now: () => time.now,
        random: () => 0.5,
        claim,
        push: ({ key }) => digest(`pushed ${key}`),
        ...options,
      });
      let posts = 0;
      const served = await serveForge(async (request) => {
        const reply = await opened.forge.handle(request);
        if (request.method === 'POST' && !subject.isProbe?.(request, reply)) posts += 1;
        return reply;
      });
      const { builder, close } = subject.builder({
        url: served.url,
        clock: clockOf(time),
        forge: opened.forge,
      });
      closers.push(close, () => served.close());
      return { ...opened, builder, time, posts: () => posts };
    }

    async function codeOf(work: Promise<unknown>): Promise<string> {
      try {
        await work;
      } catch (thrown) {
        const problem = problemOf(thrown);
        problems.push(problem);
        expect(problem.hint).not.toBe('');
        return problem.code;
      }
      return 'none';
    }

    it('starts a run, follows it, and reads its digest', async () => {
      const { builder, forge, time, mistakes = [] } = await open();
      const started = await builder.start(requestOf(image));
      expect(started).toMatchObject({ key: 'k1', attempt: 1, status: 'running' });
      expect(forge.runs).toHaveLength(1);
      expect(forge.runs[0]).toMatchObject({ image: image.name, key: 'k1', attempt: 1 });
      expect(JSON.stringify(forge.runs[0]?.inputs)).toContain('--build-context docker.io/library/node:22=');
      expect(await builder.get(image, started.id)).toMatchObject({ id: started.id, status: 'running' });
      time.now += hour;
      const ended = await builder.get(image, started.id);
      expect(ended).toMatchObject({ id: started.id, key: 'k1', attempt: 1, status: 'success' });
      expect(ended?.digest).toBe(without.has('digest') ? undefined : digest('pushed k1'));
      expect(mistakes).toEqual([]);
    });

    it('finds a run by its key and attempt, and never that of another', async () => {
      const { builder, time } = await open();
      const first = await builder.start(requestOf(image));
      const eleventh = await builder.start(requestOf(image, { attempt: 11 }));
      const other = await builder.start(requestOf(image, { key: 'k11' }));
      time.now += minute;
      expect((await builder.find(image, 'k1', 1))?.id).toBe(first.id);
      expect((await builder.find(image, 'k1', 11))?.id).toBe(eleventh.id);
      expect((await builder.find(image, 'k11', 1))?.id).toBe(other.id);
      for (const [key, attempt] of [
        ['k1', 2],
        ['k1', 111],
        ['k', 1],
        ['k111', 1],
        ['1', 1],
      ] as const)
        expect(await builder.find(image, key, attempt)).toBeUndefined();
      expect(await builder.get(image, '987654')).toBeUndefined();
      expect(await builder.get(image, '../../user')).toBeUndefined();
    });

    it.each([
      ['is lost', { lostAnswers: 1 }],
      ['is a 5xx although the run was made', { failsAfterAccept: 1 }],
    ])('sends a create once whose answer %s, and finds its run', async (_, faults) => {
      const { builder, forge, time, posts } = await open();
      Object.assign(forge.faults, faults);
      expect(await codeOf(builder.start(requestOf(image)))).toBe('CI_UNREACHABLE');
      expect(posts()).toBe(1);
      expect(forge.runs).toHaveLength(1);
      Object.assign(forge.faults, noFaults);
      time.now += minute;
      const found = await builder.find(image, 'k1', 1);
      expect(found).toMatchObject({ key: 'k1', attempt: 1 });
      time.now += hour;
      expect(await builder.get(image, found?.id ?? '')).toMatchObject({ status: 'success' });
    });

    it('sends a create once that fails, and finds nothing', async () => {
      const { builder, forge, posts } = await open();
      forge.faults.failsBeforeAccept = 1;
      expect(await codeOf(builder.start(requestOf(image)))).toBe('CI_UNREACHABLE');
      expect(posts()).toBe(1);
      expect(await builder.find(image, 'k1', 1)).toBeUndefined();
    });

    it('finds a run once it is to be seen', async () => {
      const { builder, forge, time } = await open({ visibilityDelay: 10 * minute, buildTime: hour });
      forge.faults.lostAnswers = 1;
      expect(await codeOf(builder.start(requestOf(image)))).toBe('CI_UNREACHABLE');
      expect(await builder.find(image, 'k1', 1)).toBeUndefined();
      time.now += 6 * minute;
      expect(await builder.find(image, 'k1', 1)).toMatchObject({ key: 'k1', status: 'running' });
    });

    it('says that a limit was reached, and sends nothing again', async () => {
      const { builder, forge, time, posts } = await open();
      forge.faults.throttled = 1;
      expect(await codeOf(builder.start(requestOf(image)))).toBe('CI_THROTTLED');
      expect(posts()).toBe(1);
      const before = time.now;
      expect(await codeOf(builder.start(requestOf(image)))).toBe('CI_THROTTLED');
      // The pause that it asked for is kept, or was waited for by a read that came first.
      if (time.now - before < 20 * second) expect(posts()).toBe(1);
      forge.faults.throttled = 0;
      time.now += 2 * hour;
      expect(await builder.start(requestOf(image))).toMatchObject({ status: 'running' });
      expect(forge.runs).toHaveLength(1);
    });

    it('says that a credential is not taken, and does not repeat it', async () => {
      const { builder, forge, expire, posts } = await open();
      const { id } = await builder.start(requestOf(image));
      expire();
      expect(await codeOf(builder.start(requestOf(image, { key: 'k2' })))).toBe('CI_DENIED');
      expect(await codeOf(builder.find(image, 'k2', 1))).toBe('CI_DENIED');
      expect(await codeOf(builder.get(image, id))).toBe('CI_DENIED');
      expect(posts()).toBeLessThanOrEqual(2);
      expect(forge.runs).toHaveLength(1);
    });

    it.skipIf(!subject.refused)('says that a create is refused', async () => {
      const { builder, forge, posts } = await open();
      expect(await codeOf(builder.start(requestOf(subject.refused ?? image)))).toBe('CI_REFUSED');
      expect(posts()).toBe(1);
      expect(forge.runs).toEqual([]);
    });

    it('tells a failure, with what to look at', async () => {
      const { builder, time } = await open({ outcome: () => 'failure' });
      const { id } = await builder.start(requestOf(image));
      time.now += hour;
      const ended = await builder.get(image, id);
      expect(ended).toMatchObject({ status: 'failure', error: expect.stringMatching(/\w/) as string });
      expect(ended?.digest).toBeUndefined();
      if (!without.has('log')) expect(ended?.log).toMatch(/^https:\/\//);
    });

    it.skipIf(without.has('superseded'))('tells who lost the claim, and finds who holds it', async () => {
      const { builder, forge, time } = await open();
      await builder.start(requestOf(image));
      await builder.start(requestOf(image));
      expect(forge.runs).toHaveLength(2);
      time.now += hour;
      forge.catchUp();
      expect(forge.runs.filter(({ built }) => built)).toHaveLength(1);
      const found = await builder.find(image, 'k1', 1);
      expect(found?.status).toBe('success');
    });

    it.skipIf(without.has('superseded'))('finds who holds the claim, whoever was first', async () => {
      const { builder, forge, time } = await open({
        // Runners take their jobs in any order.
        claim: (run) => run.id !== forge.runs[0]?.id,
      });
      const one = await builder.start(requestOf(image));
      const two = await builder.start(requestOf(image));
      time.now += hour;
      expect((await builder.find(image, 'k1', 1))?.status).toBe('success');
      if (one.id === two.id) return;
      expect((await builder.get(image, one.id))?.status).toBe('superseded');
      expect((await builder.get(image, two.id))?.status).toBe('success');
    });

    it.skipIf(!subject.sameRun)('gets the same run for the same key and attempt', async () => {
      const { builder, forge } = await open();
      const first = await builder.start(requestOf(image));
      expect((await builder.start(requestOf(image))).id).toBe(first.id);
      expect(forge.runs).toHaveLength(1);
    });

    it.skipIf(without.has('cancel'))('cancels a run', async () => {
      const { builder, time } = await open({ buildTime: hour });
      const { id } = await builder.start(requestOf(image));
      time.now += minute;
      await builder.cancel(image, id);
      expect(await builder.get(image, id)).toMatchObject({
        status: expect.stringMatching(/cancelled|failure/) as string,
      });
    });

    it('runs again what failed, where it can: the same run, another end, and never twice at once', async () => {
      let broken = true;
      const { builder, forge, time } = await open({ outcome: () => (broken ? 'failure' : 'success') });
      const { id } = await builder.start(requestOf(image));
      time.now += hour;
      const first = await builder.get(image, id);
      if (!builder.retry) return;
      broken = false;
      await builder.retry(image, id);
      const again = await builder.get(image, id);
      expect(again).toMatchObject({ id, status: 'running' });
      await codeOf(builder.retry(image, id));
      time.now += hour;
      const second = await builder.get(image, id);
      expect(second).toMatchObject({ id, key: 'k1', attempt: 1, status: 'success' });
      expect((await builder.find(image, 'k1', 1))?.id).toBe(id);
      expect(first?.tried).toMatch(/./);
      expect(second?.tried).toMatch(/./);
      expect(second?.tried).not.toBe(first?.tried);
      // What has succeeded is not built again.
      await codeOf(builder.retry(image, id));
      time.now += hour;
      expect(await builder.get(image, id)).toEqual(second);
      expect(forge.runs.map(({ tries }) => tries)).toEqual([2]);
    });

    it('does not repeat a request to run again whose answer is lost', async () => {
      const { builder, forge, time, posts } = await open({ outcome: () => 'failure' });
      const { id } = await builder.start(requestOf(image));
      time.now += hour;
      await builder.get(image, id);
      if (!builder.retry) return;
      const before = posts();
      forge.faults.lostAnswers = 1;
      await codeOf(builder.retry(image, id));
      expect(posts()).toBe(before + 1);
    });

    it('asks again where a read fails', async () => {
      const { builder, forge } = await open({ random: alternating() });
      const { id } = await builder.start(requestOf(image));
      forge.faults.failedReads = 0.6;
      expect(await builder.get(image, id)).toMatchObject({ status: 'running' });
    });
  });
}

/** Every second read fails where the chance is 0.6. */
function alternating(): () => number {
  let last = 0.9;
  return () => (last = 1.4 - last);
}

/** A clock that moves when it is slept on. */
function clockOf(time: { now: Instant }): Clock {
  return {
    now: () => time.now,
    monotonic: () => time.now,
    async sleep(duration, signal) {
      signal?.throwIfAborted();
      time.now += Math.max(duration, second / 100);
    },
  };
}

function requestOf(image: ManagedEnrolment, more: Partial<BuildRequest> = {}): BuildRequest {
  return {
    key: 'k1',
    attempt: 1,
    image,
    pins: [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('node') }],
    dependencies: [dependency()],
    platforms: [],
    commit: 'c0ffee'.repeat(7).slice(0, 40),
    reason: 'base-updated',
    ...more,
  };
}
