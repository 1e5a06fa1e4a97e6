import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { dependenciesOf } from './analyse.ts';
import type { SourceRange } from './source-lines.ts';

const words =
  'FROM COPY RUN ARG ONBUILD ENV --from= --mount= --platform= AS a b:1 ${ } :- # % / <<EOF scratch 0 -1'.split(
    ' ',
  );
const signs = ['$', '"', "'", '\\', '\\\n', '\n', '\r\n', ' ', '\t', '\nEOF\n', '`', ',', '=', '[', ']'];
const oddities = ['\uFEFF', '\u00A0', '\u0085', 'é', '😀', '# syntax=', '# escape=`\n'];
const fragment = fc.constantFrom(...words.map((word) => `${word} `), ...words, ...signs, ...oddities);
const text = fc.array(fc.oneof(fragment, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 60 });

/** The text of a range, with what continuations put between two pieces of a word left out. */
function textAt(
  lines: readonly string[],
  { startLine, startColumn, endLine, endColumn }: SourceRange,
): string {
  if (startLine === endLine) return (lines[startLine - 1] ?? '').slice(startColumn - 1, endColumn - 1);
  return [
    (lines[startLine - 1] ?? '').slice(startColumn - 1).replace(/\\[ \t]*\r*$/, ''),
    ...lines.slice(startLine, endLine - 1).map((line) => line.replace(/\\[ \t]*\r*$/, '')),
    (lines[endLine - 1] ?? '').slice(0, endColumn - 1),
  ].join('');
}

describe('whatever the text', () => {
  test('the analysis never throws, and always says the same', () => {
    fc.assert(
      fc.property(text, (parts) => {
        const source = parts.join('');
        expect(dependenciesOf(source)).toEqual(dependenciesOf(source));
      }),
      { numRuns: 2000 },
    );
  });

  test('bytes and text give the same answer', () => {
    fc.assert(
      fc.property(text, (parts) => {
        const source = parts.join('').toWellFormed();
        expect(dependenciesOf(new TextEncoder().encode(source))).toEqual(dependenciesOf(source));
      }),
    );
  });

  test('invalid UTF-8 is replaced, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(dependenciesOf(bytes).bases).toBeInstanceOf(Array);
      }),
    );
  });
});

describe('ranges', () => {
  const word = fc.constantFrom('alpine:3', '"alpine"', 'ghcr.io/o/i:1', '${V}', 'a$V', "'x'");
  const gap = fc.constantFrom(' ', '   ', '\t', ' \\\n', ' \\\n  # comment\n   ', ' \\  \n\n ');
  const line = fc.oneof(
    fc.tuple(gap, word, gap).map(([before, base, after]) => `FROM${before}${base}${after}AS s`),
    fc
      .tuple(gap, word, gap)
      .map(([before, base, after]) => `FROM${before}--platform=linux/arm64${after}${base}`),
    fc.tuple(gap, gap).map(([before, after]) => `COPY${before}--from="nginx:1"${after}a b`),
    fc.tuple(gap, gap).map(([before, after]) => `RUN${before}--mount=target=/x,from=redis${after}true`),
    fc.constantFrom(
      'RUN --mount=\\"from=busybox\\",target=/y x',
      'COPY --fr\\om=q a b',
      '# comment',
      '',
      'RUN x',
    ),
  );

  test('the written word stands at its range', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.boolean(), (lines, windows) => {
        const source = `ARG V=z\nFROM base\n${lines.join('\n')}`.replaceAll('\n', windows ? '\r\n' : '\n');
        const { bases } = dependenciesOf(source, { onbuildOf: () => [] });
        for (const { written, range } of bases) {
          if (range === undefined) throw new Error(`${written} has no range`);
          expect(textAt(source.split('\n'), range)).toBe(written);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile input', () => {
  const deep = 20_000;
  const hostile: Record<string, string> = {
    'nested substitutions': `FROM ${'${A:-'.repeat(deep)}x${'}'.repeat(deep)}`,
    'nested onbuild': `FROM a\n${'ONBUILD '.repeat(deep)}RUN x`,
    'deep JSON': `FROM a\nRUN ${'['.repeat(deep)}${']'.repeat(deep)}`,
    'doubling arguments': `${Array.from({ length: 60 }, () => 'ARG A=x$A$A$A').join('\n')}\nFROM $A`,
    'stars against a long value': `ARG V=${'a'.repeat(30_000)}\nFROM x\${V//${'*a'.repeat(5000)}b/}`,
    continuations: `FROM a\nRUN x \\\n${'  y \\\n'.repeat(deep)}`,
    'many stages': `FROM a AS s0\n${Array.from({ length: deep }, (_, i) => `FROM s${i} AS s${i + 1}`).join('\n')}`,
    'many images': `FROM a\n${Array.from({ length: deep }, (_, i) => `COPY --from=i${i} x y`).join('\n')}`,
    'a long name': `FROM ${'a_'.repeat(30_000)}+`,
    'quotes without end': `FROM a\nRUN <<${'"'.repeat(deep * 3 + 1)}`,
    'many heredocs': `FROM a\nRUN ${'<<A '.repeat(deep / 2)}\n${'A\n'.repeat(deep / 2)}`,
  };

  test.each(Object.entries(hostile))('%s: an answer at once', (_, source) => {
    const started = performance.now();
    dependenciesOf(source);
    expect(performance.now() - started).toBeLessThan(8000);
  });

  test('time grows with the size of the file, not faster', () => {
    const file = (count: number): string =>
      `FROM a AS b\n${'ENV A=${B:-"x y"} \\\n  C=$D\nRUN --mount=from=b2,target=/x echo "<<no" \\\n && y\nCOPY x y\n'.repeat(count)}`;
    const time = (source: string): number => {
      const started = performance.now();
      dependenciesOf(source);
      return performance.now() - started;
    };
    // The best of three: other work on the machine must not decide.
    const best = (source: string): number => Math.min(time(source), time(source), time(source));
    best(file(1000));
    const [small, large] = [best(file(1000)), best(file(10_000))];
    expect(large / small).toBeLessThan(40);
  });
});
