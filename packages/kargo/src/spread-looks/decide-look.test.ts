import { day, hour, minute, second, type Instant } from '@image-factory/core/time.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideLook, hourOf } from './decide-look.ts';
import { mostInADay, WarehouseClock } from './test-warehouse-clock.ts';
import { readWatchedWarehouse, type WatchedWarehouse } from './watched-warehouse.ts';

const monday = Date.parse('2026-11-23T00:00:00Z');

const warehouse: WatchedWarehouse = {
  name: 'base-node-22',
  resourceVersion: '7',
  slot: '07',
  interval: '24h0m0s',
  discoveredAt: monday - 10 * hour,
  isLooking: false,
  asked: undefined,
  handled: undefined,
};
const inItsHour = monday + 7 * hour + 7 * minute;

describe('a Warehouse', () => {
  it('whose last look was in another hour is to be looked at in its hour', () => {
    expect(decideLook(warehouse, inItsHour)).toEqual({ ask: '2026-11-23T07:00:00Z' });
    expect(decideLook(warehouse, monday + 8 * hour - 1)).toEqual({ ask: '2026-11-23T07:00:00Z' });
    expect(decideLook({ ...warehouse, interval: '168h0m0s' }, inItsHour)).toHaveProperty('ask');
  });

  it.each<[string, Partial<WatchedWarehouse>, Instant, string]>([
    ['in another hour', {}, monday + 8 * hour, 'other-hour'],
    ['without an hour', { slot: undefined }, inItsHour, 'other-hour'],
    ['looked at every six hours', { interval: '6h0m0s' }, inItsHour, 'other-interval'],
    ['looked at every 36 hours', { interval: '36h0m0s' }, inItsHour, 'other-interval'],
    ['without an interval', { interval: undefined }, inItsHour, 'other-interval'],
    ['never looked at', { discoveredAt: undefined }, inItsHour, 'looking'],
    ['looked at now', { isLooking: true }, inItsHour, 'looking'],
    ['looked at in its hour yesterday', { discoveredAt: monday - 17 * hour }, inItsHour, 'in-its-hour'],
    ['with a request that Kargo has not seen', { asked: '2026-11-01T00:00:00Z' }, inItsHour, 'asked-lately'],
    ['with a request of yesterday', handledAt('2026-11-22T07:00:00Z'), inItsHour, 'asked-lately'],
    ['with a request of a receiver', handledAt('2026-11-23T01:00:00+01:00'), inItsHour, 'asked-lately'],
    ['with a request of a person', handledAt(String(monday / second)), inItsHour, 'asked-lately'],
    ['with a request without a time', handledAt('please'), inItsHour, 'asked-lately'],
  ])('%s is left alone', (_, differs, now, because) => {
    expect(decideLook({ ...warehouse, ...differs }, now)).toEqual({ left: because });
  });

  it('whose last request is older is asked again', () => {
    expect(decideLook({ ...warehouse, ...handledAt('2026-11-21T07:00:00Z') }, inItsHour)).toHaveProperty(
      'ask',
    );
  });

  it('is read as the API server lists it', () => {
    const listed = {
      metadata: {
        name: 'base-node-22',
        resourceVersion: '7',
        labels: { 'image-factory.dev/slot': '07' },
        annotations: { 'kargo.akuity.io/refresh': 'a' },
      },
      spec: { interval: '24h0m0s' },
      status: {
        lastHandledRefresh: 'b',
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'Reconciling', status: 'True' },
        ],
        discoveredArtifacts: { discoveredAt: '2026-11-22T14:00:00Z' },
      },
    };
    expect(readWatchedWarehouse(listed)).toEqual({ ...warehouse, isLooking: true, asked: 'a', handled: 'b' });
    for (const broken of [null, [], {}, { metadata: { name: '../x', resourceVersion: '1' } }])
      expect(readWatchedWarehouse(broken)).toBeUndefined();
  });
});

function handledAt(text: string): Partial<WatchedWarehouse> {
  return { asked: text, handled: text };
}

const anHour = fc.integer({ min: 0, max: 23 });
const aTime = (days: number) => fc.integer({ min: 0, max: (days * day) / second }).map((at) => at * second);
const someTimes = (most: number) => fc.array(aTime(12), { maxLength: most });
const pauses = fc.array(fc.record({ from: aTime(12), lasts: aTime(2) }), { maxLength: 3 });
const isOutside = (times: readonly { readonly from: Instant; readonly lasts: number }[]) => (at: Instant) =>
  !times.some(({ from, lasts }) => at >= from && at < from + lasts);

describe('over twelve days', () => {
  it('a base is looked at no more than twice in 24 hours, whatever fails, is missed or comes twice', () => {
    fc.assert(
      fc.property(
        fc.record({
          slot: anHour,
          applied: aTime(1),
          kargoDown: pauses,
          registryDown: pauses,
          lookTakes: fc.array(fc.constantFrom(second, 20 * second, 5 * minute), { minLength: 1 }),
          pushes: someTimes(4),
          changes: someTimes(2),
          people: fc.array(fc.record({ at: aTime(12), text: fc.constantFrom('now', 'x') }), { maxLength: 1 }),
          // Twice in an hour, late in it, or not at all.
          runs: fc.array(fc.array(fc.integer({ min: 0, max: 59 }), { maxLength: 2 }), {
            minLength: 12,
            maxLength: 12,
          }),
        }),
        (drawn) => {
          let looked = 0;
          const clock = new WarehouseClock(drawn.applied, {
            slot: String(drawn.slot).padStart(2, '0'),
            isKargoUp: isOutside(drawn.kargoDown),
            isRegistryUp: isOutside(drawn.registryDown),
            lookTakes: () => drawn.lookTakes[looked++ % drawn.lookTakes.length] ?? second,
          });
          const requests: Instant[] = [];
          const ask = (at: Instant): void => {
            const decision = decideLook(clock.seen, at);
            if (!('ask' in decision)) return;
            clock.ask(decision.ask, 'ours');
            requests.push(at);
          };
          const happenings = [
            ...drawn.kargoDown.map(({ from, lasts }) => ({
              at: from + lasts,
              happens: () => clock.restart(),
            })),
            ...drawn.pushes.map((at) => ({
              at,
              happens: () => clock.ask(new Date(at).toISOString().replace('.000', ''), 'other'),
            })),
            ...drawn.people.map(({ at, text }) => ({ at, happens: () => clock.ask(text, 'other') })),
            ...drawn.changes.map((at) => ({ at, happens: () => clock.changeSpec() })),
            ...drawn.runs.flatMap((minutes, index) =>
              minutes.map((past) => {
                const at = index * day + drawn.slot * hour + past * minute;
                return { at, happens: () => ask(at) };
              }),
            ),
          ].toSorted((a, b) => a.at - b.at);
          for (const { at, happens } of happenings) {
            if (at < drawn.applied) continue;
            clock.advance(at);
            happens();
          }
          clock.advance(14 * day);
          expect(mostInADay(clock.looks, ['interval', 'ours'])).toBeLessThanOrEqual(2);
          expect(mostInADay(clock.looks, ['interval'])).toBeLessThanOrEqual(1);
          for (const [index, at] of requests.slice(1).entries())
            expect(at - (requests[index] ?? 0)).toBeGreaterThanOrEqual(day);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('every base is in its hour after the first day, with one request, and stays there with none', () => {
    fc.assert(
      fc.property(
        anHour,
        aTime(1),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 54 }),
        (slot, applied, takes, past) => {
          // Each look is later than the one before by as long as it takes: near the end of the hour it would leave it.
          fc.pre(applied % hour < 54 * minute);
          const label = String(slot).padStart(2, '0');
          const clock = new WarehouseClock(applied, {
            slot: label,
            isKargoUp: () => true,
            isRegistryUp: () => true,
            lookTakes: () => takes * second,
          });
          const requests: Instant[] = [];
          for (let at = past * minute; at < 6 * day; at += hour) {
            if (at < applied) continue;
            clock.advance(at);
            const decision = decideLook(clock.seen, at);
            if (!('ask' in decision)) continue;
            clock.ask(decision.ask, 'ours');
            requests.push(at);
          }
          expect(requests.filter((at) => at > applied + day)).toEqual([]);
          expect(requests.length).toBeLessThanOrEqual(1);
          for (const { at } of clock.looks.filter((look) => look.at > applied + day))
            expect(hourOf(at)).toBe(label);
          expect(clock.looks.length).toBeGreaterThanOrEqual(5);
        },
      ),
    );
  });

  it('a look that has drifted over the end of its hour is moved back by one request', () => {
    const clock = new WarehouseClock(8 * hour - 30 * second, {
      slot: '07',
      isKargoUp: () => true,
      isRegistryUp: () => true,
      lookTakes: () => 20 * second,
    });
    const requests: Instant[] = [];
    for (let at = 7 * minute; at < 12 * day; at += hour) {
      if (at < 8 * hour) continue;
      clock.advance(at);
      const decision = decideLook(clock.seen, at);
      if (!('ask' in decision)) continue;
      clock.ask(decision.ask, 'ours');
      requests.push(at);
    }
    expect(requests).toEqual([2 * day + 7 * hour + 7 * minute]);
    expect(clock.looks.slice(-8).map(({ at }) => hourOf(at))).toEqual(Array.from({ length: 8 }, () => '07'));
  });
});
