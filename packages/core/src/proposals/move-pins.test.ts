import { digest } from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dependenciesOf } from '../dockerfile/analyse.ts';
import { err, ok, type Result } from '../result.ts';
import { applyEdits } from './apply-edits.ts';
import type { ReadOptions } from './move-pins.ts';
import { moveSharedPins } from './move-shared-pins.ts';
import type { PinMove } from './types.ts';

const a = digest('a');
const b = digest('b');
const written = `docker.io/library/node:22@${a}`;
const moved = `docker.io/library/node:22@${b}`;
const move = { base: 'node-22', written, moved };

/** For one image alone. */
function movePins(
  text: string,
  moves: readonly PinMove[],
  options: ReadOptions = {},
): Result<string, string> {
  const done = moveSharedPins(text, [{ image: 'app', moves, options }]);
  return done.text === undefined ? err(done.refused.get('app') ?? '') : ok(done.text);
}

describe('the pins of one image', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a FROM', `FROM node:22@${a}\n`],
    ['line ends of Windows', `FROM node:22@${a} AS x\r\nRUN true\r\n`],
    ['a byte order mark', `\uFEFFFROM node:22@${a}\n`],
    ['no line end at the end', `FROM node:22@${a}`],
    [
      'two stages and a COPY',
      `FROM node:22@${a} AS one\nFROM node:22@${a}\nCOPY --from=one /b /b\nCOPY --from=node:22@${a} /a /a\n`,
    ],
    ['a platform in front and spaces', `FROM   --platform=linux/amd64   node:22@${a}   AS   x\n`],
    ['a continuation before it', `FROM --platform=linux/amd64 \\\n  # why\n  node:22@${a} \\\n  AS x\n`],
    ['another escape', `# escape=\`\nFROM --platform=linux/amd64 \`\n node:22@${a}\n`],
    ['an ARG of the whole', `ARG BASE=node:22@${a}\nFROM $BASE\nFROM \${BASE} AS two\nCOPY --from=0 /a /a\n`],
    ['an ARG in quotes', `ARG BASE="node:22@${a}"\nFROM \${BASE}\n`],
    ['an ARG of the digest', `ARG DIGEST=${a}\nFROM node:22@\${DIGEST}\n`],
    ['an ARG of the tag', `ARG V=22\nFROM node:\${V}@${a}\n`],
    [
      'a mount',
      `FROM scratch\nCOPY --from=node:22@${a} /x /x\nRUN --mount=type=bind,from=node:22@${a},target=/x true\n`,
    ],
  ];
  it.each(cases)('moves only the digest: %s', (_, text) => {
    expect(movePins(text, [move])).toStrictEqual({ ok: true, value: text.replaceAll(a, b) });
  });

  it('leaves a comment that says the digest as it is', () => {
    const text = `# was ${a}\nFROM node:22@${a}\n`;
    expect(movePins(text, [move])).toStrictEqual({ ok: true, value: `# was ${a}\nFROM node:22@${b}\n` });
  });

  it('moves a tag, alone and with its digest, also of a registry with a port', () => {
    const one = { base: 'x', written: 'r.test:5000/acme/base:1.2.3', moved: 'r.test:5000/acme/base:1.2.4' };
    expect(movePins('FROM r.test:5000/acme/base:1.2.3\n', [one])).toStrictEqual({
      ok: true,
      value: 'FROM r.test:5000/acme/base:1.2.4\n',
    });
    expect(movePins('ARG V=1.2.3\nFROM r.test:5000/acme/base:$V\n', [one])).toStrictEqual({
      ok: true,
      value: 'ARG V=1.2.4\nFROM r.test:5000/acme/base:$V\n',
    });
    const both = { base: 'x', written: `${one.written}@${a}`, moved: `${one.moved}@${b}` };
    expect(movePins(`ARG D=${a}\nFROM r.test:5000/acme/base:1.2.3@$D\n`, [both])).toStrictEqual({
      ok: true,
      value: `ARG D=${b}\nFROM r.test:5000/acme/base:1.2.4@$D\n`,
    });
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['it is gone', `FROM node:22@${b}\n`, /does not name/],
    [
      'a digest in two lines',
      `FROM node:22@${a.slice(0, 20)}\\\n${a.slice(20)}\n`,
      /not written in one piece/,
    ],
    [
      'ARGs that make it together',
      `ARG A=${a.slice(0, 20)}\nARG B=${a.slice(20)}\nFROM node:22@$A$B\n`,
      /neither/,
    ],
    ['an ARG made of another', `ARG A=${a}\nARG B=node:22@$A\nFROM $B\n`, /neither/],
    ['an invalid file', `FORM node:22@${a}\n`, /cannot be read/],
    [
      'an ARG that another base is made of as well',
      `ARG D=${a}\nFROM node:22@$D\nFROM debian@$D\nCOPY --from=0 /a /a\n`,
      /more of the Dockerfile/,
    ],
  ];
  it.each(refused)('refuses: %s', (_, text, why) => {
    const result = movePins(text, [move]);
    expect(result.ok ? '' : result.error).toMatch(why);
  });

  it('does not touch a value that comes from a build argument', () => {
    const text = `ARG BASE=node:22@${digest('other')}\nFROM $BASE\n`;
    const result = movePins(text, [move], { buildArgs: new Map([['BASE', `node:22@${a}`]]) });
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining('neither') as string });
  });

  it('is verified against what stands there', () => {
    expect(applyEdits('abc', [{ offset: 1, from: 'x', to: 'y' }]).ok).toBe(false);
    expect(
      applyEdits('abc', [
        { offset: 0, from: 'ab', to: 'x' },
        { offset: 1, from: 'bc', to: 'y' },
      ]).ok,
    ).toBe(false);
  });

  it('of any Dockerfile changes only the pinned words, and what it reads then is the new digest', () => {
    const eol = fc.constantFrom('\n', '\r\n');
    const filler = fc.constantFrom(
      'RUN true',
      '# a comment',
      '',
      'ENV A=1 \\\n  B=2',
      `LABEL was=${a}`,
      `# ${a}`,
    );
    const use = fc.constantFrom(
      `FROM node:22@${a}`,
      `FROM --platform=linux/amd64 docker.io/library/node:22@${a} AS s`,
      `FROM node:22@${a} # tail`.replace(' # tail', ''),
      `FROM debian:12@${digest('debian')}`,
      `FROM $BASE`,
      `FROM node:22@\${DIGEST} AS d`,
      'FROM scratch AS z',
    );
    const file = fc.tuple(
      eol,
      fc.array(fc.tuple(use, fc.array(filler, { maxLength: 3 })), { minLength: 1, maxLength: 5 }),
    );
    let moves = 0;
    fc.assert(
      fc.property(file, ([end, stages]) => {
        const lines = [`ARG BASE=node:22@${a}`, `ARG DIGEST="${a}"`];
        for (const [index, [from, rest]] of stages.entries()) {
          const named = / AS \w+$/.test(from) ? from + String(index) : from;
          lines.push(named, ...rest);
          if (index > 0) lines.push(`COPY --from=${index - 1} /a /a`);
        }
        const text = lines.join(end) + end;
        const before = dependenciesOf(text);
        const result = movePins(text, [move]);
        if (!before.bases.some(({ normalized }) => normalized === written)) return !result.ok;
        if (!result.ok) throw new Error(`${result.error}\n${text}`);
        moves += 1;
        const after = dependenciesOf(result.value);
        expect(after.bases.map(({ normalized }) => normalized)).toStrictEqual(
          before.bases.map(({ normalized }) => (normalized === written ? moved : normalized)),
        );
        // Where the two texts differ, the one has the old and the other the new digest.
        expect(result.value.replaceAll(b, a)).toBe(text);
        const untouched = (content: string): readonly string[] =>
          content.split('\n').filter((line) => /^(#|LABEL|RUN|ENV)/.test(line));
        expect(untouched(result.value)).toStrictEqual(untouched(text));
        return true;
      }),
      { numRuns: 300 },
    );
    expect(moves).toBeGreaterThan(100);
  });
});
