import { must } from '@image-factory/core/result.ts';
import { stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { readContext } from './context.ts';
import { builtSubscription, upstreamSubscription } from './image-subscription.ts';
import { factoryOf } from './test-factory.ts';

const context = must(readContext(factoryOf([]), stateOf()));
const registry = 'ghcr.io';
const repoUrl = 'ghcr.io/acme/web';
const common = { repoURL: repoUrl, discoveryLimit: 1 };
const bounded = { ignoreTagsRegexes: ['^sha256-'] };

describe('what is watched upstream', () => {
  test.each([
    ['^22-bookworm$', 'Lexical', { imageSelectionStrategy: 'Digest', constraint: '22-bookworm' }],
    ['^1\\.10$', 'SemVer', { imageSelectionStrategy: 'Digest', constraint: '1.10' }],
    [
      '^16[.0-9]*-alpine$',
      'SemVer',
      {
        imageSelectionStrategy: 'SemVer',
        strictSemvers: false,
        allowTagsRegexes: ['^16[.0-9]*-alpine$'],
        ...bounded,
      },
    ],
    ['^(a|b)$', 'Lexical', { imageSelectionStrategy: 'Lexical', allowTagsRegexes: ['^(a|b)$'], ...bounded }],
    [
      '^(a|b)$',
      'NewestBuild',
      { imageSelectionStrategy: 'NewestBuild', allowTagsRegexes: ['^(a|b)$'], ...bounded },
    ],
    ['^(a|b)$', 'Digest', { imageSelectionStrategy: 'Lexical', allowTagsRegexes: ['^(a|b)$'], ...bounded }],
    // Not anchored: it matches within longer tags, and goes on to do so.
    [
      'alpine',
      'Lexical',
      { imageSelectionStrategy: 'Lexical', allowTagsRegexes: ['^.*(?:alpine).*$'], ...bounded },
    ],
    [
      '^a|b',
      'Lexical',
      { imageSelectionStrategy: 'Lexical', allowTagsRegexes: ['^.*(?:^a|b).*$'], ...bounded },
    ],
  ] as const)('%s by %s', (allowTags, strategy, expected) => {
    expect(upstreamSubscription(context, { registry, repoUrl, allowTags, strategy })).toEqual({
      ok: true,
      value: { ...common, ...expected },
    });
  });

  test.each([
    ['ghcr.io/acme/a--b', '^1$', 'does not accept the repository name'],
    [repoUrl, '(?=1)', 'allowTags cannot be used'],
  ])('%s with %s cannot be', (url, allowTags, message) => {
    const read = upstreamSubscription(context, { registry, repoUrl: url, allowTags, strategy: 'Lexical' });
    expect(read.ok ? '' : read.error).toContain(message);
  });
});

describe('what we built', () => {
  test('a tag that its build moves is no version: what the analysis records of it changes nothing', () => {
    const tags = ['1.4.2'];
    const before = builtSubscription(context, { registry, repoUrl, tags, version: undefined });
    expect(builtSubscription(context, { registry, repoUrl, tags, version: '1.4.2' })).toEqual(before);
  });

  test.each([
    [undefined, { imageSelectionStrategy: 'Digest', constraint: '1' }],
    ['main', { imageSelectionStrategy: 'Digest', constraint: '1' }],
    ['1.4', { imageSelectionStrategy: 'Digest', constraint: '1' }],
    [
      'v1.4.2',
      { imageSelectionStrategy: 'SemVer', allowTagsRegexes: ['^v?[0-9]+\\.[0-9]+\\.[0-9]+$'], ...bounded },
    ],
    [
      '1.4.2-7',
      {
        imageSelectionStrategy: 'SemVer',
        allowTagsRegexes: ['^v?[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$'],
        ...bounded,
      },
    ],
  ] as const)('at version %s', (version, expected) => {
    expect(builtSubscription(context, { registry, repoUrl, tags: ['1', 'latest'], version })).toEqual({
      ok: true,
      value: { ...common, ...expected },
    });
  });
});
