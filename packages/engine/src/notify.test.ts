import { notificationTypes, type Channel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { Message, Notifier, Notifiers } from '@image-factory/core/ports/notifier.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { day, hour, minute, second } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, image, TestFactory } from './test-factory.ts';

type Manner = 'good' | 'refuses' | 'hangs' | 'deaf';

function channel(name: string): Channel {
  return {
    name,
    kind: 'slack',
    address: { kind: 'env', name: 'X' },
    events: notificationTypes,
    minSeverity: 'info',
    remindAfter: 7 * day,
  };
}

/** Channels that write down what they hear. */
class Listeners implements Notifiers {
  readonly manners = new Map<string, Manner>();
  readonly heard: { readonly channel: string; readonly message: Message }[] = [];

  async open(name: string): Promise<Notifier> {
    const { heard, manners } = this;
    return {
      async tell(messages, told, signal) {
        const manner = manners.get(name) ?? 'good';
        if (manner === 'refuses')
          throw new FactoryError({ code: 'NOTIFY_FAILED', message: `channel ${name}: no`, hint: 'Wait.' });
        if (manner === 'hangs')
          return new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        if (manner === 'deaf') return new Promise(() => undefined);
        for (const message of messages) {
          heard.push({ channel: name, message });
          told(message, `issue of ${message.thread}`);
        }
      },
      check: async () => undefined,
    };
  }

  /** `phase type`, in order. */
  of(name: string): string[] {
    return this.heard
      .filter((each) => each.channel === name)
      .map(({ message: { phase, type } }) => `${phase} ${type}`);
  }
}

function troubled(seed = 1): { factory: TestFactory; listeners: Listeners; mend: () => void } {
  const listeners = new Listeners();
  let broken = true;
  const factory = new TestFactory([image('app'), image('other')], {
    seed,
    notifiers: listeners,
    outcome: ({ image: { name } }) => (broken && name === 'app' ? 'failure' : 'success'),
  });
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  factory.world.dockerfiles.set('other/Dockerfile', 'FROM debian:12\n');
  factory.settings((settings) => ({ ...settings, notifications: [channel('a'), channel('b')] }));
  return { factory, listeners, mend: () => (broken = false) };
}

async function cycles(factory: TestFactory, count: number, pause: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await factory.cycle();
    factory.world.now += pause;
  }
}

describe('an image that fails until it is stopped', () => {
  it('is told once to each channel, again after a week, and once when it is over', async () => {
    const { factory, listeners, mend } = troubled();
    await cycles(factory, 6, 13 * hour);
    const told = [
      'happened rebuild-succeeded',
      'happened rebuild-failed',
      'happened rebuild-failed',
      'happened rebuild-failed',
      'raised stopped-after-failures',
    ];
    expect(listeners.of('a').toSorted()).toEqual(told.toSorted());
    expect(listeners.of('b').toSorted()).toEqual(told.toSorted());
    const raised = listeners.heard.find(({ message }) => message.phase === 'raised')?.message;
    expect(raised).toMatchObject({ image: 'app', severity: 'error', times: 3, error: 'it broke' });
    const { version, files } = factory.world;
    await cycles(factory, 4, day);
    expect([factory.world.version, factory.world.files]).toEqual([version, files]);
    await cycles(factory, 4, day);
    expect(listeners.of('a').slice(told.length)).toEqual(['still stopped-after-failures']);
    const still = listeners.heard.at(-1)?.message;
    expect(still?.issue).toBe(`issue of ${still?.thread}`);
    mend();
    factory.world.push(debian, ['debian-2']);
    await cycles(factory, 12, day);
    const after = listeners.of('a').slice(told.length + 1);
    expect(after.filter((each) => each.startsWith('resolved'))).toEqual(['resolved stopped-after-failures']);
    expect(after.filter((each) => each.startsWith('raised'))).toEqual([]);
    expect(factory.state.images.get('app')?.alerts).toBeUndefined();
    const quiet = factory.world.version;
    await cycles(factory, 3, hour);
    expect(factory.world.version).toBe(quiet);
  });

  it('is told of by no rehearsal', async () => {
    const { factory, listeners } = troubled();
    await cycles(factory, 6, 13 * hour);
    const { length } = listeners.heard;
    factory.settings((settings) => ({ ...settings, notifications: [channel('new')] }));
    await factory.cycle({ dry: true });
    expect(listeners.heard).toHaveLength(length);
    await factory.cycle();
    expect(listeners.of('new')).toContain('raised stopped-after-failures');
  });

  it('and is enrolled no more is told to be over before its record is put away', async () => {
    const { factory, listeners } = troubled();
    await cycles(factory, 6, 13 * hour);
    factory.config = { ...factory.config, images: [image('other')] };
    await factory.cycle();
    expect(listeners.of('a').at(-1)).toBe('resolved stopped-after-failures');
    await factory.cycle();
    expect(factory.state.images.has('app')).toBe(false);
    expect(factory.world.files.has('_archive/images/app.yaml')).toBe(true);
  });

  it('leaves nothing in the state once nobody is to be told any more', async () => {
    const { factory } = troubled();
    await cycles(factory, 6, 13 * hour);
    factory.settings((settings) => ({ ...settings, notifications: [] }));
    await factory.cycle();
    expect(factory.state.images.get('app')?.alerts).toBeUndefined();
  });
});

describe('a channel that fails', () => {
  it.each<[Manner, number]>([
    ['refuses', 0],
    ['hangs', 31 * second],
    ['deaf', 31 * second],
  ])(
    'because it %s holds up no cycle for longer than its time, and hears everything later',
    async (manner, most) => {
      const { factory, listeners } = troubled();
      listeners.manners.set('b', manner);
      await factory.cycle();
      factory.world.now += hour;
      const undisturbed = troubled();
      await undisturbed.factory.cycle();
      undisturbed.factory.world.now += hour;
      const begun = factory.world.now;
      const report = await factory.cycle();
      const other = undisturbed.factory.world.now;
      await undisturbed.factory.cycle();
      const lost = factory.world.now - begun - (undisturbed.factory.world.now - other);
      expect(lost).toBeLessThanOrEqual(most);
      expect(report.problems.map(({ code }) => code)).toEqual(['NOTIFY_FAILED']);
      expect(report.problems[0]?.message).toContain('channel b');
      expect(report.started).toEqual(['app']);
      expect(listeners.of('b')).toEqual([]);
      expect(listeners.of('a')).toEqual([
        'happened rebuild-failed',
        'happened rebuild-succeeded',
        'happened rebuild-failed',
      ]);
      listeners.manners.set('b', 'good');
      factory.world.now += minute;
      expect((await factory.cycle()).problems).toEqual([]);
      expect(listeners.of('b').toSorted()).toEqual(listeners.of('a').toSorted());
    },
  );

  it('says nothing of a stop that was asked for', async () => {
    const { factory, listeners } = troubled();
    listeners.manners.set('a', 'deaf');
    listeners.manners.set('b', 'deaf');
    factory.spawn('stopped');
    await factory.scheduler.run([{ process: 'stopped', at: 'sleep', what: 'stop' }]);
    expect(factory.reports.at(-1)?.problems ?? []).toEqual([]);
  });
});

describe('processes that die, and two at once', () => {
  it('lose nothing, and tell the same twice at most once for each death', { timeout: 60_000 }, async () => {
    const points = await (async () => {
      const { factory } = troubled();
      factory.spawn('first');
      await factory.scheduler.run();
      return factory.scheduler.points('first');
    })();
    expect(points).toBeGreaterThan(15);
    for (let point = 1; point <= points; point++) {
      const { factory, listeners } = troubled();
      factory.spawn('first');
      await factory.scheduler.run([{ process: 'first', at: point }]);
      await cycles(factory, 9, 13 * hour);
      for (const name of ['a', 'b']) {
        const ids = listeners.heard.filter((each) => each.channel === name).map(({ message }) => message.id);
        expect(new Set(ids).size, `killed at ${point}`).toBe(5);
        expect(ids.length, `killed at ${point}`).toBeLessThanOrEqual(5 + 2);
      }
    }
  });

  it('agree on what was told', { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { factory, listeners } = troubled(seed);
      for (let round = 0; round < 7; round++) {
        factory.spawn(`x${round}`);
        factory.spawn(`y${round}`);
        await factory.scheduler.run();
        factory.world.now += 13 * hour;
      }
      const alone = listeners.heard.length;
      await cycles(factory, 3, hour);
      expect(listeners.heard, `seed ${seed}`).toHaveLength(alone);
      const raised = listeners.heard.filter(({ message }) => message.phase === 'raised');
      // Both may have sent before either wrote; never more than that.
      const own = raised.filter((each) => each.channel === 'a');
      expect(own.length, `seed ${seed}`).toBeGreaterThanOrEqual(1);
      expect(own.length, `seed ${seed}`).toBeLessThanOrEqual(2);
    }
  });
});

describe('a base that goes away after it was seen', () => {
  const base = 'debian-12';

  function settled() {
    const found = troubled();
    found.mend();
    return found;
  }

  function away({ listeners }: { listeners: Listeners }) {
    return listeners.heard.filter(
      ({ channel: name, message }) => name === 'a' && message.type === 'base-away',
    );
  }

  it.each(['absent', 'unreachable'] as const)(
    'is told of once for each image that uses it when it is %s for an hour, and when it is back',
    async (how) => {
      const found = settled();
      const { factory } = found;
      const { world } = factory;
      await cycles(factory, 2, hour);
      const digest = world.tags.get(debian);
      if (!digest) throw new Error('no digest');
      if (how === 'absent') world.tags.delete(debian);
      else
        world.fault = (label) =>
          label.startsWith('look docker.io')
            ? { code: 'REGISTRY_UNREACHABLE', message: 'no route', hint: 'Wait.' }
            : undefined;
      await cycles(factory, 1, 30 * minute);
      expect(away(found)).toEqual([]);
      await cycles(factory, 4, 30 * minute);
      expect(away(found).map(({ message }) => [message.phase, message.image, message.base])).toEqual([
        ['raised', 'app', base],
        ['raised', 'other', base],
      ]);
      expect(away(found)[0]?.message).toMatchObject({ severity: 'warning', next: 'no build is due' });
      expect(away(found)[0]?.message.error).toContain(how === 'absent' ? 'not in its registry' : 'no route');
      world.tags.set(debian, digest);
      world.fault = () => undefined;
      await cycles(factory, 3, hour);
      expect(
        away(found)
          .slice(2)
          .map(({ message }) => message.phase),
      ).toEqual(['resolved', 'resolved']);
      expect(factory.state.images.get('app')?.alerts).toBeUndefined();
    },
  );

  it('is not taken for back where nobody asked, nor for away where the registry only wants to rest', async () => {
    const found = settled();
    const { factory } = found;
    const { world } = factory;
    await cycles(factory, 2, hour);
    world.fault = (label) =>
      label.startsWith('look docker.io')
        ? { code: 'REGISTRY_THROTTLED', message: 'later', hint: 'Wait.' }
        : undefined;
    await cycles(factory, 4, hour);
    expect(away(found)).toEqual([]);
    world.fault = () => undefined;
    world.tags.delete(debian);
    await cycles(factory, 2, hour);
    expect(away(found).map(({ message }) => message.phase)).toEqual(['raised', 'raised']);
    world.fault = (label) =>
      label.startsWith('look docker.io')
        ? { code: 'REGISTRY_THROTTLED', message: 'later', hint: 'Wait.' }
        : undefined;
    await cycles(factory, 4, hour);
    expect(away(found)).toHaveLength(2);
  });
});
