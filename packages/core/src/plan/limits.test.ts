import {
  baseWith,
  builtOn,
  days,
  ownBase,
  planInput,
  uses,
  type PlanParts,
} from '@image-factory/testing/plan-input.ts';
import { digest, enrolment, intent, rebuild } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { BaseRecord, ImageRecord } from '../state/types.ts';
import { planOf } from './plan.ts';
import type { Decision, Plan, ReasonCode } from './types.ts';

const old = [-100, 'old'] as const;
const node = baseWith([old, [0, 'new']]);
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

function plan(images: readonly ImageRecord[], more: Partial<PlanParts> = {}): Plan {
  const enrolments = images.map(({ name }) => enrolment({ name }));
  return planOf(planInput({ enrolments, images, bases: [node], at: 9, ...more }));
}

function due(name: string, more: Partial<ImageRecord> = {}): ImageRecord {
  return builtOn([node], ['old'], -50, { name, ...more });
}

function of(made: Plan, image: string): Decision {
  const decision = made.decisions.find((each) => each.image === image);
  if (!decision) throw new Error(`no decision for ${image}`);
  return decision;
}

function reasons(made: Plan): Record<string, ReasonCode | undefined> {
  return Object.fromEntries(
    made.decisions.map(({ image, action, notes }) => [
      image,
      action === 'start' ? undefined : notes[0]?.code,
    ]),
  );
}

describe('limits', () => {
  const images = names.slice(0, 4).map((name) => due(name));

  it('bound what runs at once, open intents counted', () => {
    const intents = [intent({ image: 'x' }), intent({ image: 'y' })];
    const made = plan(images, { intents, settings: { limits: { concurrent: 4 } } });
    expect(made.starts).toEqual(['a', 'b']);
    expect(reasons(made)).toMatchObject({ c: 'concurrency-limit', d: 'concurrency-limit' });
    expect(plan(images, { intents, settings: { limits: { concurrent: 2 } } }).starts).toEqual([]);
  });

  it('bound each provider by itself', () => {
    const enrolments = names
      .slice(0, 4)
      .map((name, index) => enrolment({ name, source: { provider: index % 2 === 0 ? 'github' : 'gitlab' } }));
    const intents = [intent({ image: 'x', provider: 'github' })];
    const made = plan(images, { enrolments, intents, settings: { limits: { perProvider: { github: 2 } } } });
    expect(made.starts).toEqual(['a', 'b', 'd']);
    expect(of(made, 'c').notes[0]).toEqual({ code: 'provider-limit', detail: 'github: 2' });
  });

  it('bound the starts of a cycle', () => {
    const made = plan(images, { settings: { limits: { perCycle: 3 } } });
    expect(made.starts).toEqual(['a', 'b', 'c']);
    expect(reasons(made)).toMatchObject({ d: 'cycle-limit' });
  });

  it('bound the starts of an image in a day, and say when it may start again', () => {
    const rebuilds = [8.2, 8.5].map((at) => rebuild({ outcome: 'cancelled', run: 'r', startedAt: days(at) }));
    const made = plan([due('a', { rebuilds })], { settings: { limits: { perImageAndDay: 2 } } });
    expect(of(made, 'a')).toMatchObject({ action: 'wait', at: days(9.2), notes: [{ code: 'daily-limit' }] });
    const asked = rebuilds.map((each) => ({ ...each, requestedBy: 'kim' }));
    expect(
      plan([due('a', { rebuilds: asked })], { settings: { limits: { perImageAndDay: 2 } } }).starts,
    ).toEqual(['a']);
  });

  it('leave a person alone with the day, not with what runs at once', () => {
    const request = { id: 'r', reason: 'now', by: 'kim', skipDelay: false };
    const facts = { requests: new Map([['a', request]]) };
    const limits = { perImageAndDay: 0 };
    expect(plan([due('a')], { facts, settings: { limits } }).starts).toEqual(['a']);
    expect(plan([due('a')], { facts, settings: { limits: { ...limits, concurrent: 0 } } }).starts).toEqual(
      [],
    );
  });
});

describe('unknown evidence', () => {
  const unknown = (name: string): ImageRecord => builtOn([node], ['?'], -1, { name, rebuilds: [] });
  const images = names.map(unknown);

  it('starts five a day and says when the next may', () => {
    const made = plan(images);
    expect(made.starts).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(of(made, 'f').notes[0]).toEqual({ code: 'unknown-evidence-limit', detail: '5', until: days(10) });
  });

  it('counts what started in the last day, open or ended', () => {
    const before = [8.1, 8.3].map((at) => rebuild({ reason: 'evidence-unknown', startedAt: days(at) }));
    const open = intent({ image: 'z', reason: 'evidence-unknown', createdAt: days(8.5) });
    const done = {
      ...due('y'),
      rebuilds: [...before, rebuild({ reason: 'evidence-unknown', startedAt: days(7.9) })],
    };
    const enrolments = names.map((name) => enrolment({ name }));
    const made = plan([...images, done], { enrolments, intents: [open] });
    expect(made.starts).toEqual(['a', 'b']);
    expect(of(made, 'c')).toMatchObject({ at: days(9.1) });
  });

  it('is not what a start is recorded as that has another reason too', () => {
    const tools = baseWith([old, [0, 'tools2']], { repository: 'library/golang', tag: '1' });
    const both = builtOn([node, tools], ['?', 'old'], -1, { name: 'a' });
    const rebuilds = both.rebuilds.map((each) => ({ ...each, pins: each.pins.slice(1) }));
    const made = plan([{ ...both, rebuilds }], {
      bases: [node, tools],
      settings: { limits: { unknownEvidencePerDay: 0 } },
    });
    expect(of(made, 'a')).toMatchObject({
      action: 'start',
      due: [{ code: 'newer-base' }, { code: 'evidence-unknown' }],
    });
  });
});

describe('order', () => {
  it('is emergency, criticality, depth, age, name', () => {
    const aged = baseWith([old, [-1, 'older news']], { repository: 'library/alpine', tag: '3' });
    const cve = baseWith([old, [0, 'fixed']], { repository: 'library/debian', tag: '12' });
    const deep = ownBase('top', [old, [0, 'top2']]);
    const proof = {
      id: 'CVE-1',
      severity: 'critical' as const,
      presentIn: digest('old'),
      absentFrom: digest('fixed'),
    };
    const images = [
      due('b'),
      due('a'),
      builtOn([aged], ['old'], -50, { name: 'aged' }),
      builtOn([deep], ['old'], -50, { name: 'deep' }),
      builtOn([cve], ['old'], -50, { name: 'urgent' }),
      due('important'),
      due('unimportant'),
      builtOn([], [], -50, { name: 'top' }),
    ];
    const enrolments = images.map(({ name }) =>
      enrolment({
        name,
        ...(name === 'important' ? { criticality: 'high' as const } : {}),
        ...(name === 'unimportant' || name === 'urgent' ? { criticality: 'low' as const } : {}),
      }),
    );
    const facts = { proofs: new Map([['debian-12', [proof]]]) };
    const made = plan(images, { enrolments, bases: [node, aged, cve, deep], facts });
    expect(made.starts).toEqual(['urgent', 'important', 'aged', 'a', 'b', 'deep', 'unimportant']);
  });
});

describe('waves', () => {
  const canaries = { waves: { canaries: ['d'] } };
  const images = names.slice(0, 4).map((name) => due(name));

  it('let canaries go first', () => {
    const made = plan(images, { settings: canaries });
    expect(made.starts).toEqual(['d']);
    expect(reasons(made)).toMatchObject({ a: 'waits-for-canaries', b: 'waits-for-canaries' });
  });

  it('wait while the canary builds, and go when it has succeeded', () => {
    const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }];
    const building = plan(images, { settings: canaries, intents: [intent({ image: 'd', pins })] });
    expect(building.starts).toEqual([]);
    const done = [...images.slice(0, 3), builtOn([node], ['new'], 8, { name: 'd' })];
    expect(plan(done, { settings: canaries }).starts).toEqual(['a', 'b', 'c']);
  });

  it('stand still when the canary failed for good', () => {
    const rebuilds = [rebuild({ outcome: 'base-drift', startedAt: days(8) })];
    const made = plan([...images.slice(0, 3), due('d', { rebuilds })], { settings: canaries });
    expect(made.starts).toEqual([]);
    expect(of(made, 'd').action).toBe('blocked');
  });

  it('do not wait for a canary that a person stopped', () => {
    const held = due('d', { hold: { reason: 'x', since: 0 } });
    expect(plan([...images.slice(0, 3), held], { settings: canaries }).starts).toEqual(['a', 'b', 'c']);
  });

  it('do not wait for a canary that waits for its parent', () => {
    const top = ownBase('a', [old]);
    const child = builtOn([top, node], ['old', 'old'], -50, { name: 'd' });
    expect(plan([...images.slice(0, 3), child], { bases: [node, top], settings: canaries }).starts).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('let first builds and emergencies pass', () => {
    const proof = {
      id: 'CVE-1',
      severity: 'critical' as const,
      presentIn: digest('old'),
      absentFrom: digest('new'),
    };
    const made = plan([uses([node], { name: 'a' }), due('d')], { settings: canaries });
    expect(made.starts).toEqual(['d', 'a']);
    const facts = { proofs: new Map([['node-22', [proof]]]) };
    expect(plan(images, { facts, settings: canaries }).starts).toEqual(['a', 'b', 'c', 'd']);
  });

  const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }];
  const failed = (name: string, outcome: 'failure' | 'success'): ImageRecord =>
    due(name, { rebuilds: [rebuild({ outcome, pins, startedAt: days(8) })] });

  it('stop a change of which too many builds failed, and name it', () => {
    const made = plan([failed('a', 'failure'), failed('b', 'success'), failed('c', 'success'), due('d')]);
    expect(of(made, 'd')).toMatchObject({
      action: 'wait',
      notes: [{ code: 'wave-halted', detail: `node-22@${digest('new')}` }],
    });
  });

  it('judge from three builds on, and let a third fail', () => {
    expect(plan([failed('a', 'failure'), failed('b', 'failure'), due('d')]).starts).toContain('d');
    const most = [failed('a', 'failure'), ...['b', 'c', 'e'].map((name) => failed(name, 'success'))];
    expect(plan([...most, due('d')]).starts).toContain('d');
  });

  it('do not stop an image for a change that it has already', () => {
    const alpine = baseWith([old, [0, 'alp2']], { repository: 'library/alpine', tag: '3' });
    const inside = builtOn([node, alpine], ['new', 'old'], 8, { name: 'd' });
    const made = plan([failed('a', 'failure'), failed('b', 'failure'), failed('c', 'failure'), inside], {
      bases: [node, alpine],
    });
    expect(made.starts).toContain('d');
  });
});

describe('parents and children', () => {
  const base = (pushes: Parameters<typeof ownBase>[1]): BaseRecord => ownBase('p', pushes);
  const parentDue = due('p');
  const p = base([old, [8.9, 'p2']]);
  const child = builtOn([p], ['old'], -50, { name: 'c' });

  it('a child waits while its parent runs or can start now', () => {
    const startable = plan([parentDue, child], { bases: [node, p] });
    expect(startable.starts).toEqual(['p']);
    expect(of(startable, 'c').notes).toContainEqual({ code: 'waits-for-parent', image: 'p' });
    const quiet = builtOn([node], ['new'], 8, { name: 'p' });
    const running = plan([quiet, child], { bases: [node, p], intents: [intent({ image: 'p' })] });
    expect(running.starts).toEqual([]);
    expect(of(running, 'c')).toMatchObject({ action: 'wait' });
    expect(plan([quiet, child], { bases: [node, p] }).starts).toEqual(['c']);
  });

  it('a grandchild waits for all of them', () => {
    const c = ownBase('c', [old, [8.9, 'c2']]);
    const grandchild = builtOn([c], ['old'], -50, { name: 'g' });
    const made = plan([parentDue, child, grandchild], { bases: [node, p, c] });
    expect(made.starts).toEqual(['p']);
    expect(of(made, 'g').notes).toContainEqual({ code: 'waits-for-parent', image: 'c' });
  });

  it('a child waits for the slot of a parent that is near, so that a diamond makes one rebuild', () => {
    const soon = baseWith([old, [1.99, 'new']]);
    const made = plan([builtOn([soon], ['old'], -50, { name: 'p' }), child], { bases: [soon, p] });
    const at = of(made, 'p').at;
    expect(at).toBeGreaterThan(days(9));
    expect(of(made, 'c')).toMatchObject({ action: 'wait', at });
  });

  it.each<[string, Partial<ImageRecord>, Partial<PlanParts>]>([
    ['held', { hold: { reason: 'x', since: 0 } }, {}],
    ['stopped by drift', { rebuilds: [rebuild({ outcome: 'base-drift', startedAt: days(8) })] }, {}],
    [
      'at its daily limit',
      { rebuilds: [rebuild({ outcome: 'cancelled', run: 'r', startedAt: days(8.5) })] },
      { settings: { limits: { perImageAndDay: 1 } } },
    ],
    [
      'not rebuilt by itself',
      {},
      { enrolments: [enrolment({ name: 'p', autoRebuild: false }), enrolment({ name: 'c' })] },
    ],
    [
      'moved by pull requests',
      {},
      { enrolments: [enrolment({ name: 'p', mode: 'pull-request' }), enrolment({ name: 'c' })] },
    ],
  ])('a child goes on and says parent-stuck when its parent is %s', (_, parent, more) => {
    const made = plan([due('p', parent), child], { bases: [node, p], ...more });
    expect(made.starts).toEqual(['c']);
    expect(of(made, 'c')).toMatchObject({ pins: [{ digest: digest('p2') }] });
    expect(of(made, 'c').notes).toContainEqual({ code: 'parent-stuck', image: 'p' });
  });

  it('an emergency does not wait for the slot of a parent', () => {
    const soon = baseWith([old, [1.99, 'new']]);
    const cve = baseWith([old, [8.9, 'fixed']], { repository: 'library/debian', tag: '12' });
    const proof = {
      id: 'CVE-1',
      severity: 'critical' as const,
      presentIn: digest('old'),
      absentFrom: digest('fixed'),
    };
    const own = base([old]);
    const both = builtOn([cve, own], ['old', 'old'], -50, { name: 'c' });
    const facts = { proofs: new Map([['debian-12', [proof]]]) };
    const made = plan([builtOn([soon], ['old'], -50, { name: 'p' }), both], {
      bases: [soon, cve, own],
      facts,
    });
    expect(made.starts).toEqual(['c']);
  });

  it('first builds go parents first, and the children wait without being blocked', () => {
    const empty = { ...p, ledger: [] };
    const none = { ...ownBase('c', []), ledger: [] };
    const images = [uses([node], { name: 'p' }), uses([empty], { name: 'c' }), uses([none], { name: 'g' })];
    const made = plan(images, { bases: [node, empty, none] });
    expect(made.starts).toEqual(['p']);
    expect(made.decisions.map(({ image, action }) => `${image} ${action}`)).toEqual([
      'c wait',
      'g wait',
      'p start',
    ]);
  });

  it('a diamond starts its top alone, then both sides, then the bottom', () => {
    const left = ownBase('l', [old]);
    const right = ownBase('r', [old]);
    const top = base([old]);
    const images = (topName: string, at: number): ImageRecord[] => [
      builtOn([node], [topName], at, { name: 'p' }),
      builtOn([top], ['old'], -50, { name: 'l' }),
      builtOn([top], ['old'], -50, { name: 'r' }),
      builtOn([left, right], ['old', 'old'], -50, { name: 'z' }),
    ];
    const bases = [node, left, right, top];
    expect(plan(images('old', -50), { bases }).starts).toEqual(['p']);
    const pushed = base([old, [8.9, 'p2']]);
    expect(plan(images('new', 8.9), { bases: [node, left, right, pushed] }).starts).toEqual(['l', 'r']);
    const leftPushed = ownBase('l', [old, [8.9, 'l2']]);
    const half = images('new', 8.9).map((image) =>
      image.name === 'l' ? builtOn([pushed], ['p2'], 8.9, { name: 'l' }) : image,
    );
    const running = plan(half, {
      bases: [node, leftPushed, right, pushed],
      intents: [intent({ image: 'r' })],
    });
    expect(running.starts).toEqual([]);
    expect(of(running, 'z').notes).toContainEqual({ code: 'waits-for-parent', image: 'r' });
  });
});

describe('images that are not started', () => {
  it('are reported under autoRebuild: false and in pull-request mode', () => {
    for (const more of [{ autoRebuild: false }, { mode: 'pull-request' as const }]) {
      const made = plan([due('a')], { enrolments: [enrolment({ name: 'a', ...more })] });
      expect(of(made, 'a')).toMatchObject({ action: 'report', due: [{ code: 'newer-base' }] });
      expect(made.starts).toEqual([]);
    }
  });

  it('are reported under autoRebuild: false with the hold or the freeze that stands too, named first', () => {
    const off = enrolment({ name: 'a', autoRebuild: false });
    const held = due('a', { hold: { reason: 'audit', since: days(1) } });
    const stocktaking = {
      name: 'stocktaking',
      kind: 'between' as const,
      from: days(1),
      to: days(99),
      allowEmergency: false,
    };
    const cases = [
      plan([held], { enrolments: [off] }),
      plan([due('a')], { enrolments: [off], settings: { freezeWindows: [stocktaking] } }),
    ];
    const seen = cases.map((made) => {
      const { action, at, notes } = of(made, 'a');
      return [action, at, notes.map(({ code }) => code).slice(0, 2)];
    });
    expect(seen).toEqual([
      ['report', undefined, ['held', 'auto-rebuild-off']],
      ['report', undefined, ['frozen', 'auto-rebuild-off']],
    ]);
    expect(of(cases[0] ?? plan([]), 'a').due).toMatchObject([{ code: 'newer-base' }]);
  });

  it('are blocked all the same where a hold stops what would start or be proposed, or something is to be mended', () => {
    const held = due('a', { hold: { reason: 'audit', since: days(1) } });
    for (const more of [{}, { mode: 'pull-request' as const }])
      expect(of(plan([held], { enrolments: [enrolment({ name: 'a', ...more })] }), 'a').action).toBe(
        'blocked',
      );
    const broken = due('a', { discoveryStatus: 'failed', hold: { reason: 'audit', since: days(1) } });
    const off = enrolment({ name: 'a', autoRebuild: false });
    expect(of(plan([broken], { enrolments: [off] }), 'a').action).toBe('blocked');
  });

  it('are named with their cycle', () => {
    const [x, y] = [ownBase('x', [old, [1, 'x2']]), ownBase('y', [old, [1, 'y2']])];
    const images = [builtOn([y], ['old'], -50, { name: 'x' }), builtOn([x], ['old'], -50, { name: 'y' })];
    const made = plan(images, { bases: [x, y] });
    expect(made.cycles).toEqual([['x', 'y']]);
    expect(made.starts).toEqual([]);
    expect(of(made, 'x').notes).toContainEqual({ code: 'on-cycle', detail: 'x -> y' });
  });

  it('say what discovery came to', () => {
    const enrolments = ['new', 'pending', 'failed', 'stale'].map((name) => enrolment({ name }));
    const made = plan(
      [
        uses([node], { name: 'pending', discoveryStatus: 'pending' }),
        uses([], { name: 'failed', discoveryStatus: 'failed', discoveryError: 'no Dockerfile' }),
        due('stale', { discoveryStatus: 'failed' }),
      ],
      { enrolments },
    );
    expect(made.decisions.map(({ image, action, notes }) => [image, action, notes[0]?.code])).toEqual([
      ['failed', 'blocked', 'discovery-failed'],
      ['new', 'blocked', 'discovery-pending'],
      ['pending', 'blocked', 'discovery-pending'],
      ['stale', 'blocked', 'discovery-failed'],
    ]);
  });

  it('follow their open run', () => {
    const made = plan([due('a')], { intents: [intent({ image: 'a', key: 'k' })] });
    expect(of(made, 'a')).toMatchObject({ action: 'follow' });
    expect(of(made, 'a').notes[0]).toEqual({ code: 'running', detail: 'k' });
  });
});

it('starts nothing but first builds in the first cycle after enrolment', () => {
  const fresh = baseWith([[9, 'base']]);
  const own = ownBase('p', [[9, 'p as found']]);
  const images = [
    builtOn([fresh], ['older'], 8.99, { name: 'p' }),
    builtOn([own], ['?'], 8.99, { name: 'c', rebuilds: [] }),
    uses([fresh], { name: 'never' }),
  ];
  const made = plan(images, { bases: [fresh, own] });
  expect(made.starts).toEqual(['never']);
  expect(plan(images, { bases: [fresh, own], at: 30 }).starts).toEqual(['never']);
});

it('waits for the slot of a parent until 48 h after its own start at most', () => {
  const weekly = enrolment({
    name: 'p',
    schedule: { kind: 'cron', expression: '0 0 * * 0', timeZone: 'UTC' },
  });
  const enrolments = [weekly, enrolment({ name: 'c' })];
  const early = baseWith([old, [-3.9, 'new']]);
  // 2026-01-11 is a Sunday: day 10.
  const at = (pushed: number, time: number): Plan => {
    const p = ownBase('p', [old, [pushed, 'p2']]);
    const images = [builtOn([early], ['old'], -50, { name: 'p' }), builtOn([p], ['old'], -50, { name: 'c' })];
    return plan(images, { enrolments, bases: [early, p], at: time });
  };
  expect(of(at(8.5, 9), 'p')).toMatchObject({ action: 'wait', at: days(10) });
  expect(of(at(8.5, 9), 'c')).toMatchObject({ action: 'wait', at: days(10) });
  for (const time of [7.1, 9.5]) {
    expect(of(at(7, time), 'c')).toMatchObject({
      action: 'start',
      notes: expect.arrayContaining([{ code: 'parent-stuck', image: 'p' }]) as never,
    });
  }
});

describe('a parent that is to be pushed because of its own parent', () => {
  const [g, p] = [ownBase('g', [old]), ownBase('p', [old])];
  const bases = [node, g, p];
  const images = [
    due('g'),
    builtOn([g], ['old'], -50, { name: 'p' }),
    builtOn([node, p], ['old', 'old'], -50, { name: 'c' }),
  ];

  it('is waited for', () => {
    const made = plan(images, { bases, at: 8.5 });
    expect(made.starts).toEqual(['g']);
    expect(of(made, 'c').notes).toContainEqual({ code: 'waits-for-parent', image: 'p' });
  });

  it('is waited for after a long freeze too, when all of them can start at once', () => {
    expect(plan(images, { bases, at: 30 }).starts).toEqual(['g']);
  });

  it('is not waited for when it would not be rebuilt by itself', () => {
    const enrolments = [
      enrolment({ name: 'g' }),
      enrolment({ name: 'p', autoRebuild: false }),
      enrolment({ name: 'c' }),
    ];
    expect(plan(images, { bases, enrolments, at: 8.5 }).starts).toContain('c');
  });
});

it('waits for a parent that is to be pushed because of its own parent', () => {
  const soon = baseWith([old, [1.99, 'new']]);
  const [g, p, side] = [ownBase('g', [old]), ownBase('p', [old]), ownBase('side', [old, [8.95, 'side2']])];
  const family = (more: Partial<ImageRecord> = {}): ImageRecord[] => [
    builtOn([soon], ['old'], -50, { name: 'g' }),
    builtOn([g], ['old'], -50, { name: 'p', ...more }),
    builtOn([p, side], ['old', 'old'], -50, { name: 'c' }),
    builtOn([], [], -50, { name: 'side' }),
  ];
  const bases = [soon, g, p, { ...side, ledger: side.ledger }];
  const both = family().map((image) =>
    image.name === 'c'
      ? {
          ...image,
          dependencies: image.dependencies.map((use) => ({ ...use, kind: 'from' as const, final: true })),
        }
      : image,
  );
  const made = plan(both, { bases });
  expect(of(made, 'g')).toMatchObject({ action: 'wait' });
  expect(of(made, 'p').action).toBe('none');
  expect(of(made, 'c')).toMatchObject({ action: 'wait', at: of(made, 'g').at });
  const held = both.map((image) =>
    image.name === 'p' ? { ...image, hold: { reason: 'x', since: 0 } } : image,
  );
  expect(of(plan(held, { bases }), 'c').action).toBe('start');
});
