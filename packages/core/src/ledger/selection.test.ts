import { describe, expect, it } from 'vitest';
import { rankingOf, selectTags, watchedTags } from './selection.ts';

function select(
  tags: readonly string[],
  allowTags: string,
  strategy: 'SemVer' | 'Lexical' = 'SemVer',
): readonly string[] {
  return selectTags(tags, allowTags, rankingOf(strategy, allowTags));
}

describe('SemVer', () => {
  it('strips a suffix that the expression fixes before comparing', () => {
    const tags = [
      '16.4-alpine',
      '16.10-alpine',
      '16-alpine',
      '16.4-bookworm',
      '15.9-alpine',
      '16.4.1-alpine',
    ];
    expect(select(tags, '^16[.0-9]*-alpine$')).toEqual([
      '16.10-alpine',
      '16.4.1-alpine',
      '16.4-alpine',
      '16-alpine',
    ]);
    expect(select(['1.2-alpine3.20', '1.10-alpine3.20'], '^[0-9.]+-alpine3\\.20$')).toEqual([
      '1.10-alpine3.20',
      '1.2-alpine3.20',
    ]);
  });

  it.each([
    [
      ['1.9.0', '1.10.0', '1.2.0'],
      ['1.10.0', '1.9.0', '1.2.0'],
    ],
    [
      ['1.0.0-rc.2', '1.0.0', '1.0.0-rc.10', '1.0.0-beta'],
      ['1.0.0', '1.0.0-rc.10', '1.0.0-rc.2', '1.0.0-beta'],
    ],
    [
      ['1.0.0-rc', '1.0.0-rc.1'],
      ['1.0.0-rc.1', '1.0.0-rc'],
    ],
    [
      ['1.0.0-1', '1.0.0-alpha'],
      ['1.0.0-alpha', '1.0.0-1'],
    ],
    [
      ['v2', 'v10', '3'],
      ['v10', '3', 'v2'],
    ],
    [
      ['1.2.3.4', '1.2.3'],
      ['1.2.3.4', '1.2.3'],
    ],
    [
      ['16', '16.0'],
      ['16.0', '16'],
    ],
  ])('orders %j', (tags, expected) => {
    expect(select(tags, '.')).toEqual(expected);
    expect(select(tags.toReversed(), '.')).toEqual(expected);
  });

  it('leaves out what is no version', () => {
    expect(select(['latest', 'edge', '1.2', 'sha-0123abc'], '.')).toEqual(['1.2']);
  });
});

it('orders by letters under Lexical', () => {
  expect(select(['2024-01', '2025-11', 'a', '2025-02'], '^20', 'Lexical')).toEqual([
    '2025-11',
    '2025-02',
    '2024-01',
  ]);
});

it('looks at five tags', () => {
  expect(watchedTags).toBe(5);
});
