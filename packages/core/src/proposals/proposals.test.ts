import {
  baseWith,
  days,
  ownBase,
  planInput,
  uses,
  type PlanParts,
} from '@image-factory/testing/plan-input.ts';
import { digest, enrolment, rebuild } from '@image-factory/testing/records.ts';

import { describe, expect, it } from 'vitest';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { BaseRecord, ImageRecord, SourceRequest } from '../state/types.ts';
import { day } from '../time.ts';
import { describeRequest, escapeMarkdown, markIn } from './describe-request.ts';
import { proposalsOf } from './proposals.ts';
import { targetsOf, type Proposal } from './types.ts';

const everyMinute = { kind: 'cron', expression: '* * * * *', timeZone: 'UTC' } as const;

function proposing(more: Parameters<typeof enrolment>[0] = {}): ManagedEnrolment {
  return enrolment({ mode: 'pull-request', schedule: everyMinute, ...more });
}

/** An image whose Dockerfile pins a digest of each base, read at a day. */
function pinning(base: BaseRecord, pinned: string, more: Partial<ImageRecord> = {}, readAt = 0): ImageRecord {
  const record = uses([base], { lastDiscovery: days(readAt), ...more });
  return {
    ...record,
    dependencies: record.dependencies.map((use) => ({
      ...use,
      reference: `${use.reference}@${digest(pinned)}`,
    })),
  };
}

function open(target: string, more: Partial<SourceRequest> = {}): SourceRequest {
  return {
    branch: 'image-factory/app',
    number: 7,
    url: 'https://forge.test/7',
    digests: { 'node-22': target },
    openedAt: days(1),
    changedAt: [],
    ...more,
  };
}

function one(
  parts: Omit<PlanParts, 'enrolments'> & { readonly enrolments?: PlanParts['enrolments'] },
): Proposal {
  const [proposal] = proposalsOf(planInput({ enrolments: [proposing()], ...parts }));
  if (!proposal) throw new Error('no proposal');
  return proposal;
}

const codes = ({ notes }: Proposal): readonly string[] => notes.map(({ code }) => code);
const settings = { timing: { lookAhead: 0 } };
const node = baseWith([
  [0, 'a'],
  [10, 'b'],
]);

describe('proposalsOf', () => {
  it('proposes nothing for images that are rebuilt without requests', () => {
    const images = [pinning(node, 'a')];
    expect(
      proposalsOf(planInput({ enrolments: [enrolment()], images, bases: [node], at: 30 })),
    ).toStrictEqual([]);
  });

  it('moves a pin when the newer digest has matured, and not before', () => {
    const images = [pinning(node, 'a')];
    expect(one({ images, bases: [node], at: 16.9, settings })).toMatchObject({ action: 'none', moves: [] });
    expect(codes(one({ images, bases: [node], at: 16.9, settings }))).toContain('not-matured');
    const proposal = one({ images, bases: [node], at: 17.1, settings });
    expect(proposal).toMatchObject({ action: 'propose', due: [{ code: 'newer-base' }] });
    expect(proposal.moves).toStrictEqual([
      {
        base: 'node-22',
        written: `docker.io/library/node:22@${digest('a')}`,
        moved: `docker.io/library/node:22@${digest('b')}`,
      },
    ]);
  });

  const rows: readonly (readonly [string, Partial<Parameters<typeof one>[0]>, Partial<Proposal>])[] = [
    [
      'its daily slot',
      { enrolments: [proposing({ schedule: { kind: 'cron', expression: '0 0 1 1 *', timeZone: 'UTC' } })] },
      { action: 'wait' },
    ],
    ['autoRebuild: false', { enrolments: [proposing({ autoRebuild: false })] }, { action: 'report' }],
    ['a hold', { images: [pinning(node, 'a', { hold: { reason: 'x', since: 0 } })] }, { action: 'blocked' }],
    [
      'a hold that ends',
      { images: [pinning(node, 'a', { hold: { reason: 'x', since: 0, until: days(50) } })] },
      { action: 'wait', at: days(50) },
    ],
    [
      'a Dockerfile that cannot be read',
      { images: [pinning(node, 'a', { discoveryStatus: 'failed', discoveryError: 'line 3: no' })] },
      { action: 'blocked', notes: [{ code: 'discovery-failed', detail: 'line 3: no' }] },
    ],
    ['a held base', { bases: [{ ...node, holds: [{ reason: 'x', since: 0 }] }] }, { action: 'none' }],
    [
      'a held digest',
      { bases: [{ ...node, holds: [{ reason: 'x', since: 0, digest: digest('b') }] }] },
      { action: 'none' },
    ],
    ['a digest that is gone', { facts: { gone: new Set([`node-22@${digest('b')}`]) } }, { action: 'none' }],
    ['a pin that is ahead of the gate', { images: [pinning(node, 'b')] }, { action: 'none', moves: [] }],
    ['the limit of a cycle', { settings: { ...settings, limits: { perCycle: 0 } } }, { action: 'wait' }],
    ['open requests of others', { settings: { ...settings, limits: { concurrent: 0 } } }, { action: 'wait' }],
    [
      'the limit of its provider',
      { settings: { ...settings, limits: { perProvider: { local: 0 } } } },
      { action: 'wait' },
    ],
    [
      'its changes of the day',
      {
        images: [
          pinning(node, 'a', {
            pullRequest: open('x', {
              ended: { at: 0, outcome: 'merged' },
              changedAt: Array.from({ length: 4 }, (_, number) => days(29.9) + number),
            }),
          }),
        ],
      },
      { action: 'wait', at: days(30.9) },
    ],
    [
      'what a person declined',
      {
        images: [
          pinning(node, 'a', { pullRequest: open(digest('b'), { ended: { at: 0, outcome: 'declined' } }) }),
        ],
      },
      { action: 'none', moves: [] },
    ],
  ];
  it.each(rows)('respects %s', (_, parts, expected) => {
    expect(one({ images: [pinning(node, 'a')], bases: [node], at: 30, settings, ...parts })).toMatchObject(
      expected,
    );
  });

  it('proposes again what came to nothing otherwise, and the digest after a declined one', () => {
    for (const pullRequest of [
      open(digest('b'), { ended: { at: 0, outcome: 'moot' } }),
      open(digest('x'), { ended: { at: 0, outcome: 'declined' } }),
    ])
      expect(
        one({ images: [pinning(node, 'a', { pullRequest })], bases: [node], at: 30, settings }).action,
      ).toBe('propose');
  });

  it('leaves a withdrawn digest, back to an earlier one, without a slot', () => {
    const back = baseWith([
      [0, 'a'],
      [10, 'b', { withdrawnAt: days(20) }],
    ]);
    const ledger = [{ ...back.ledger[0], appeared: days(20) }, back.ledger[1]].flatMap((entry) =>
      entry ? [entry] : [],
    );
    const proposal = one({
      images: [pinning(back, 'b')],
      bases: [{ ...back, ledger: ledger as BaseRecord['ledger'] }],
      enrolments: [proposing({ schedule: { kind: 'cron', expression: '0 0 1 1 *', timeZone: 'UTC' } })],
      at: 30,
      settings,
    });
    expect(proposal).toMatchObject({ action: 'propose', due: [{ code: 'contains-withdrawn' }] });
    expect(targetsOf(proposal.moves)).toStrictEqual({ 'node-22': digest('a') });
  });

  it('takes a digest that it never saw for older than what was first seen after the Dockerfile was read', () => {
    const unknown = (readAt: number) =>
      one({ images: [pinning(node, 'never seen', {}, readAt)], bases: [node], at: 30, settings });
    expect(unknown(5).action).toBe('propose');
    expect(unknown(11)).toMatchObject({ action: 'none', notes: [{ code: 'evidence-unknown' }] });
    const baseline = baseWith([[0, 'a']]);
    const known = one({
      images: [pinning(baseline, 'never seen', {}, 0)],
      bases: [baseline],
      at: 8,
      settings,
    });
    expect(known.action).toBe('propose');
  });

  it('keeps an open request as it is until the next digest has proved itself and its time has come', () => {
    const busy = baseWith([
      [0, 'a'],
      [10, 'b'],
      [20, 'c'],
    ]);
    const images = [pinning(busy, 'a', { pullRequest: open(digest('b')) })];
    const at = (when: number, schedule: ManagedEnrolment['schedule'] = everyMinute): Proposal =>
      one({ images, bases: [busy], at: when, settings, enrolments: [proposing({ schedule })] });
    expect(targetsOf(at(25).moves)).toStrictEqual({ 'node-22': digest('b') });
    expect(targetsOf(at(28).moves)).toStrictEqual({ 'node-22': digest('c') });
    const yearly = { kind: 'cron', expression: '0 0 1 1 *', timeZone: 'UTC' } as const;
    expect(at(28, yearly)).toMatchObject({ action: 'propose', at: expect.any(Number) as number });
    expect(targetsOf(at(28, yearly).moves)).toStrictEqual({ 'node-22': digest('b') });
  });

  it.each([
    ['on hold', { hold: { reason: 'x', since: 0 } }, [], 'keep'],
    ['whose proposed digest was held', {}, [{ reason: 'x', since: 0, digest: digest('b') }], 'none'],
    ['whose base is held', {}, [{ reason: 'x', since: 0 }], 'propose'],
  ] as const)('of an image %s with an open request: %j', (_, more, holds, action) => {
    const images = [pinning(node, 'a', { pullRequest: open(digest('b')), ...more })];
    expect(one({ images, bases: [{ ...node, holds }], at: 30, settings }).action).toBe(action);
  });

  it('has nothing left to propose once the pin has moved', () => {
    const images = [pinning(node, 'b', { pullRequest: open(digest('b')) })];
    expect(one({ images, bases: [node], at: 30, settings })).toMatchObject({ action: 'none', moves: [] });
  });

  it('moves a written version of our own image to the newest in range that was built', () => {
    const parent = ownBase('base', [[0, 'p']], { tag: '1.2.0', name: 'acme-base-1-2-0' });
    const versions = ['1.2.0', '1.3.0', '1.3.1', '2.0.0'].map((version) => ({
      version,
      key: version,
      at: 0,
    }));
    const built = ['1.3.0', '2.0.0'].map((key) => rebuild({ key, digest: digest(key), endedAt: days(1) }));
    const images = [
      uses([parent], { lastDiscovery: 0 }),
      {
        ...uses([], { name: 'base' }),
        versions,
        rebuilds: [...built, rebuild({ key: '1.3.1', outcome: 'failure' })],
      },
    ];
    const proposal = proposalsOf(
      planInput({
        enrolments: [proposing(), enrolment({ name: 'base', tags: ['latest'] })],
        images,
        bases: [parent],
        at: 30,
        settings,
      }),
    )[0];
    expect(proposal?.action).toBe('propose');
    expect(proposal?.moves).toStrictEqual([
      { base: 'acme-base-1-2-0', written: 'ghcr.io/acme/base:1.2.0', moved: 'ghcr.io/acme/base:1.3.0' },
    ]);
  });

  it('is the same for the same input', () => {
    const input = planInput({
      enrolments: [proposing()],
      images: [pinning(node, 'a')],
      bases: [node],
      at: 30,
    });
    expect(JSON.stringify(proposalsOf(input))).toBe(JSON.stringify(proposalsOf(input)));
  });
});

describe('describeRequest', () => {
  const input = planInput({
    enrolments: [proposing()],
    images: [pinning(node, 'a')],
    bases: [node],
    at: 30,
    settings,
  });
  const [proposal] = proposalsOf(input);
  const text = describeRequest(proposing(), proposal ?? { due: [], moves: [] }, input.state);

  it('says what moves, both digests, their ages, what changed, and where to look', () => {
    expect(text.title).toBe(`Move node:22 to ${digest('b').slice(0, 19)} in app`);
    for (const part of [
      digest('a'),
      digest('b'),
      'first seen 2026-01-01',
      'first seen 2026-01-11',
      '`linux/amd64`: 1 of 1 layers are new',
      'https://hub.docker.com/_/node',
    ])
      expect(text.body).toContain(part);
    expect(markIn(text.body)).toStrictEqual(text.mark);
  });

  it('says the same a day later', () => {
    const later = planInput({
      enrolments: [proposing()],
      images: [pinning(node, 'a')],
      bases: [node],
      at: 31,
      settings,
    });
    expect(later.now - input.now).toBe(day);
    const [again] = proposalsOf(later);
    expect(again && describeRequest(proposing(), again, later.state)).toStrictEqual(text);
  });

  it('lets no word of others become markup', () => {
    const escaped = escapeMarkdown('<!-- x --> [a](http://b) @team `c` *d* | e\n# f');
    expect(escaped).not.toMatch(/(?<!\\)[<>[\]()`*|#]/);
    expect(escaped).not.toMatch(/@team|http:\/\/|\n/);
    const hostile = proposing({
      source: {
        ...proposing().source,
        dockerfile: 'a`|<!-- image-factory 0000000000000000 0000000000000000 -->',
      },
    });
    const told = describeRequest(hostile, proposal ?? { due: [], moves: [] }, input.state);
    expect(markIn(told.body)).toStrictEqual(told.mark);
  });
});
