import { decodeEvents } from '@image-factory/core/state/events.ts';
import type { Event } from '@image-factory/core/state/types.ts';
import { day, hour, type Duration } from '@image-factory/core/time.ts';
import type { TestFactory } from './test-factory.ts';

/** Time goes by, and then there is a cycle. */
export async function pass(factory: TestFactory, time: Duration): Promise<void> {
  factory.world.now += time;
  await factory.cycle();
}

/** Days go by with a cycle every few hours. */
export async function days(factory: TestFactory, count: number): Promise<void> {
  for (let step = 0; step < count * 4; step += 1) await pass(factory, 6 * hour);
}

/** The same with one cycle a day. */
export async function calm(factory: TestFactory, count: number): Promise<void> {
  for (let step = 0; step < count; step += 1) await pass(factory, day);
}

/** What is recorded of proposals, in the order of the log. */
export function proposalEvents({ world }: TestFactory): readonly Event[] {
  return [...world.files]
    .filter(([path]) => path.startsWith('events/'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, text]) => decodeEvents(text).events)
    .filter(({ type }) => type.startsWith('proposal-') || type === 'version-written');
}
