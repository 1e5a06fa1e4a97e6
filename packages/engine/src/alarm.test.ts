import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { chance, Scheduler, type SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import { World } from '@image-factory/testing/world/world.ts';
import { expect, it } from 'vitest';
import { createAlarm, type Alarm } from './alarm.ts';
import { noon } from './test-factory.ts';

/** How long each pause of ten minutes takes, while somebody rings at these times. */
async function pauses(
  count: number,
  ringAt: readonly Duration[],
  stopAt?: Duration,
): Promise<readonly (readonly [Duration, 'ended' | 'stopped'])[]> {
  const random = chance(1);
  const scheduler = new Scheduler(random, noon);
  const world = new World(scheduler, { random });
  const paused: [Duration, 'ended' | 'stopped'][] = [];
  let alarm: Alarm | undefined;
  const ringer = async (own: SimulatedProcess): Promise<void> => {
    let slept = 0;
    for (const at of ringAt) {
      if (at > slept) await scheduler.sleep(own, at - slept);
      slept = at;
      alarm?.ring();
    }
  };
  scheduler.spawn('loop', async (own) => {
    alarm = createAlarm(world.clock(own));
    for (let done = 0; done < count; done++) {
      const before = world.now;
      const how = await alarm.pause(10 * minute, own.stop.signal).then(
        () => 'ended' as const,
        () => 'stopped' as const,
      );
      paused.push([world.now - before, how]);
    }
  });
  scheduler.spawn('ringer', ringer);
  if (stopAt !== undefined)
    scheduler.spawn('stopper', async (own) => {
      await scheduler.sleep(own, stopAt);
      scheduler.process('loop')?.stop.abort(new Error('asked to stop'));
    });
  await scheduler.run();
  return paused;
}

it('a pause in which nobody rings takes its time', async () => {
  expect(await pauses(2, [])).toEqual([
    [10 * minute, 'ended'],
    [10 * minute, 'ended'],
  ]);
});

it('an alarm ends the pause, and takes up what rings shortly after', async () => {
  expect(await pauses(2, [minute, minute + second, minute + 4 * second])).toEqual([
    [minute + 5 * second, 'ended'],
    [10 * minute, 'ended'],
  ]);
});

it('what rings after that ends the next pause', async () => {
  expect(await pauses(3, [minute, minute + 6 * second])).toEqual([
    [minute + 5 * second, 'ended'],
    [second + 5 * second, 'ended'],
    [10 * minute, 'ended'],
  ]);
});

it('a stop ends it at once', async () => {
  expect(await pauses(1, [], minute)).toEqual([[minute, 'stopped']]);
  expect(await pauses(1, [minute], minute + second)).toEqual([[minute + second, 'stopped']]);
});
