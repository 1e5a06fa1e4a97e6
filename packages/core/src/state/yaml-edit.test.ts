import fc from 'fast-check';
import * as jsYaml from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { editYaml } from './yaml-edit.ts';
import { commentsBetween, spansOf } from './yaml-spans.ts';

function load(text: string): Record<string, unknown> {
  return jsYaml.load(text) as Record<string, unknown>;
}

function edited(text: string, change: (data: Record<string, unknown>) => Record<string, unknown>): string {
  const before = load(text);
  return editYaml(text, before, change(structuredClone(before)));
}

function commentsOf(text: string): string[] {
  const spanned = spansOf(text);
  return spanned ? commentsBetween(spanned, 0, text.length) : [];
}

describe('editYaml', () => {
  it('changes one scalar and nothing else', () => {
    const text = `# head\n\nname:   a   # who\n\n# group\nlast: '2024-01-01'  # when\nnone: null # later\n`;
    expect(edited(text, (data) => ({ ...data, last: '2025-01-01', none: 'x' }))).toBe(
      `# head\n\nname:   a   # who\n\n# group\nlast: '2025-01-01'  # when\nnone: x # later\n`,
    );
  });

  it('edits nested mappings and keeps their comments', () => {
    const text = `a:\n    b: null  # soon\n    c: 1\nd: 2\n`;
    expect(edited(text, (data) => ({ ...data, a: { b: 'yes', c: 1, e: ['f'] } }))).toBe(
      `a:\n    b: "yes"  # soon\n    c: 1\n    e:\n      - f\nd: 2\n`,
    );
  });

  it('inserts where the order of keys says', () => {
    const text = `a: 1 # one\n# about c\nc: 3`;
    expect(edited(text, (data) => ({ z: 0, a: data['a'], b: 2, c: data['c'], d: 4 }))).toBe(
      `z: 0\na: 1 # one\nb: 2\n# about c\nc: 3\nd: 4`,
    );
  });

  it('removes entries and keeps what people wrote beside them', () => {
    const text = `a: 1\nhold: # since the incident\n  reason: x # see ticket 7\nb: 2\n`;
    expect(edited(text, ({ a, b }) => ({ a, b }))).toBe(`a: 1\n# since the incident\n# see ticket 7\nb: 2\n`);
  });

  it('adds to and takes from lists, indented or not', () => {
    const text = `l:\n- digest: a # first\n  n: 1\n- digest: b\n  n: 2\nm:\n    - x\n    # note\n    - y\n`;
    const result = edited(text, () => ({
      l: [{ digest: 'b', n: 3 }, { digest: 'c' }],
      m: ['w', 'x', 'y', 'z'],
    }));
    expect(result).toBe(
      `l:\n# first\n- digest: b\n  n: 3\n- digest: c\nm:\n    - w\n    - x\n    # note\n    - y\n    - z\n`,
    );
  });

  it('keeps flow style where people used it', () => {
    const text = `hold: { reason: x, by: me } # mine\nlist: [a, b]\n`;
    expect(edited(text, (data) => ({ ...data, hold: { reason: 'y z' }, list: ['a', 'b', 'c'] }))).toBe(
      `hold: {reason: "y z"} # mine\nlist: [a, b, c]\n`,
    );
  });

  it.each([
    ['flow root', `{a: 1, b: 2} # c\n`],
    ['anchors that are used elsewhere', `a: &x 1 # c\nb: *x\n`],
    ['an explicit key', `? a\n: 1 # c\nb: 2\n`],
    ['a document marker', `---\na: 1 # c\nb: 2\n...\n`],
    ['windows line ends', `# c\r\na: 1\r\nb: 2\r\n`],
    ['a byte order mark', `\ufeff# c\na: 1\nb: 2\n`],
    ['block scalars', `a: |+ # c\n  x\n\n\nb: >-\n  y\n  z\n`],
    ['tags', `a: !!str 1 # c\nb: 2\n`],
  ])('comes out right with %s', (_, text) => {
    const data = load(text);
    for (const after of [
      { ...data, a: 'changed' },
      { ...data, n: [1] },
      { b: data['b'] },
      { ...data, b: { c: 'd' } },
    ]) {
      const result = editYaml(text, data, after);
      expect(load(result)).toEqual(after);
      expect(commentsOf(result)).toContain('# c');
    }
  });

  const word = fc.constantFrom('a', 'b', 'c', 'd e', 'yes', '12', '#no', "it's", 'x: y');
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      word,
      fc.constantFrom(null, true, 3, '', 'two\nlines\n', []),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(word, tie('value'), { maxKeys: 3 }),
      fc.array(fc.record({ digest: word, n: fc.nat(3) }), { maxLength: 4 }),
    ),
  }));
  const map = fc.dictionary(word, value, { maxKeys: 5 });
  const style = fc.record({
    indent: fc.constantFrom(2, 4),
    indentSeq: fc.boolean(),
    defaultStringType: fc.constantFrom(
      'PLAIN' as const,
      'QUOTE_SINGLE' as const,
      'QUOTE_DOUBLE' as const,
      'BLOCK_LITERAL' as const,
    ),
    collectionStyle: fc.constantFrom('any' as const, 'any' as const, 'flow' as const),
  });

  /** Adds comments and blank lines where a person might. */
  function annotate(text: string, seed: number): string {
    if (load(text) === null) return text;
    const spanned = spansOf(text);
    let state = seed;
    const lines = text.split('\n').map((line, index, all) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      if (state % 3 !== 0) return line;
      const variant = `${all.slice(0, index).join('\n')}\n${line} # c${index}\n${all.slice(index + 1).join('\n')}`;
      try {
        return spanned && JSON.stringify(load(variant.trimStart())) === JSON.stringify(load(text))
          ? `${line} # c${index}`
          : line;
      } catch {
        return line;
      }
    });
    return `# top\n\n${lines.join('\n')}`;
  }

  it('always holds the new data and every comment, and leaves unchanged texts alone', () => {
    fc.assert(
      fc.property(map, map, style, fc.nat(), fc.boolean(), (first, second, options, seed, mix) => {
        const text = annotate(stringify(first, options), seed);
        const before = load(text);
        const after = mix ? { ...before, ...second } : second;
        const result = editYaml(text, before, after);
        expect(load(result)).toEqual(after);
        const left = commentsOf(result);
        for (const comment of commentsOf(text)) expect(left).toContain(comment);
        expect(editYaml(text, before, structuredClone(before))).toBe(text);
        expect(load(editYaml(result, after, before))).toEqual(before);
      }),
      { numRuns: 3000 },
    );
  });
});
