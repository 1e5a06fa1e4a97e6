import { baseWith, builtOn, days, ownBase, planInput, uses } from '@image-factory/testing/plan-input.ts';
import {
  digest,
  enrolment,
  externalEnrolment,
  imageRecord,
  intent,
  ledgerEntry,
  rebuild,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { Enrolment } from '../enrolment/types.ts';
import { buildKey, keyFor, type Ingredients } from './build-key.ts';
import { planOf } from './plan.ts';
import { reasonText } from './reason-text.ts';
import type { PlanInput } from './types.ts';

const old = [-100, 'old'] as const;

/** A little of everything. */
function mixed(): PlanInput {
  const node = baseWith([old, [0, 'new'], [8.5, 'young']]);
  const alpine = baseWith([old, [0, 'alp2', { refused: 'no' }]], { repository: 'library/alpine', tag: '3' });
  const p = ownBase('p', [old, [8.9, 'p2']]);
  const twin = ownBase('twin', [old], { tag: '9' });
  const images = [
    builtOn([node], ['old'], -50, { name: 'p' }),
    builtOn([p, alpine], ['old', 'old'], -50, { name: 'child' }),
    builtOn([alpine], ['alp2'], 1, { name: 'bad' }),
    builtOn([node], ['?'], -50, { name: 'unknown', rebuilds: [] }),
    uses([node, alpine], { name: 'never' }),
    uses([twin], { name: 'tied' }),
    builtOn([node], ['new'], 1, { name: 'fine' }),
    builtOn([node], ['old'], -50, { name: 'open' }),
    imageRecord({ name: 'fresh' }),
    imageRecord({
      name: 'postgres',
      ledger: [ledgerEntry({ digest: digest('pg'), tag: '16.1', baseline: true })],
    }),
  ];
  const enrolments: Enrolment[] = [
    ...images.filter(({ name }) => name !== 'postgres').map(({ name }) => enrolment({ name })),
    enrolment({ name: 'twin-a', repository: 'acme/twin' }),
    enrolment({ name: 'twin-b', repository: 'acme/twin' }),
    externalEnrolment(),
  ];
  return planInput({
    enrolments,
    images,
    bases: [node, alpine, p, twin],
    intents: [intent({ image: 'open' }), intent({ image: 'gone from the enrolment' })],
    at: 9,
  });
}

describe('a plan', () => {
  it('has a decision with reasons for every image, by name', () => {
    const { decisions } = planOf(mixed());
    expect(decisions.map(({ image }) => image)).toEqual(
      mixed()
        .images.map(({ name }) => name)
        .toSorted(),
    );
    for (const decision of decisions) {
      expect(decision.due.length + decision.notes.length, decision.image).toBeGreaterThan(0);
      for (const reason of [...decision.due, ...decision.notes])
        expect(reasonText(reason)).not.toMatch(/undefined|NaN/);
    }
  });

  it('is a value: what it says survives JSON', () => {
    const plan = planOf(mixed());
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('is the same to the byte for the same input, in whatever order it comes', () => {
    const input = mixed();
    const turned = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> => new Map([...map].toReversed());
    const other: PlanInput = {
      ...input,
      images: input.images.toReversed(),
      state: {
        ...input.state,
        images: turned(input.state.images),
        bases: turned(input.state.bases),
        intents: turned(input.state.intents),
      },
    };
    expect(JSON.stringify(planOf(input))).toBe(JSON.stringify(planOf(mixed())));
    expect(JSON.stringify(planOf(other))).toBe(JSON.stringify(planOf(input)));
  });

  it('changes nothing of what it is given', () => {
    const input = mixed();
    planOf(input);
    expect(input).toEqual(mixed());
  });
});

describe('the build key', () => {
  const pins = [
    { base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('a') },
    { base: 'alpine-3', reference: 'docker.io/library/alpine:3', digest: digest('b') },
  ];
  const usual: Ingredients = {
    image: enrolment({ source: { buildArgs: { A: '1', B: '2' } } }),
    revision: 'r1',
    pins,
    platforms: ['linux/amd64', 'linux/arm64'] as never,
    requestId: undefined,
  };

  it('does not depend on order, nor on what is no ingredient', () => {
    const key = buildKey(usual);
    expect(buildKey({ ...usual, pins: pins.toReversed(), platforms: usual.platforms.toReversed() })).toBe(
      key,
    );
    const image = enrolment({
      source: { buildArgs: { B: '2', A: '1' } },
      criticality: 'high',
      owner: 'team',
      autoRebuild: false,
    });
    expect(buildKey({ ...usual, image })).toBe(key);
  });

  it('is the same from release to release', () => {
    expect(buildKey({ ...usual, pins: [], platforms: [] })).toBe('dd84773c3d72625427f6cc163fd47ff0');
  });

  it.each<[string, Partial<Ingredients>]>([
    ['image', { image: enrolment({ name: 'other', source: { buildArgs: { A: '1', B: '2' } } }) }],
    ['commit', { revision: 'r2' }],
    ['target', { image: enrolment({ source: { buildArgs: { A: '1', B: '2' }, target: 'final' } }) }],
    ['build arguments', { image: enrolment({ source: { buildArgs: { A: '1', B: '3' } } }) }],
    ['pins', { pins: pins.slice(0, 1) }],
    ['pinned digest', { pins: [{ ...pins[0], digest: digest('c') } as never, ...pins.slice(1)] }],
    ['platforms', { platforms: ['linux/amd64'] as never }],
    ['request', { requestId: 'q' }],
  ])('changes with the %s', (_, more) => {
    expect(buildKey({ ...usual, ...more })).not.toBe(buildKey(usual));
  });

  it('is new when what was built before is asked for again, after something else', () => {
    const a = { ...usual, pins: pins.slice(0, 1) };
    const b = { ...usual, pins: pins.slice(1) };
    let record = imageRecord();
    const keys: string[] = [];
    for (const ingredients of [a, b, a, b, a]) {
      const { key, built } = keyFor(record, ingredients);
      expect(built).toBe(false);
      keys.push(key);
      record = { ...record, rebuilds: [...record.rebuilds, rebuild({ key, digest: digest(key) })] };
      expect(keyFor(record, ingredients)).toEqual({ key, built: true });
    }
    expect(new Set(keys).size).toBe(5);
  });

  it('is new when another pipeline replaced what was built', () => {
    const { key } = keyFor(imageRecord(), usual);
    const content = { digest: digest('by hand'), firstSeen: 0, platforms: {} };
    const record = imageRecord({ rebuilds: [rebuild({ key, digest: digest('made') })], content });
    expect(keyFor(record, usual)).toMatchObject({ built: false });
    expect(keyFor(record, usual).key).not.toBe(key);
    expect(keyFor({ ...record, content: { ...content, digest: digest('made') } }, usual)).toEqual({
      key,
      built: true,
    });
  });

  it('stays through failures', () => {
    const { key } = keyFor(imageRecord(), usual);
    const rebuilds = (['failure', 'cancelled', 'superseded'] as const).map((outcome) =>
      rebuild({ key, outcome }),
    );
    expect(keyFor(imageRecord({ rebuilds }), usual)).toEqual({ key, built: false });
  });
});

it('tells times in UTC unless told otherwise', () => {
  const reason = { code: 'not-matured', base: 'node-22', to: digest('new'), until: days(7) } as const;
  expect(reasonText(reason)).toContain('2026-01-08T00:00:00Z');
  expect(reasonText(reason, () => 'in 3 days')).toContain('in 3 days');
});
