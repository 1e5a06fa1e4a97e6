import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatInstant, parseInstant } from '../time.ts';
import { instant, UnreadableValue } from './fields.ts';

function read(text: string): number | undefined {
  try {
    return instant.read(text);
  } catch (thrown) {
    if (thrown instanceof UnreadableValue) return undefined;
    throw thrown;
  }
}

it('reads times as parseInstant does, the quick way or not', () => {
  const part = (most: number, length = 2) => fc.nat(most).map((n) => String(n).padStart(length, '0'));
  const written = fc
    .tuple(
      part(3000, 4),
      part(14),
      part(33),
      fc.constantFrom('T', ' '),
      part(26),
      part(62),
      part(62),
      fc.constantFrom('', '.5', '.123', '.123456', '.12x'),
    )
    .chain(([year, month, day, t, hour, minute, second, fraction]) =>
      fc
        .constantFrom('Z', '+00:00', '+0200', '', 'z')
        .map((zone) => `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`),
    );
  fc.assert(
    fc.property(written, (text) => {
      expect(read(text)).toBe(parseInstant(text));
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (at) => {
      expect(read(formatInstant(at))).toBe(at);
    }),
  );
});
