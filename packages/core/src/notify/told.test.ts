import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../enrolment/notification-settings.ts';
import { conditionTypes } from '../enrolment/notification-settings.ts';
import { emptyState } from '../state/decode-state.ts';
import { encodeEvents } from '../state/events.ts';
import type { BaseRecord, Event, ImageRecord } from '../state/types.ts';
import { day, formatInstant, hour } from '../time.ts';
import type { Alert } from './alerts.ts';
import { happeningsOf } from './happenings.ts';
import { messagesOf } from './messages.ts';
import { noteAlerts } from './told.ts';

const start = Date.UTC(2026, 5, 1, 12);

function channel(name: string, more: Partial<Channel> = {}): Channel {
  return {
    name,
    kind: 'slack',
    address: { kind: 'env', name: 'X' },
    events: [...conditionTypes, 'rebuild-succeeded', 'rebuild-failed', 'hold', 'emergency'],
    minSeverity: 'info',
    remindAfter: 7 * day,
    ...more,
  } as Channel;
}

const blank: ImageRecord = {
  name: 'app',
  enrolledAt: start,
  discoveryStatus: 'success',
  enrollment: { owner: 'team-a' },
  baseImages: [],
  dependencies: [],
  builtFrom: {},
  rebuilds: [],
  ledger: [],
};

function alert(kind: Alert['kind'], more: Partial<Alert> = {}): Alert {
  return { image: 'app', kind, severity: 'error', patience: 0, what: kind, next: 'n', advice: 'a', ...more };
}

interface Step {
  readonly hours: number;
  readonly alerts: readonly Alert[];
  /** Channels that cannot be told in this cycle. */
  readonly down: readonly string[];
  /** The process dies after sending and before writing. */
  readonly dies?: boolean;
}

/** What each channel was told, cycle by cycle. */
function play(steps: readonly Step[], channels: readonly Channel[]) {
  let record = blank;
  let now = start;
  const heard: { channel: string; phase: string; kind: string; at: number; id: string; silent: boolean }[] =
    [];
  for (const { hours, alerts, down, dies = false } of steps) {
    now += hours * hour;
    record = noteAlerts(record, alerts, channels, now);
    const images = new Map([['app', record]]);
    const state = { ...emptyState, images: new Map(images) };
    for (const { channel: name, message, mark } of messagesOf(state, alerts, [], channels, now)) {
      if (down.includes(name)) continue;
      const { phase, type: kind, id } = message;
      heard.push({ channel: name, phase, kind, at: now, id, silent: dies });
      if (!dies) mark({ images, bases: new Map() }, undefined, now);
      record = images.get('app') ?? record;
    }
  }
  return { heard, record, now };
}

const aStep = fc.record({
  hours: fc.integer({ min: 1, max: 60 }),
  alerts: fc
    .subarray(['base-drift', 'discovery-failed', 'retagged'] as const)
    .map((kinds) =>
      kinds.map((kind) => alert(kind, { patience: kind === 'discovery-failed' ? 12 * hour : 0 })),
    ),
  down: fc.subarray(['a', 'b']),
});

describe('whatever comes and goes, and whoever cannot be told', () => {
  const channels = [channel('a'), channel('b')];

  it('each channel hears of a condition and of its end in turn, and in between only reminders', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 40 }), (steps) => {
        const { heard } = play(steps, channels);
        for (const name of ['a', 'b']) {
          for (const kind of conditionTypes) {
            let isTold = false;
            let last = 0;
            for (const { phase, at } of heard.filter((each) => each.channel === name && each.kind === kind)) {
              // Who could not be told of an end for a week hears of the next beginning.
              if (phase === 'raised') expect(isTold && at - last < 7 * day).toBe(false);
              else expect(isTold).toBe(true);
              if (phase === 'still') expect(at - last).toBeGreaterThanOrEqual(7 * day);
              isTold = phase !== 'resolved';
              last = at;
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('once all is well and everybody can be told, nobody waits for an end and the record is as it was', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 20 }), (steps) => {
        const after = [...steps, { hours: 1, alerts: [], down: [] }, { hours: 1, alerts: [], down: [] }];
        const { heard, record } = play(after, channels);
        expect(record).toEqual(blank);
        for (const name of ['a', 'b']) {
          const own = heard.filter((each) => each.channel === name);
          const count = (phase: string) => own.filter((each) => each.phase === phase).length;
          // What could not be told for a week was given up.
          expect(count('resolved')).toBeLessThanOrEqual(count('raised'));
          if (steps.every(({ down }) => !down.includes(name)))
            expect(count('resolved')).toBe(count('raised'));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a cycle without news leaves the record as it is', () => {
    fc.assert(
      fc.property(fc.array(aStep, { minLength: 1, maxLength: 10 }), (steps) => {
        const { record, now } = play(
          steps.map((step) => ({ ...step, down: [] })),
          channels,
        );
        const { alerts } = steps.at(-1) ?? { alerts: [] };
        expect(noteAlerts(record, alerts, channels, now + 1)).toBe(record);
      }),
    );
  });
});

describe('a condition', () => {
  it('is told again with the same id by a process after one that died before it wrote', () => {
    const alerts = [alert('base-drift', { since: start - day })];
    const { heard } = play(
      [
        { hours: 1, alerts, down: [], dies: true },
        { hours: 1, alerts, down: [] },
        { hours: 1, alerts, down: [] },
      ],
      [channel('a')],
    );
    expect(heard.map(({ phase }) => phase)).toEqual(['raised', 'raised']);
    expect(new Set(heard.map(({ id }) => id)).size).toBe(1);
  });

  it('that ends within its patience is never told', () => {
    const alerts = [alert('discovery-failed', { patience: 5 * hour })];
    const { heard, record } = play(
      [
        { hours: 1, alerts, down: [] },
        { hours: 4, alerts, down: [] },
        { hours: 2, alerts: [], down: [] },
      ],
      [channel('a')],
    );
    expect(heard).toEqual([]);
    expect(record).toEqual(blank);
  });

  it('is told by severity and type only to those who want it', () => {
    const channels = [
      channel('all'),
      channel('errors', { minSeverity: 'error' }),
      channel('drift', { events: ['base-drift'] }),
    ];
    const alerts = [alert('base-drift'), alert('retagged', { severity: 'warning' })];
    const { heard } = play([{ hours: 1, alerts, down: [] }], channels);
    expect(heard.map(({ channel: name, kind }) => `${name} ${kind}`)).toEqual([
      'all base-drift',
      'all retagged',
      'errors base-drift',
      'drift base-drift',
    ]);
  });

  it('of a channel that exists no more is forgotten', () => {
    const alerts = [alert('base-drift')];
    const { record } = play([{ hours: 1, alerts, down: [] }], [channel('a'), channel('b')]);
    const without = noteAlerts(record, alerts, [channel('b')], start + 2 * hour);
    expect(Object.keys(without.alerts?.[0]?.told ?? {})).toEqual(['b']);
    expect(noteAlerts(record, [], [], start + 2 * hour)).toEqual(blank);
  });

  it('whose end cannot be told for a week is given up', () => {
    const alerts = [alert('base-drift')];
    const down = ['a'];
    const steps = [
      { hours: 1, alerts, down: [] },
      ...[1, 100, 67, 1, 1].map((hours) => ({ hours, alerts: [], down })),
    ];
    expect(play(steps.slice(0, 4), [channel('a')]).record.alerts).toHaveLength(1);
    expect(play(steps, [channel('a')]).record).toEqual(blank);
  });

  it('says who, what, since when and what to do', () => {
    const alerts = [alert('base-drift', { base: 'node-22', since: start, times: 3, error: 'e', log: 'l' })];
    const record = noteAlerts(blank, alerts, [channel('a')], start + day);
    const state = { ...emptyState, images: new Map([['app', record]]) };
    const [telling] = messagesOf(state, alerts, [], [channel('a')], start + day);
    expect(telling?.message).toEqual({
      id: `app base-drift node-22 ${formatInstant(start)} raised`,
      thread: `app base-drift node-22 ${formatInstant(start)}`,
      phase: 'raised',
      type: 'base-drift',
      severity: 'error',
      at: start + day,
      title: 'app: base-drift',
      image: 'app',
      base: 'node-22',
      owner: 'team-a',
      since: start,
      times: 3,
      error: 'e',
      log: 'l',
      next: 'n',
      advice: 'a',
    });
  });
});

describe('what happens once', () => {
  const ended = (at: number, outcome: string): Event => ({
    at,
    type: 'rebuild-ended',
    image: 'app',
    text: `ended ${outcome}`,
    data: { key: 'k', outcome },
  });

  function files(events: readonly Event[]) {
    const [first] = events;
    const name = formatInstant(first?.at ?? 0).replace(/[-:.]/g, '');
    return new Map([[`events/2026-06/${name}-0.jsonl`, encodeEvents(events)]]);
  }

  it('is found in the audit log for a day, and is told once to each channel', () => {
    const events: Event[] = [
      ended(start, 'failure'),
      ended(start + 1, 'cancelled'),
      { at: start + 2, type: 'hold', image: 'app', text: 'held' },
      { at: start + 3, type: 'intent', image: 'app', text: 'decided', data: { emergency: true } },
      { at: start + 4, type: 'intent', image: 'app', text: 'decided' },
      { at: start + 5, type: 'hold', base: 'gone', text: 'held' },
    ];
    const log = files(events);
    const happenings = happeningsOf(log, start + hour);
    expect(happenings.map(({ type }) => type)).toEqual(['rebuild-failed', 'hold', 'emergency', 'base-hold']);
    expect(happeningsOf(log, start + day + 10)).toEqual([]);
    const records = { images: new Map([['app', blank]]), bases: new Map<string, BaseRecord>() };
    const tell = () => {
      const state = { ...emptyState, ...records };
      return messagesOf(state, [], happenings, [channel('a'), channel('b')], start + hour);
    };
    const first = tell();
    expect(first).toHaveLength(6);
    for (const { mark } of first.slice(0, 4)) mark(records, undefined, start + hour);
    expect(tell().map((each) => each.channel)).toEqual(['b', 'b']);
    for (const { mark } of tell()) mark(records, undefined, start + hour);
    expect(tell()).toEqual([]);
    // Forgotten with the next one that is told.
    for (const { mark } of first.slice(0, 1)) mark(records, undefined, start + 5 * day);
    expect(records.images.get('app')?.toldEvents?.length).toBeLessThanOrEqual(3);
  });

  it('to a base is told once for all images, by its own types', () => {
    const held: Event[] = [
      { at: start, type: 'hold', base: 'node-22', text: 'node-22 is held: look' },
      { at: start + 1, type: 'release', base: 'node-22', text: 'node-22 is released' },
    ];
    const happenings = happeningsOf(files(held), start + hour);
    const node = { name: 'node-22', ledger: [], holds: [] } as unknown as BaseRecord;
    const records = { images: new Map([['app', blank]]), bases: new Map([['node-22', node]]) };
    const tell = (more: Partial<Channel>) =>
      messagesOf(
        { ...emptyState, ...records },
        [],
        happenings,
        [channel('a', { events: ['base-hold', 'base-release'], ...more })],
        start + hour,
      );
    expect(tell({}).map(({ message }) => message)).toMatchObject([
      { type: 'base-hold', severity: 'warning', base: 'node-22', title: 'node-22 is held: look' },
      { type: 'base-release', severity: 'info', base: 'node-22' },
    ]);
    expect(tell({}).every(({ message }) => message.image === undefined)).toBe(true);
    expect(tell({ minSeverity: 'warning' })).toHaveLength(1);
    expect(tell({ events: ['hold', 'release'] })).toEqual([]);
    for (const { mark } of tell({})) mark(records, undefined, start + hour);
    expect(records.bases.get('node-22')?.toldEvents).toHaveLength(2);
    expect(records.images.get('app')).toBe(blank);
    expect(tell({})).toEqual([]);
  });

  it('is found in a folded month too', () => {
    const log = new Map([
      [
        'events/2026-06/all.jsonl',
        encodeEvents([ended(start - 9 * day, 'failure'), ended(start, 'success')]),
      ],
    ]);
    expect(happeningsOf(log, start + hour).map(({ type }) => type)).toEqual(['rebuild-succeeded']);
  });
});
