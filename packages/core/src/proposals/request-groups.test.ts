import { baseWith, days, planInput, uses } from '@image-factory/testing/plan-input.ts';
import { digest, enrolment } from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../enrolment/default-settings.ts';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { PlanInput } from '../plan/types.ts';
import type { BaseRecord, ImageRecord, SourceRequest } from '../state/types.ts';
import { day } from '../time.ts';
import { describeGroup } from './describe-group.ts';
import { markIn } from './describe-request.ts';
import { moveSharedPins } from './move-shared-pins.ts';
import { proposalsOf } from './proposals.ts';
import { pinsBranch, repositoryOf, versionsBranch } from './request-place.ts';
import { targetsOf, type Proposal } from './types.ts';

const node = baseWith([
  [0, 'a'],
  [10, 'b'],
]);
const everyMinute = { kind: 'cron', expression: '* * * * *', timeZone: 'UTC' } as const;
const settings = { timing: { lookAhead: 0 } };

function member(name: string, more: Parameters<typeof enrolment>[0] = {}): ManagedEnrolment {
  return enrolment({
    name,
    mode: 'pull-request',
    pullRequestGroup: 'web',
    schedule: everyMinute,
    source: { provider: 'github', repo: 'acme/app', dockerfile: `${name}/Dockerfile` },
    ...more,
  });
}

function pinning(
  name: string,
  pinned: string,
  more: Partial<ImageRecord> = {},
  base: BaseRecord = node,
): ImageRecord {
  const record = uses([base], { name, lastDiscovery: days(0), ...more });
  return {
    ...record,
    dependencies: record.dependencies.map((use) => ({
      ...use,
      reference: `${use.reference}@${digest(pinned)}`,
    })),
  };
}

const open = (branch: string, target: string, more: Partial<SourceRequest> = {}): SourceRequest => ({
  branch,
  number: 7,
  digests: { 'node-22': digest(target) },
  openedAt: days(1),
  changedAt: [],
  ...more,
});

const actions = (proposals: readonly Proposal[]): Record<string, string> =>
  Object.fromEntries(
    proposals.map(({ image, action, branch }) => [image, `${action} ${branch.split('/')[1]}`]),
  );

describe('places of requests', () => {
  it('are of the image, the group, or the versions of a source branch, and never of two', () => {
    const branch = (more: Parameters<typeof enrolment>[0], source = {}): string =>
      pinsBranch(enrolment({ name: 'web', ...more, source }));
    const all = [
      branch({}),
      branch({ pullRequestGroup: 'web' }),
      branch({ pullRequestGroup: 'web' }, { branch: 'main' }),
      branch({ pullRequestGroup: 'web-main' }),
      branch({ pullRequestGroup: 'web' }, { branch: 'a/b' }),
      branch({ pullRequestGroup: 'web' }, { branch: 'a-b' }),
      versionsBranch(enrolment()),
      versionsBranch(enrolment({ source: { branch: 'main' } })),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(all.slice(0, 3)).toStrictEqual([
      'image-factory/web',
      'image-factory/group_web',
      'image-factory/group_web_main',
    ]);
    for (const name of all) expect(name).toMatch(/^image-factory\/[a-z][\w-]*$/);
  });

  it('know a repository however it is written, and tell servers apart', () => {
    const at = (provider: 'github' | 'gitlab' | 'webhook' | 'local', repo: string): string =>
      repositoryOf(enrolment({ source: { provider, repo } }).source, defaultSettings.providers);
    const same = [
      at('github', 'acme/app'),
      at('github', 'https://github.com/Acme/app.git'),
      at('webhook', 'https://github.com/acme/app'),
      at('webhook', 'git@github.com:acme/app.git'),
    ];
    expect(new Set(same)).toStrictEqual(new Set(['github.com/acme/app']));
    expect(at('gitlab', 'acme/app')).toBe('gitlab.com/acme/app');
    expect(at('local', '.')).toBe('.');
    expect(at('local', '../app')).toBe('../app');
  });
});

describe('images of one group', () => {
  it('name one branch where they are due, whatever their providers', () => {
    const proposals = proposalsOf(
      planInput({
        enrolments: [
          member('a'),
          member('b', {
            source: { provider: 'webhook', repo: 'https://github.com/acme/app', dockerfile: 'b/Dockerfile' },
          }),
          member('c', { rebuildDelay: 90 * day }),
          member('d', { pullRequestGroup: undefined }),
        ],
        images: ['a', 'b', 'c', 'd'].map((name) => pinning(name, 'a')),
        bases: [node],
        at: 30,
        settings,
      }),
    );
    expect(actions(proposals)).toStrictEqual({
      a: 'propose group_web',
      b: 'propose group_web',
      c: 'none group_web',
      d: 'propose d',
    });
  });

  it('share the daily slot of their group', () => {
    const daily = { schedule: { kind: 'daily' } } as const;
    const at = (when: number): Record<string, string> =>
      actions(
        proposalsOf(
          planInput({
            enrolments: ['a', 'b', 'c', 'd'].map((name) => member(name, daily)),
            images: ['a', 'b', 'c', 'd'].map((name) => pinning(name, 'a')),
            bases: [node],
            at: when,
            settings,
          }),
        ),
      );
    for (let hour = 0; hour <= 26; hour += 1) expect(new Set(Object.values(at(17 + hour / 24))).size).toBe(1);
    expect(at(18.1)['a']).toBe('propose group_web');
  });

  it('first leave the request that they are in', () => {
    const at = (more: Partial<SourceRequest>): Record<string, string> =>
      actions(
        proposalsOf(
          planInput({
            enrolments: [member('a', { schedule: { kind: 'daily' } }), member('b')],
            images: [
              pinning('a', 'a', { pullRequest: open('image-factory/a', 'b', more) }),
              pinning('b', 'a'),
            ],
            bases: [node],
            at: 17.01,
            settings,
          }),
        ),
      );
    expect(at({})).toStrictEqual({ a: 'wait group_web', b: 'propose group_web' });
    // What was proposed there needs no other slot here.
    const ended = { at: 0, outcome: 'moot', moved: true } as const;
    expect(at({ ended })['a']).toBe('propose group_web');
    expect(at({ ended: { at: 0, outcome: 'moot' } })['a']).toBe('wait group_web');
  });
});

describe('every request has a reason, and every due image is in one', () => {
  const names = ['a', 'b', 'c', 'd', 'e'] as const;
  const anImage = fc.record({
    group: fc.constantFrom(undefined, 'web', 'api'),
    branch: fc.constantFrom(undefined, 'release'),
    repo: fc.constantFrom('acme/app', 'acme/other'),
    pinned: fc.constantFrom('a', 'b', 'c'),
    held: fc.boolean(),
    autoRebuild: fc.boolean(),
    failed: fc.boolean(),
    delay: fc.constantFrom(1, 7, 40),
    request: fc.constantFrom('none', 'own', 'group', 'declined', 'merged', 'moved'),
    target: fc.constantFrom('b', 'c'),
  });
  type Drawn = typeof anImage extends fc.Arbitrary<infer T> ? T : never;
  const base = baseWith([
    [0, 'a'],
    [10, 'b'],
    [20, 'c'],
  ]);

  function inputOf(drawn: readonly Drawn[], limit: number, grouped: boolean): PlanInput {
    const enrolments = drawn.map((each, index) =>
      member(names[index] ?? '', {
        pullRequestGroup: grouped ? each.group : undefined,
        autoRebuild: each.autoRebuild,
        rebuildDelay: each.delay * day,
        source: { provider: 'github', repo: each.repo, branch: each.branch, dockerfile: 'x/Dockerfile' },
      }),
    );
    const images = drawn.map((each, index) => {
      const own = enrolments[index] ?? member('a');
      const ended = {
        declined: { at: 0, outcome: 'declined' },
        merged: { at: 0, outcome: 'merged' },
        moved: { at: 0, outcome: 'moot', moved: true },
      } as const;
      const at = each.request === 'group' ? 'image-factory/group_web' : pinsBranch(own);
      const how = each.request in ended ? { ended: ended[each.request as keyof typeof ended] } : {};
      return pinning(
        own.name,
        each.pinned,
        {
          discoveryStatus: each.failed ? 'failed' : 'success',
          ...(each.held ? { hold: { reason: 'x', since: 0 } } : {}),
          ...(each.request === 'none' ? {} : { pullRequest: open(at, each.target, how) }),
        },
        base,
      );
    });
    const limits = { concurrent: limit, perCycle: 50, perImageAndDay: 4 };
    return planInput({ enrolments, images, bases: [base], at: 30, settings: { ...settings, limits } });
  }

  it('with holds, delays, limits, requests of all kinds, and images that come and go', () => {
    fc.assert(
      fc.property(
        fc.array(anImage, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1, 2, 50),
        (drawn, limit) => {
          const input = inputOf(drawn, limit, true);
          const proposals = proposalsOf(input);
          expect(proposals.map(({ image }) => image)).toStrictEqual(names.slice(0, drawn.length));
          const openBefore = new Set<string>();
          const wanted = new Set<string>();
          for (const [index, { image, action, branch, moves, due }] of proposals.entries()) {
            const own = input.images[index] as ManagedEnrolment;
            const place = `${own.source.repo} ${branch}`;
            const request = input.state.images.get(image)?.pullRequest;
            if (request && !request.ended) openBefore.add(`${own.source.repo} ${request.branch}`);
            if (action !== 'propose') continue;
            // No request without a reason: something is due, of an image that nothing stops.
            expect(due.length).toBeGreaterThan(0);
            expect(Object.keys(targetsOf(moves)).length).toBeGreaterThan(0);
            expect([drawn[index]?.held, drawn[index]?.failed, drawn[index]?.autoRebuild]).toStrictEqual([
              false,
              false,
              true,
            ]);
            // In one request, and in no other at once.
            expect(branch).toBe(pinsBranch(own));
            if (request && !request.ended) expect(request.branch).toBe(branch);
            wanted.add(place);
          }
          const fresh = [...wanted].filter((place) => !openBefore.has(place));
          expect(fresh.length).toBeLessThanOrEqual(Math.max(0, limit - openBefore.size));
          // To share a request changes nothing of when an image is due.
          if (limit < 50) return;
          const alone = new Map(proposalsOf(inputOf(drawn, limit, false)).map((each) => [each.image, each]));
          for (const [index, { image, action, moves }] of proposals.entries()) {
            const other = drawn[index]?.request;
            if (other !== 'none' && other !== 'merged') continue;
            expect([image, action, moves]).toStrictEqual([
              image,
              alone.get(image)?.action,
              alone.get(image)?.moves,
            ]);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('moveSharedPins', () => {
  const [a, b, c] = [digest('a'), digest('b'), digest('c')];
  const move = (from: string, to: string, name = 'node:22') => ({
    base: 'x',
    written: `docker.io/library/${name}@${from}`,
    moved: `docker.io/library/${name}@${to}`,
  });

  it('makes the same edit once, and different ones of different stages beside each other', () => {
    const text = `FROM node:22@${a} AS one\nFROM debian:12@${a} AS two\nFROM one\n`;
    const done = moveSharedPins(text, [
      { image: 'a', moves: [move(a, b)], options: {} },
      { image: 'b', moves: [move(a, b)], options: { target: 'one' } },
      { image: 'c', moves: [move(a, c, 'debian:12')], options: { target: 'two' } },
    ]);
    expect(done.refused).toStrictEqual(new Map());
    expect(done.text).toBe(`FROM node:22@${b} AS one\nFROM debian:12@${c} AS two\nFROM one\n`);
  });

  it('writes nothing where two want different words, and says who', () => {
    const text = `FROM node:22@${a}\n`;
    const done = moveSharedPins(text, [
      { image: 'a', moves: [move(a, b)], options: {} },
      { image: 'b', moves: [move(a, c)], options: {} },
    ]);
    expect(done.text).toBeUndefined();
    expect([...done.refused.keys()]).toStrictEqual(['a', 'b']);
    expect(done.refused.get('a')).toContain('a, b want different words there');
  });

  it('leaves out who cannot be helped', () => {
    const text = `FROM node:22@${a}\n`;
    const done = moveSharedPins(text, [
      { image: 'a', moves: [move(a, b)], options: {} },
      { image: 'b', moves: [move(c, b)], options: {} },
    ]);
    expect(done.text).toBe(`FROM node:22@${b}\n`);
    expect([...done.refused.keys()]).toStrictEqual(['b']);
  });
});

describe('describeGroup', () => {
  const input = planInput({
    enrolments: [member('a'), member('b', { rebuildDelay: 2 * day })],
    images: [pinning('a', 'a'), pinning('b', 'a')],
    bases: [node],
    at: 30,
    settings,
  });
  const members = (enrolments: readonly ManagedEnrolment[]) =>
    proposalsOf(input).flatMap((proposal) => {
      const image = enrolments.find(({ name }) => name === proposal.image);
      return image ? [{ ...proposal, image }] : [];
    });
  const both = members(input.images as readonly ManagedEnrolment[]);

  it('lists each image with its file, both digests, their ages, and what changed, and each move once', () => {
    const text = describeGroup('web', both, input.state);
    expect(text.title).toBe(`Move node:22 to ${digest('b').slice(0, 19)} in 2 images of web`);
    for (const part of [
      '| `a` | `a/Dockerfile` |',
      '| `b` | `b/Dockerfile` |',
      digest('a'),
      digest('b'),
      'first seen 2026-01-11',
      '`linux/amd64`: 1 of 1 layers are new',
      'the delay of 7d and 2d',
      '- In: `a`, `b`',
    ])
      expect(text.body).toContain(part);
    expect(text.body.split('### ')).toHaveLength(2);
    expect(markIn(text.body)).toStrictEqual(text.mark);
    expect(describeGroup('web', both.toReversed(), input.state)).toStrictEqual(text);
    expect(describeGroup('web', both.slice(1), input.state).mark.moves).not.toBe(text.mark.moves);
    expect(describeGroup('web', both.slice(1), input.state).title).toContain(' in b');
  });

  it('fits into what forges take, however many images there are', () => {
    const [first] = both;
    if (!first) throw new Error('no proposal');
    const many = Array.from({ length: 2000 }, (_, index) => ({
      ...first,
      image: member(`image-${index}`),
      moves: first.moves.map((move) => ({
        ...move,
        moved: move.moved.replace(/\w{4}$/, String(index + 1000)),
      })),
    }));
    const text = describeGroup('web', many, input.state);
    expect(text.body.length).toBeLessThan(60_000);
    expect(text.body).toMatch(/\.\.\. and \d+ more/);
    expect(markIn(text.body)).toStrictEqual(text.mark);
  });
});
