import { describe, expect, it } from 'vitest';
import { shortName, stableHash } from './short-name.ts';

describe('short names', () => {
  it('keeps what is a name already', () => {
    expect(shortName('observe-node-22', 'a')).toBe('observe-node-22');
    expect(shortName('x'.repeat(50), 'a')).toBe('x'.repeat(50));
  });

  it.each([
    'observe-node-22.11',
    'Upper',
    'x'.repeat(51),
    '',
    '...',
    '-a',
    `${'a-'.repeat(21)}${'b'.repeat(20)}`,
  ])('makes a name of "%s", the same each time, with a hash of its identity', (text) => {
    const name = shortName(text, 'one');
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$/);
    expect(name.endsWith(stableHash('one').slice(0, 8))).toBe(true);
    expect(shortName(text, 'one')).toBe(name);
    expect(shortName(text, 'two')).not.toBe(name);
  });

  it('takes a longer hash on request', () => {
    expect(shortName('web', 'one', 50, 12)).toBe(`web-${stableHash('one').slice(0, 12)}`);
  });
});
