import { posix } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { insidePath } from './source-location.ts';

it('gives every path its shortest form, and none to those that lead out', () => {
  const part = fc.constantFrom('', '.', '..', '...', '.git', '..a', 'a', 'a.b', 'b\0');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const path = parts.join('/');
      const shortest = posix.relative('/root', posix.resolve('/root', path)) || '.';
      const isRefused =
        path.startsWith('/') || path.includes('\0') || /^\.\.(\/|$)/.test(posix.normalize(path));
      expect(insidePath(path)).toBe(isRefused ? undefined : shortest);
    }),
    { numRuns: 2000 },
  );
});
