import { describe, expect, it } from 'vitest';
import type { Decision, Plan, Reason } from '../plan/types.ts';
import type { Digest } from '../reference/types.ts';
import { emptyState } from '../state/decode-state.ts';
import type { BaseRecord, ImageRecord, Rebuild } from '../state/types.ts';
import { day, hour, minute } from '../time.ts';
import { alertsOf } from './alerts.ts';

const now = Date.UTC(2026, 5, 1, 12);
const digest = `sha256:${'a'.repeat(64)}` as Digest;

function record(more: Partial<ImageRecord> = {}): ImageRecord {
  return {
    name: 'app',
    enrolledAt: now - 90 * day,
    discoveryStatus: 'success',
    enrollment: {},
    baseImages: ['node-22'],
    dependencies: [],
    builtFrom: {},
    rebuilds: [],
    ledger: [],
    ...more,
  };
}

function base(more: Partial<BaseRecord> = {}): BaseRecord {
  return {
    name: 'node-22',
    fullImage: 'docker.io/library/node:22',
    registry: 'docker.io',
    repository: 'library/node',
    firstDiscovered: now - 3 * day,
    rebuildEligibleAt: {},
    metadata: {},
    updateHistory: [],
    ledger: [],
    holds: [],
    ...more,
  };
}

function rebuild(more: Partial<Rebuild>): Rebuild {
  return {
    key: 'k',
    attempt: 1,
    reason: 'newer-base',
    startedAt: now - hour,
    endedAt: now - hour,
    outcome: 'failure',
    pins: [],
    ...more,
  };
}

function found(reasons: readonly Reason[], image = record(), bases = [base()], more: Partial<Decision> = {}) {
  const decision: Decision = {
    image: 'app',
    kind: 'managed',
    action: 'blocked',
    due: [],
    notes: reasons,
    pins: [],
    ...more,
  };
  const plan: Plan = { at: now, decisions: [decision], starts: [], cycles: [] };
  const state = {
    ...emptyState,
    images: new Map([['app', image]]),
    bases: new Map(bases.map((each) => [each.name, each])),
  };
  return alertsOf(state, plan, now);
}

describe('an image stopped after failures', () => {
  const failures = [
    rebuild({ outcome: 'success', endedAt: now - 9 * day }),
    rebuild({ endedAt: now - 3 * day, error: 'first' }),
    rebuild({ endedAt: now - 2 * day, outcome: 'cancelled' }),
    rebuild({ endedAt: now - day }),
    rebuild({ endedAt: now - hour, error: 'no space left', log: 'https://ci.test/3' }),
  ];

  it('says since when, how often, the last error, its log, the next try and what to do', () => {
    const [alert] = found(
      [{ code: 'stopped-after-failures', detail: '3 failures' }],
      record({ rebuilds: failures }),
    );
    expect(alert).toMatchObject({
      kind: 'stopped-after-failures',
      severity: 'error',
      since: now - 3 * day,
      times: 3,
      error: 'no space left',
      log: 'https://ci.test/3',
      patience: 0,
    });
    expect(alert?.next).toMatch(/not before a person/);
    expect(alert?.advice).toContain('image-factory release app');
  });

  it('counts from the last time that a person cleared it', () => {
    const image = record({ rebuilds: failures, clearedAt: now - 2 * day });
    expect(found([{ code: 'stopped-after-failures' }], image)[0]).toMatchObject({
      since: now - day,
      times: 2,
    });
  });
});

describe('conditions', () => {
  it.each<[Reason['code'], string]>([
    ['base-drift', 'error'],
    ['contains-withdrawn', 'error'],
    ['evidence-conflict', 'warning'],
    ['discovery-failed', 'error'],
    ['run-overdue', 'warning'],
  ])('%s is one of severity %s, with a next try and advice', (code, severity) => {
    const [alert, ...others] = found([{ code, base: 'node-22', from: digest }]);
    expect(others).toEqual([]);
    expect(alert).toMatchObject({ image: 'app', kind: code, severity });
    expect(alert?.next).not.toBe('');
    expect(alert?.advice).not.toBe('');
  });

  it.each<Reason['code']>([
    'held',
    'not-matured',
    'back-off',
    'waits-for-slot',
    'up-to-date',
    'frozen',
    'running',
  ])('%s is none', (code) => expect(found([{ code }])).toEqual([]));

  it('that stand twice in a decision are one', () => {
    const reason: Reason = { code: 'contains-withdrawn', base: 'node-22', from: digest };
    expect(found([reason], record(), [base()], { due: [reason], action: 'start' })).toHaveLength(1);
  });

  it('of two bases are two', () => {
    const reasons = ['node-22', 'debian-12'].map((name): Reason => ({
      code: 'evidence-conflict',
      base: name,
    }));
    expect(found(reasons).map((alert) => alert.base)).toEqual(['node-22', 'debian-12']);
  });

  it('drift and an overdue run name the run that they are about', () => {
    const drift = rebuild({
      outcome: 'base-drift',
      endedAt: now - 2 * day,
      error: 'other base',
      log: 'https://l',
    });
    const overdue = rebuild({ overdue: true, endedAt: now - minute, log: 'https://o' });
    const image = record({ rebuilds: [drift, overdue] });
    expect(found([{ code: 'base-drift' }], image)[0]).toMatchObject({
      since: now - 2 * day,
      error: 'other base',
    });
    const [late] = found([{ code: 'run-overdue', until: now + hour }], image);
    expect(late).toMatchObject({
      since: now - minute,
      log: 'https://o',
      next: 'not before 2026-06-01T13:00:00Z',
    });
  });

  it('a withdrawn base tells when it was withdrawn, and when a build comes', () => {
    const ledger = [
      { digest, firstSeen: now - 9 * day, appeared: now - 9 * day, withdrawnAt: now - 5 * day },
    ];
    const reason: Reason = { code: 'contains-withdrawn', base: 'node-22', from: digest };
    const [alert] = found([], record(), [base({ ledger })], {
      due: [reason],
      action: 'wait',
      at: now + hour,
    });
    expect(alert).toMatchObject({ since: now - 5 * day, next: 'a build at 2026-06-01T13:00:00Z' });
  });

  it('a tag that was pushed again is one for two weeks', () => {
    const at = (age: number) => {
      const ledger = [
        { digest, tag: '16.1', firstSeen: now - age, appeared: now - age, retagged: true as const },
      ];
      return found(
        [{ code: 'retagged', to: digest, detail: '16.1' }],
        record({ discoveryStatus: 'external', ledger }),
      );
    };
    expect(at(13 * day)).toMatchObject([{ kind: 'retagged', base: '16.1', since: now - 13 * day }]);
    expect(at(14 * day)).toEqual([]);
  });

  it('a Dockerfile that cannot be read is told after an hour', () => {
    const [alert] = found([{ code: 'discovery-failed', detail: 'refused' }]);
    expect(alert).toMatchObject({ patience: hour, error: 'refused' });
    expect(alert).not.toHaveProperty('since');
  });

  it('a base that was never seen is one after a day, and never once it was seen', () => {
    const unseen: Reason = { code: 'unobserved', base: 'node-22' };
    expect(found([unseen], record(), [base()])).toMatchObject([{ kind: 'unobserved', since: now - 3 * day }]);
    expect(found([unseen], record(), [base({ firstDiscovered: now - hour })])).toEqual([]);
    const ledger = [{ digest, firstSeen: now - 9 * day, appeared: now - 9 * day }];
    expect(found([unseen], record(), [base({ ledger })])).toEqual([]);
  });
});
