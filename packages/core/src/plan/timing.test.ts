import {
  baseWith,
  builtOn,
  days,
  ownBase,
  planInput,
  type PlanParts,
} from '@image-factory/testing/plan-input.ts';
import { digest, enrolment, rebuild } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { FreezeWindow, ManagedEnrolment, Schedule } from '../enrolment/types.ts';
import type { BaseRecord, ImageRecord } from '../state/types.ts';
import { day, hour, minute } from '../time.ts';
import { slotOfDay } from './build-key.ts';
import { planOf } from './plan.ts';
import { frozenBy, lastFires, nextSlot } from './timing.ts';
import type { Decision } from './types.ts';

const app = enrolment({ name: 'app' });
const slot = slotOfDay('app') / day;
const old = [-100, 'old'] as const;
const alpineTag = { repository: 'library/alpine', tag: '3' };

function decide(
  image: ImageRecord,
  bases: readonly BaseRecord[],
  at: number,
  more: Partial<PlanParts> = {},
): Decision {
  const { decisions } = planOf(planInput({ enrolments: [app], images: [image], bases, at, ...more }));
  const decision = decisions.find((each) => each.image === image.name);
  if (!decision) throw new Error('no decision');
  return decision;
}

/** When will it start, judged at each of these times? */
function startsAt(
  image: ImageRecord,
  bases: readonly BaseRecord[],
  times: readonly number[],
): (number | undefined)[] {
  return times.map((at) => {
    const decision = decide(image, bases, at);
    return decision.action === 'start'
      ? at
      : decision.at === undefined
        ? undefined
        : (decision.at - days(0)) / day;
  });
}

describe('the slot of an image', () => {
  it('is one minute of the day, always the same, spread evenly over names', () => {
    expect(slotOfDay('app') % minute).toBe(0);
    expect(slotOfDay('app')).toBe(slotOfDay('app'));
    const hours = new Map<number, number>();
    for (let index = 0; index < 2400; index++) {
      const of = Math.floor(slotOfDay(`image-${index}`) / hour);
      hours.set(of, (hours.get(of) ?? 0) + 1);
    }
    expect(hours.size).toBe(24);
    expect([...hours.values()].reduce((most, count) => Math.max(most, count), 0)).toBeLessThan(160);
  });

  it('is at or after the instant asked for', () => {
    const at = nextSlot('app', { kind: 'daily' }, days(3)) ?? 0;
    expect(at).toBe(days(3 + slot));
    expect(nextSlot('app', { kind: 'daily' }, at)).toBe(at);
    expect(nextSlot('app', { kind: 'daily' }, at + 1)).toBe(at + day);
  });

  it.each<[Schedule, string, string | undefined]>([
    [
      { kind: 'cron', expression: '0 3 * * 0', timeZone: 'UTC' },
      '2026-01-01T00:00:00Z',
      '2026-01-04T03:00:00Z',
    ],
    [
      { kind: 'cron', expression: '0 3 * * 0', timeZone: 'UTC' },
      '2026-01-04T03:00:00Z',
      '2026-01-04T03:00:00Z',
    ],
    [
      { kind: 'cron', expression: '0 3 * * 0', timeZone: 'UTC' },
      '2026-01-04T03:00:00.001Z',
      '2026-01-11T03:00:00Z',
    ],
    [
      { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' },
      '2026-01-01T12:00:00Z',
      '2026-01-02T02:00:00Z',
    ],
    [
      { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' },
      '2026-07-01T12:00:00Z',
      '2026-07-02T01:00:00Z',
    ],
    [{ kind: 'cron', expression: '0 0 30 2 *', timeZone: 'UTC' }, '2026-01-01T00:00:00Z', undefined],
  ])('follows a cron expression in its time zone (%#)', (schedule, from, expected) => {
    expect(nextSlot('app', schedule, Date.parse(from))).toBe(
      expected === undefined ? undefined : Date.parse(expected),
    );
  });
});

describe('an ordinary start', () => {
  const node = baseWith([old, [0, 'new']]);
  const image = builtOn([node], ['old'], -50, { name: 'app' });

  it('waits for the slot after its digest has matured, and says so', () => {
    const decision = decide(image, [node], 7);
    expect(decision).toMatchObject({ action: 'wait', at: days(7 + slot) });
    expect(decision.notes).toContainEqual({ code: 'waits-for-slot', until: days(7 + slot) });
    expect(startsAt(image, [node], [7.001, 7 + slot - 0.001, 7 + slot])).toEqual([
      7 + slot,
      7 + slot,
      7 + slot,
    ]);
  });

  it('makes one rebuild of bases that move hours apart', () => {
    const alpine = baseWith(
      [
        [-100, 'alp'],
        [slot - 0.01, 'alp2'],
      ],
      alpineTag,
    );
    const both = builtOn([node, alpine], ['old', 'alp'], -50, { name: 'app' });
    expect(decide(both, [node, alpine], 7 + slot)).toMatchObject({
      action: 'start',
      due: [{ base: 'node-22' }, { base: 'alpine-3' }],
    });
  });

  it('waits for the slot after a tag went back, however long the digest is known', () => {
    const back = baseWith([
      [-30, 'b'],
      [0, 'c', { withdrawnAt: days(20) }],
      [20, 'old', { firstSeen: days(-100), appeared: days(20), settledAt: days(-99) }],
    ]);
    const decision = decide(builtOn([back], ['b'], -20, { name: 'app' }), [back], 20.0001);
    expect(decision).toMatchObject({ action: 'wait', at: days(20 + slot), due: [{ code: 'newer-base' }] });
  });

  it('is due since the first digest of other content, not since an equal one', () => {
    const equal = baseWith([old, [-20, 'same', { equalTo: digest('old') }], [0, 'new']]);
    const decision = decide(builtOn([equal], ['old'], -50, { name: 'app' }), [equal], 7.0001);
    expect(decision).toMatchObject({ action: 'wait', at: days(7 + slot) });
  });

  it('says when a schedule never comes again', () => {
    const never: ManagedEnrolment = {
      ...app,
      schedule: { kind: 'cron', expression: '0 0 30 2 *', timeZone: 'UTC' },
    };
    const decision = decide(image, [node], 9, { enrolments: [never] });
    expect(decision.action).toBe('wait');
    expect(decision.at).toBeUndefined();
    expect(decision.notes).toContainEqual({ code: 'waits-for-slot' });
  });
});

describe('the look-ahead', () => {
  const later = slot + 0.2;
  const node = baseWith([old, [0, 'new'], [later, 'newer']]);
  const image = builtOn([node], ['old'], -50, { name: 'app' });

  it('waits for a digest that matures within 24 h of the slot, until the slot after it', () => {
    const decision = decide(image, [node], 7 + slot);
    expect(decision).toMatchObject({ action: 'wait', at: days(8 + slot) });
    expect(decision.notes).toContainEqual({ code: 'waits-for-digest', until: days(8 + slot) });
  });

  it('keeps that time when the digest has matured, and then takes it', () => {
    expect(startsAt(image, [node], [7.5, 7 + later, 8, 8 + slot])).toEqual([
      8 + slot,
      8 + slot,
      8 + slot,
      8 + slot,
    ]);
    expect(decide(image, [node], 8 + slot).pins).toMatchObject([{ digest: digest('newer') }]);
  });

  it('happens once: a further digest is not waited for', () => {
    const third = baseWith([old, [0, 'new'], [later, 'newer'], [later + 0.95, 'newest']]);
    expect(startsAt(image, [third], [7 + slot, 8 + slot])).toEqual([8 + slot, 8 + slot]);
    expect(decide(image, [third], 8 + slot).pins).toMatchObject([{ digest: digest('newer') }]);
  });

  it('does not wait for what was not known at the slot, such as the push of a parent that was waited for', () => {
    const p = ownBase('p', [old, [7 + later, 'p2']]);
    const plain = baseWith([old, [0, 'new']]);
    const child = builtOn([plain, p], ['old', 'old'], -50, { name: 'app' });
    const enrolments = [app, enrolment({ name: 'p' })];
    const images = [child, builtOn([], [], 0, { name: 'p' })];
    expect(decide(child, [plain, p], 7 + later, { enrolments, images }).action).toBe('start');
  });

  it('does not wait for what matures later, is replaced too soon or withdrawn', () => {
    for (const more of [{ withdrawnAt: days(1) }, { replacedAt: days(1), stood: hour }, { refused: 'x' }]) {
      const other = baseWith([old, [0, 'new'], [later, 'newer', more]]);
      expect(startsAt(image, [other], [7 + slot])).toEqual([7 + slot]);
    }
    expect(startsAt(image, [baseWith([old, [0, 'new'], [slot + 1.01, 'newer']])], [7 + slot])).toEqual([
      7 + slot,
    ]);
  });
});

describe('the coordination window', () => {
  const enrolments = [app, enrolment({ name: 'base' }), enrolment({ name: 'tools' })];
  const base = ownBase('base', [old, [1, 'base2']]);
  const parents = [builtOn([], [], 0, { name: 'base' }), builtOn([], [], 0, { name: 'tools' })];
  const image = builtOn([base], ['old'], -50, { name: 'app' });

  it('is half an hour after a parent was pushed', () => {
    const at = (time: number): Decision =>
      decide(image, [base], time, { enrolments, images: [image, ...parents] });
    expect(at(1)).toMatchObject({ action: 'wait', at: days(1) + 30 * minute });
    expect(at(1).notes).toContainEqual({ code: 'coordination-window', until: days(1) + 30 * minute });
    expect(at(1 + 30 / 1440).action).toBe('start');
  });

  it('is fixed from the first that is due', () => {
    const builds = ownBase('tools', [
      [-100, 'tools'],
      [1 + 20 / 1440, 'tools2'],
    ]);
    const stages = builtOn([base], ['old'], -50, { name: 'app' });
    const both = {
      ...stages,
      baseImages: [base.name, builds.name],
      dependencies: [...stages.dependencies, { ...stages.dependencies[0], base: builds.name }],
    } as ImageRecord;
    const at = decide(both, [base, builds], 1 + 25 / 1440, { enrolments, images: [both, ...parents] });
    expect(at.at).toBe(days(1) + 30 * minute);
  });

  it('is not for copied-from images: they are batched with the slot', () => {
    const node = baseWith([old]);
    const copied = builtOn([node, base], ['old', 'old'], -50, { name: 'app' });
    const decision = decide(copied, [node, base], 1.0001, { enrolments, images: [copied, ...parents] });
    expect(decision).toMatchObject({ action: 'wait', at: days(1 + slot) });
  });
});

describe('freeze windows', () => {
  const summer: FreezeWindow = {
    name: 'holidays',
    allowEmergency: true,
    kind: 'between',
    from: days(8),
    to: days(12),
  };
  const nights: FreezeWindow = {
    name: 'nights',
    allowEmergency: false,
    kind: 'recurring',
    cron: '0 20 * * *',
    timeZone: 'America/New_York',
    duration: 10 * hour,
  };

  it.each([
    ['before', '2026-01-02T00:59:59Z', undefined],
    ['at its start: 20:00 in New York', '2026-01-02T01:00:00Z', '2026-01-02T11:00:00Z'],
    ['at its last moment', '2026-01-02T10:59:59Z', '2026-01-02T11:00:00Z'],
    ['at its end', '2026-01-02T11:00:00Z', undefined],
    ['in summer time', '2026-07-02T00:00:00Z', '2026-07-02T10:00:00Z'],
    ['in summer time, before', '2026-07-01T23:59:00Z', undefined],
  ])('recur in their time zone: %s', (_, now, until) => {
    const frozen = frozenBy([nights], Date.parse(now), false);
    expect(frozen?.until).toBe(until === undefined ? undefined : Date.parse(until));
  });

  it('last as long as the longest of those that overlap', () => {
    const longer = { ...summer, name: 'longer', to: days(20) };
    expect(frozenBy([summer, longer, summer], days(9), false)).toMatchObject({
      window: { name: 'longer' },
      until: days(20),
    });
  });

  const node = baseWith([old, [0, 'new'], [5, 'fixed']]);
  const image = builtOn([node], ['old'], -50, { name: 'app' });
  const proof = {
    id: 'CVE-1',
    severity: 'critical' as const,
    presentIn: digest('old'),
    absentFrom: digest('fixed'),
  };
  const facts = { proofs: new Map([['node-22', [proof]]]) };

  it('stop ordinary starts, and say until when', () => {
    const decision = decide(image, [node], 9, { settings: { freezeWindows: [summer] } });
    expect(decision).toMatchObject({ action: 'wait', at: days(12) });
    expect(decision.notes).toContainEqual({ code: 'frozen', detail: 'holidays', until: days(12) });
  });

  it('stop emergencies unless they allow them', () => {
    const strict = { ...summer, allowEmergency: false };
    expect(decide(image, [node], 9, { facts, settings: { freezeWindows: [summer] } }).action).toBe('start');
    expect(decide(image, [node], 9, { facts, settings: { freezeWindows: [strict] } }).action).toBe('wait');
    expect(decide(image, [node], 9, { facts, settings: { freezeWindows: [summer, strict] } }).action).toBe(
      'wait',
    );
  });
});

describe('a hold on the image', () => {
  const node = baseWith([old, [0, 'new'], [5, 'fixed']]);
  const held = (until?: number): ImageRecord =>
    builtOn([node], ['old'], -50, {
      name: 'app',
      hold: { reason: 'migration', since: 0, ...(until === undefined ? {} : { until }) },
    });
  const proof = {
    id: 'CVE-1',
    severity: 'critical' as const,
    presentIn: digest('old'),
    absentFrom: digest('fixed'),
  };
  const request = { id: 'r1', reason: 'now', by: 'kim', skipDelay: true };

  it.each([
    ['ordinary starts', {}],
    ['emergencies', { facts: { proofs: new Map([['node-22', [proof]]]) } }],
    ['requests', { facts: { requests: new Map([['app', request]]) } }],
  ])('stops %s', (_, more) => {
    const decision = decide(held(), [node], 9, more);
    expect(decision.action).toBe('blocked');
    expect(decision.notes).toContainEqual({ code: 'held', detail: 'migration' });
  });

  it('ends when it says', () => {
    expect(decide(held(days(10)), [node], 9)).toMatchObject({ action: 'wait', at: days(10) });
    expect(decide(held(days(10)), [node], 10).action).toBe('start');
  });
});

it('starts at once what a person asks for', () => {
  const node = baseWith([old]);
  const image = builtOn([node], ['old'], -50, {
    name: 'app',
    rebuilds: [rebuild({ outcome: 'base-drift', startedAt: days(6) })],
  });
  const request = { id: 'r1', reason: 'try again', by: 'kim', skipDelay: false };
  const decision = decide(image, [node], 7, { facts: { requests: new Map([['app', request]]) } });
  expect(decision).toMatchObject({ action: 'start', due: [{ code: 'requested' }] });
});

describe('the last two times of a schedule', () => {
  it.each([
    ['*/15 * * * *', '2026-03-01T12:20:30Z', '2026-03-01T12:00:00Z', '2026-03-01T12:15:00Z'],
    ['*/15 * * * *', '2026-03-01T12:15:00Z', '2026-03-01T12:00:00Z', '2026-03-01T12:15:00Z'],
    ['0 6 * * *', '2026-03-01T05:59:59Z', '2026-02-27T06:00:00Z', '2026-02-28T06:00:00Z'],
    ['0 0 1 1 *', '2026-03-01T00:00:00Z', '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ])('%s at %s', (expression, now, before, last) => {
    const fires = lastFires(expression, 'UTC', Date.parse(now));
    expect(fires?.map((at) => new Date(at).toISOString())).toEqual([
      `${before.slice(0, -1)}.000Z`,
      `${last.slice(0, -1)}.000Z`,
    ]);
  });

  it('are none where it never fired', () => {
    expect(lastFires('0 0 30 2 *', 'UTC', Date.parse('2026-03-01T00:00:00Z'))).toBeUndefined();
  });
});
