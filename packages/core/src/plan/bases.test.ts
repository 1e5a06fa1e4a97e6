import {
  amd64,
  arm64,
  baseRecord,
  dependency,
  digest,
  enrolment,
  platformContent,
} from '@image-factory/testing/records.ts';
import {
  baseWith,
  builtOn,
  days,
  ownBase,
  planInput,
  uses,
  type PlanParts,
} from '@image-factory/testing/plan-input.ts';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../reference/types.ts';
import type { BaseRecord, ImageRecord } from '../state/types.ts';
import { day, hour } from '../time.ts';
import { planOf } from './plan.ts';
import type { Decision, ReasonCode } from './types.ts';

const app = enrolment({ name: 'app' });
const old = [-100, 'old'] as const;

function decide(
  image: ImageRecord,
  bases: readonly BaseRecord[],
  at: number,
  more: Partial<PlanParts> = {},
): Decision {
  const [decision] = planOf(planInput({ enrolments: [app], images: [image], bases, at, ...more })).decisions;
  if (!decision) throw new Error('no decision');
  return decision;
}

function codes(decision: Decision): ReasonCode[] {
  return [...decision.due, ...decision.notes].map(({ code }) => code);
}

function pinned(decision: Decision): Digest[] {
  return decision.pins.map(({ digest: each }) => each);
}

describe('a base with news', () => {
  const node = baseWith([old, [0, 'new']]);
  const image = builtOn([node], ['old'], -50, { name: 'app' });

  it('is not-matured until its delay is over, and says when', () => {
    const decision = decide(image, [node], 6.9);
    expect(decision.action).toBe('none');
    expect(decision.due).toEqual([]);
    expect(decision.notes).toContainEqual({
      code: 'not-matured',
      base: 'node-22',
      to: digest('new'),
      until: days(7),
    });
    expect(pinned(decision)).toEqual([digest('old')]);
  });

  it('is a reason afterwards, with what it compares and the pin', () => {
    const decision = decide(image, [node], 9);
    expect(decision).toMatchObject({
      action: 'start',
      due: [{ code: 'newer-base', base: 'node-22', from: digest('old'), to: digest('new') }],
      pins: [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }],
      attempt: 1,
    });
    expect(decision.key).toMatch(/^[0-9a-f]{32}$/);
  });

  it('follows the delay of the image', () => {
    const quick = enrolment({ name: 'app', rebuildDelay: day });
    expect(decide(image, [node], 2.5, { enrolments: [quick] }).action).toBe('start');
  });

  it('is not-settled after one look', () => {
    const unsettled = baseWith([old, [0, 'new', { settledAt: undefined as never }]]);
    expect(decide(image, [unsettled], 9)).toMatchObject({ action: 'none' });
    expect(codes(decide(image, [unsettled], 9))).toContain('not-settled');
  });

  it('is platform-missing when it lacks what the image builds', () => {
    const both = { [amd64]: platformContent(['old']), [arm64]: platformContent(['old']) };
    const partial = baseWith([
      [-100, 'old', { platforms: both }],
      [0, 'new'],
    ]);
    const wide = builtOn([partial], ['old'], -50, { name: 'app' });
    const dependencies = [amd64, arm64].map((platform) => dependency({ platform }));
    const decision = decide({ ...wide, dependencies }, [partial], 9);
    expect(decision.action).toBe('none');
    expect(decision.notes).toContainEqual({
      code: 'platform-missing',
      base: 'node-22',
      to: digest('new'),
      detail: arm64,
    });
  });

  it('is not-described while its manifest could not be read', () => {
    const unread = baseWith([old, [0, 'new', { platforms: undefined as never }]]);
    expect(codes(decide(image, [unread], 9))).toContain('not-described');
    expect(decide(image, [unread], 9).due).toEqual([]);
  });

  it('is no news when only other platforms or attestations changed', () => {
    const same = platformContent(['old']);
    const attested = baseWith([
      old,
      [0, 'attested', { platforms: { [amd64]: same, [arm64]: platformContent(['r']) } }],
    ]);
    expect(decide(image, [attested], 9)).toMatchObject({
      action: 'none',
      due: [],
      notes: [{ code: 'up-to-date' }, { code: 'baseline' }],
    });
  });

  it.each([
    [
      'held digest',
      { holds: [{ reason: 'breaks TLS', since: 0, digest: digest('new') }] },
      {},
      'held-digest',
    ],
    ['gone by this look', {}, { gone: new Set([`node-22@${digest('new')}`]) }, 'gone'],
  ] as const)('is left out: %s', (_, more, facts, code) => {
    const decision = decide(image, [{ ...node, ...more }], 9, { facts });
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain(code);
    expect(pinned(decision)).toEqual([digest('old')]);
  });

  it('is held until the hold of its digest ends, which is told', () => {
    const holds = [{ reason: 'breaks TLS', since: 0, until: days(20), digest: digest('new') }];
    const { notes } = decide(image, [{ ...node, holds }], 9);
    expect(notes).toContainEqual({
      code: 'held-digest',
      base: 'node-22',
      to: digest('new'),
      until: days(20),
      detail: 'breaks TLS',
    });
    expect(decide(image, [{ ...node, holds }], 20).due).toMatchObject([{ code: 'newer-base' }]);
  });

  it.each([
    ['gone', { goneAt: days(1) }],
    ['refused', { refused: 'no signature' }],
    ['withdrawn', { withdrawnAt: days(1) }],
  ] as const)('is left out: %s', (code, more) => {
    const decision = decide(image, [baseWith([old, [0, 'new', more]])], 9);
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain(code);
  });

  it('is held with its whole base until the hold ends', () => {
    const holds = [{ reason: 'node is on fire', since: 0, until: days(20) }];
    expect(decide(image, [{ ...node, holds }], 9).due).toEqual([]);
    expect(decide(image, [{ ...node, holds }], 21).action).toBe('start');
    const never = uses([node], { name: 'app' });
    expect(decide(never, [{ ...node, holds }], 9)).toMatchObject({
      action: 'wait',
      at: days(20),
      notes: expect.arrayContaining([
        { code: 'held', base: 'node-22', detail: 'node is on fire', until: days(20) },
      ]) as never,
    });
  });
});

describe('the baseline', () => {
  const node = baseWith([[0, 'base']]);

  it('is pinned at once for an image that was never built', () => {
    const decision = decide(uses([node], { name: 'app' }), [node], 0);
    expect(decision).toMatchObject({ action: 'start', due: [{ code: 'never-built' }] });
    expect(pinned(decision)).toEqual([digest('base')]);
    expect(codes(decision)).toContain('baseline');
  });

  it.each([0, 6, 8, 400])('is no reason on day %i, whatever the image contains', (at) => {
    expect(decide(builtOn([node], ['something older'], -50, { name: 'app' }), [node], at).due).toEqual([]);
    const unknown = builtOn([node], ['?'], -50, { name: 'app', rebuilds: [] });
    expect(decide(unknown, [node], at).due).toEqual([]);
  });

  it('is no reason either when the tag comes back to it from two others', () => {
    const back = baseWith([
      [1, 'b', { stood: day, replacedAt: days(2) }],
      [2, 'c', { withdrawnAt: days(3) }],
      [3, 'base', { firstSeen: days(0), baseline: true }],
    ]);
    expect(decide(builtOn([back], ['b'], 1, { name: 'app' }), [back], 4).due).toEqual([]);
  });
});

describe('a busy tag', () => {
  const pushes = Array.from({ length: 21 * 24 }, (_, index) => [index / 24, `h${index}`] as const);
  const seen = (at: number): BaseRecord => baseWith([old, ...pushes.filter(([on]) => on <= at)]);
  const image = (at: number): ImageRecord => builtOn([seen(at)], ['old'], -50, { name: 'app' });

  it('is told before it is used, with the time, in a few notes of hundreds', () => {
    const decision = decide(image(10), [seen(10)], 10);
    expect(decision.due).toEqual([]);
    expect(codes(decision)).not.toContain('busy-tag');
    const told = decision.notes.filter(({ code }) => code === 'short-lived');
    expect(told.length).toBeLessThanOrEqual(10);
    expect(Math.min(...told.map(({ until }) => until ?? Infinity))).toBe(days(14));
  });

  it('is taken after twice the delay', () => {
    const decision = decide(image(15.5), [seen(15.5)], 15.5);
    expect(decision.due).toEqual([expect.objectContaining({ code: 'newer-base', to: digest('h204') })]);
    expect(codes(decision)).toContain('busy-tag');
  });

  it('does not say so of a bad push whose fix matures before', () => {
    const node = baseWith([old, [0, 'bad'], [0.1, 'fix']]);
    const decision = decide(builtOn([node], ['old'], -50, { name: 'app' }), [node], 3);
    expect(decision.notes).toContainEqual({ code: 'short-lived', base: 'node-22', to: digest('bad') });
  });

  it('says when, where nothing better can come before', () => {
    const node = baseWith([old, [0, 'x'], [0.1, 'y', { withdrawnAt: days(0.2) }]]);
    const decision = decide(builtOn([node], ['old'], -50, { name: 'app' }), [node], 8);
    expect(decision.notes).toContainEqual({
      code: 'short-lived',
      base: 'node-22',
      to: digest('x'),
      until: days(14),
    });
  });
});

describe('what the image contains', () => {
  it('is ahead-of-gate when it is newer and not matured: reported, never built back', () => {
    const node = baseWith([old, [0, 'new']]);
    const decision = decide(builtOn([node], ['new'], 1, { name: 'app' }), [node], 3);
    expect(decision).toMatchObject({ action: 'none', due: [] });
    expect(decision.notes).toContainEqual({
      code: 'ahead-of-gate',
      base: 'node-22',
      from: digest('new'),
      to: digest('old'),
    });
  });

  it('stays ahead of the gate when another base makes it due', () => {
    const node = baseWith([old, [8, 'ahead']]);
    const alpine = baseWith(
      [
        [-100, 'alp'],
        [0, 'alp2'],
      ],
      { repository: 'library/alpine', tag: '3' },
    );
    const decision = decide(
      builtOn([node, alpine], ['ahead', 'alp'], 9, { name: 'app' }),
      [node, alpine],
      10,
    );
    expect(decision.due).toMatchObject([{ base: 'alpine-3', to: digest('alp2') }]);
    expect(pinned(decision)).toEqual([digest('ahead'), digest('alp2')]);
  });

  it('is not built forward on an unmatured digest because nothing has matured', () => {
    const node = baseWith([
      [0, 'base', { goneAt: days(1) }],
      [1, 'young'],
    ]);
    const decision = decide(builtOn([node], ['base'], 0.5, { name: 'app' }), [node], 3);
    expect(decision.due).toEqual([]);
    expect(pinned(decision)).toEqual([]);
  });

  it.each([
    ['withdrawn', { withdrawnAt: days(2), replacedAt: days(2) }],
    ['refused', { refused: 'no signature' }],
  ] as const)(
    'is contains-withdrawn when it is %s: due to the newest acceptable, even an earlier one',
    (detail, more) => {
      const node = baseWith([old, [0, 'bad', more]]);
      const decision = decide(builtOn([node], ['bad'], 1, { name: 'app' }), [node], 3);
      expect(decision).toMatchObject({
        action: 'start',
        due: [{ code: 'contains-withdrawn', from: digest('bad'), to: digest('old'), detail }],
      });
      expect(pinned(decision)).toEqual([digest('old')]);
    },
  );

  it('may leave a withdrawn digest for the baseline, and raises the alarm when there is nothing to go to', () => {
    const node = baseWith([
      [0, 'base'],
      [1, 'bad', { withdrawnAt: days(2), replacedAt: days(2) }],
    ]);
    const image = builtOn([node], ['bad'], 1, { name: 'app' });
    expect(decide(image, [node], 3).due).toMatchObject([{ code: 'contains-withdrawn', to: digest('base') }]);
    const alone = baseWith([[1, 'bad', { refused: 'no signature' }]]);
    const alarm = decide(image, [alone], 3);
    expect(alarm.due).toEqual([]);
    expect(codes(alarm)).toContain('contains-withdrawn');
    expect(codes(alarm)).not.toContain('up-to-date');
  });

  it('is equal-content when a newer digest holds the same: no rebuild', () => {
    const node = baseWith([old, [0, 'new', { equalTo: digest('old') }]]);
    const decision = decide(builtOn([node], ['old'], -50, { name: 'app' }), [node], 9);
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain('equal-content');
  });

  it('is not left because it was withdrawn when what stands there has the same content', () => {
    const node = baseWith([old, [0, 'bad', { withdrawnAt: days(2), equalTo: digest('old') }]]);
    const decision = decide(builtOn([node], ['bad'], 1, { name: 'app' }), [node], 3);
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain('contains-withdrawn');
  });

  it('is placed by when the image was first seen, if the ledger does not know it', () => {
    const node = baseWith([old, [0, 'new']]);
    const image = (at: number): ImageRecord => builtOn([node], ['unknown to us'], at, { name: 'app' });
    expect(decide(image(-1), [node], 9).due).toMatchObject([{ code: 'newer-base', to: digest('new') }]);
    expect(decide(image(1), [node], 9).due).toEqual([]);
  });

  it('is evidence-unknown and not up-to-date, if the ledger does not know it and time does not place it below', () => {
    const node = baseWith([old, [0, 'new']]);
    const foreign = builtOn([node], ['?'], 1, { name: 'app', rebuilds: [] });
    const annotated = { ...foreign, content: { ...foreign.content, annotatedBase: { digest: digest('x') } } };
    for (const bases of [[node], [baseWith([old])]]) {
      const decision = decide(annotated as ImageRecord, bases, 9);
      expect(decision).toMatchObject({ action: 'none', due: [] });
      expect(decision.notes).toContainEqual({
        code: 'evidence-unknown',
        base: 'node-22',
        from: digest('x'),
      });
      expect(codes(decision)).not.toContain('up-to-date');
    }
  });

  it('is evidence-conflict when two kinds of evidence disagree', () => {
    const node = baseWith([old, [0, 'new']]);
    const image = builtOn([node], ['new'], 1, { name: 'app' });
    const content = { ...image.content, platforms: { [amd64]: platformContent(['old', 'own']) } };
    const decision = decide({ ...image, content: content as never }, [node], 3);
    expect(decision.notes).toContainEqual({
      code: 'evidence-conflict',
      base: 'node-22',
      from: digest('old'),
      to: digest('new'),
      detail: 'layers against record',
    });
  });
});

describe('evidence-unknown', () => {
  const node = baseWith([old, [0, 'new', { previousLastSeenAt: days(-0.5) }]]);
  const unknown = (seen: number): ImageRecord => builtOn([node], ['?'], seen, { name: 'app', rebuilds: [] });

  it('is due only if the image was seen before the last look that saw what stood there before', () => {
    expect(decide(unknown(-0.6), [node], 9).due).toEqual([
      { code: 'evidence-unknown', base: 'node-22', to: digest('new') },
    ]);
    expect(decide(unknown(-0.4), [node], 9).due).toEqual([]);
  });

  it('is due where the image and what stood there before were first seen in one cycle', () => {
    expect(decide(unknown(-0.5), [node], 9).due).toMatchObject([{ code: 'evidence-unknown' }]);
  });

  it('is judged by the first digest of the same content', () => {
    const same = baseWith([
      [-100, 'old'],
      [0, 'new', { equalTo: digest('old') }],
    ]);
    expect(decide(unknown(-5), [same], 9).due).toEqual([]);
    const foreign = builtOn([same], ['unknown to us'], -5, { name: 'app' });
    expect(decide(foreign, [same], 9).due).toEqual([]);
  });

  it('is noted anyway, and then the image is not called up to date', () => {
    const decision = decide(unknown(5), [node], 9);
    expect(codes(decision)).toContain('evidence-unknown');
    expect(codes(decision)).not.toContain('up-to-date');
  });

  it('is not due before the candidate has matured', () => {
    expect(decide(unknown(-5), [node], 6).due).toEqual([]);
  });
});

describe('kinds of use', () => {
  const node = baseWith([old]);
  const tools = baseWith(
    [
      [-100, 'tools'],
      [0, 'tools2'],
    ],
    { repository: 'library/golang', tag: '1' },
  );
  const image = builtOn([node, tools], ['old', 'tools'], -50, { name: 'app' });

  it('is not-provable for a copied-from image, which is due by our record', () => {
    const decision = decide(image, [node, tools], 9);
    expect(decision.notes).toContainEqual({ code: 'not-provable', base: 'golang-1' });
    expect(decision.due).toMatchObject([{ code: 'newer-base', base: 'golang-1' }]);
  });

  it('is provable by signed provenance', () => {
    const fact = {
      image: 'app',
      subject: image.content?.digest ?? digest(''),
      base: 'golang-1',
      digest: digest('tools2'),
      signed: true,
    };
    const decision = decide(image, [node, tools], 9, { facts: { provenance: [fact] } });
    expect(codes(decision)).not.toContain('not-provable');
    expect(decision.due).toEqual([]);
  });

  it('is ignored for builder stages under rebuildOn: final, but pinned all the same', () => {
    const final = enrolment({ name: 'app', rebuildOn: 'final' });
    const decision = decide(image, [node, tools], 9, { enrolments: [final] });
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain('ignored-stage');
    expect(pinned(decision)).toEqual([digest('old'), digest('tools2')]);
  });

  it('is never a reason for a frontend', () => {
    const frontend = baseWith(
      [
        [-100, 'f'],
        [0, 'f2'],
      ],
      { repository: 'docker/dockerfile', tag: '1' },
    );
    const syntax = dependency({ kind: 'syntax', base: 'docker-dockerfile-1', final: false });
    const with1 = {
      ...builtOn([node], ['old'], -50, { name: 'app' }),
      baseImages: ['node-22', 'docker-dockerfile-1'],
    };
    const decision = decide({ ...with1, dependencies: [...with1.dependencies, syntax] }, [node, frontend], 9);
    expect(decision.due).toEqual([]);
    expect(codes(decision)).toContain('syntax-image');
    expect(pinned(decision)).toEqual([digest('old')]);
  });

  it('is unwatchable without a tag, and builds as written', () => {
    const bare = dependency({ reference: `docker.io/library/node@${digest('x')}` });
    const { base: _base, ...rest } = bare;
    const decision = decide({ ...uses([], { name: 'app' }), dependencies: [rest] }, [], 9);
    expect(decision).toMatchObject({ action: 'start', pins: [], due: [{ code: 'never-built' }] });
    expect(codes(decision)).toContain('unwatchable');
  });
});

describe('pinned-in-source', () => {
  const reference = `docker.io/library/node:22@${digest('old')}`;
  const pinnedImage = (node: BaseRecord): ImageRecord => ({
    ...builtOn([node], ['old'], -50, { name: 'app' }),
    dependencies: [dependency({ reference })],
  });

  it('is watched and told about, never overridden', () => {
    const node = baseWith([old, [0, 'new']]);
    const decision = decide(pinnedImage(node), [node], 30);
    expect(decision).toMatchObject({ action: 'none', due: [], pins: [] });
    expect(decision.notes).toContainEqual({
      code: 'pinned-in-source',
      base: 'node-22',
      from: digest('old'),
      to: digest('new'),
    });
  });

  it('raises the alarm when what it pins is withdrawn', () => {
    const node = baseWith([
      [-100, 'old', { withdrawnAt: days(0) }],
      [0, 'new'],
    ]);
    expect(codes(decide(pinnedImage(node), [node], 30))).toContain('contains-withdrawn');
  });
});

describe('tags of ours', () => {
  it('have no delay', () => {
    const base = ownBase('base', [old, [0, 'new']]);
    const parent = builtOn([], [], 0, { name: 'base' });
    const child = builtOn([base], ['old'], -50, { name: 'app' });
    const enrolments = [app, enrolment({ name: 'base' })];
    const more = { enrolments, images: [child, parent] };
    expect(decide(child, [base], 0.5, more)).toMatchObject({
      action: 'start',
      due: [{ code: 'newer-base' }],
    });
    const slow = [app, enrolment({ name: 'base', ownDelay: 3 * day })];
    expect(decide(child, [base], 0.5, { ...more, enrolments: slow }).due).toEqual([]);
    expect(decide(child, [base], 3.5, { ...more, enrolments: slow }).due).toMatchObject([
      { code: 'newer-base' },
    ]);
  });

  it('have not to stand for long: nobody fixes them forward behind our back', () => {
    const base = ownBase('base', [old, [0, 'new'], [0.1, 'newer']]);
    const child = builtOn([base], ['old'], -50, { name: 'app' });
    const enrolments = [app, enrolment({ name: 'base', ownDelay: 7 * day })];
    const images = [child, builtOn([], [], 0, { name: 'base' })];
    expect(decide(child, [base], 7.05, { enrolments, images }).due).toMatchObject([{ to: digest('new') }]);
  });

  it('are needs-source-change when no build of ours moves them: neither pinned nor a reason', () => {
    const base = ownBase('base', [old, [0, 'new']], { tag: '1' });
    const node = baseWith([old, [0, 'node2']]);
    const child = builtOn([base, node], ['old', 'old'], -50, { name: 'app' });
    const enrolments = [app, enrolment({ name: 'base', tags: ['2', 'latest'] })];
    const decision = decide(child, [base, node], 30, {
      enrolments,
      images: [child, uses([], { name: 'base' })],
    });
    expect(decision.notes).toContainEqual({
      code: 'needs-source-change',
      base: 'acme-base-1',
      image: 'base',
    });
    expect(decision.due).toMatchObject([{ base: 'node-22' }]);
    expect(decision.pins.map(({ base: each }) => each)).toEqual(['node-22']);
  });

  it('are parent-unobserved until the parent is built', () => {
    const base = baseRecord({
      registry: 'ghcr.io',
      repository: 'acme/base',
      tag: 'latest',
      name: 'acme-base-latest',
    });
    const child = uses([base], { name: 'app' });
    const held = uses([], { name: 'base', hold: { reason: 'not yet', since: 0 } });
    const decision = decide(child, [base], 1, {
      enrolments: [app, enrolment({ name: 'base' })],
      images: [child, held],
    });
    expect(decision.action).toBe('blocked');
    expect(decision.notes).toContainEqual({
      code: 'parent-unobserved',
      base: 'acme-base-latest',
      image: 'base',
    });
  });
});

describe('emergency', () => {
  const node = baseWith([old, [0, 'middle'], [5, 'fixed']]);
  const image = builtOn([node], ['old'], -50, { name: 'app' });
  const proof = {
    id: 'CVE-2026-1',
    severity: 'critical' as const,
    presentIn: digest('old'),
    absentFrom: digest('fixed'),
  };
  const proofs = (...list: (typeof proof)[]): Partial<PlanParts> => ({
    facts: { proofs: new Map([['node-22', list]]) },
  });

  it('skips the delay for a critical CVE that the newest settled digest removes', () => {
    const decision = decide(image, [node], 5.5, proofs(proof));
    expect(decision).toMatchObject({
      action: 'start',
      emergency: true,
      due: [{ code: 'emergency-cve', from: digest('old'), to: digest('fixed'), detail: 'CVE-2026-1' }],
    });
    expect(pinned(decision)).toEqual([digest('fixed')]);
  });

  it('uses the coordination window, from when the digest settled', () => {
    const settled = days(5) + hour / 2;
    expect(decide(image, [node], 5.03, proofs(proof))).toMatchObject({
      action: 'wait',
      at: settled + hour / 2,
    });
    expect(decide(image, [node], 5.05, proofs(proof)).action).toBe('start');
  });

  it.each([
    ['not present in what runs', [{ ...proof, presentIn: digest('middle') }], [node]],
    ['absent from an older digest than the newest', [{ ...proof, absentFrom: digest('middle') }], [node]],
    ['absent from a refused digest', [proof], [baseWith([old, [5, 'fixed', { refused: 'x' }]])]],
    ['absent from a withdrawn digest', [proof], [baseWith([old, [5, 'fixed', { withdrawnAt: days(5.2) }]])]],
    [
      'absent from an unsettled digest',
      [proof],
      [baseWith([old, [5, 'fixed', { settledAt: undefined as never }]])],
    ],
    ['absent from a digest that is gone', [proof], [baseWith([old, [5, 'fixed', { goneAt: days(5.2) }]])]],
    [
      'absent from a held digest',
      [proof],
      [{ ...node, holds: [{ reason: 'no', since: 0, digest: digest('fixed') }] }],
    ],
    ['absent from a held base', [proof], [{ ...node, holds: [{ reason: 'no', since: 0 }] }]],
  ] as const)('is none when the CVE is %s', (_, list, bases) => {
    const decision = decide(image, bases, 5.5, proofs(...list));
    expect(decision.emergency).toBeUndefined();
    expect(decision.action).not.toBe('start');
  });

  it('is none where layers prove nothing: a copied-from image never bypasses the delay', () => {
    const other = baseWith([old], { repository: 'library/alpine', tag: '3' });
    const copied = builtOn([other, node], ['old', 'old'], -50, { name: 'app' });
    expect(decide(copied, [other, node], 5.5, proofs(proof))).toMatchObject({ action: 'none', due: [] });
  });

  it('can be asked for by a person, with a reason that is recorded', () => {
    const request = { id: 'r1', reason: 'customer is down', by: 'kim', skipDelay: true };
    const decision = decide(image, [node], 5.1, { facts: { requests: new Map([['app', request]]) } });
    expect(decision).toMatchObject({
      action: 'start',
      emergency: true,
      due: [{ code: 'requested', detail: 'kim: customer is down' }, { code: 'newer-base' }],
    });
    expect(pinned(decision)).toEqual([digest('fixed')]);
  });

  it('leaves the delay alone for a person who does not ask to skip it', () => {
    const request = { id: 'r1', reason: 'try again', by: 'kim', skipDelay: false };
    const decision = decide(image, [node], 5.1, { facts: { requests: new Map([['app', request]]) } });
    expect(decision.action).toBe('start');
    expect(decision.emergency).toBeUndefined();
    expect(pinned(decision)).toEqual([digest('old')]);
  });
});
