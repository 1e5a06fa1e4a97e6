import { describe, expect, it } from 'vitest';
import { evaluate, evaluateIn } from './expression.ts';
import { Struct } from './expression-values.ts';
import { render } from './template.ts';

const names = new Map<string, unknown>([
  ['vars', { name: 'web', tag: '1.10', none: null }],
  ['outputs', { 'step-1': { id: 7, list: [{ n: 1 }, { n: 2 }] } }],
  ['image', new Struct({ Tag: '22', Digest: 'sha256:a' })],
  ['request', '{"a": "b\\n"}'],
  ['f', (...values: unknown[]) => values.length],
]);

describe('expressions', () => {
  it.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3 == 9 && !false', true],
    ['not (1 > 2) and "a" < "b"', true],
    ['"ab" contains "b" || fail()', true],
    ['subject ?? "x"', 'x'],
    [`vars["name"] + '-' + vars.tag`, 'web-1.10'],
    [`outputs['step-1'].id`, 7],
    [`outputs['gone']?.id == nil`, true],
    [`outputs['gone']?.id ?? "none"`, 'none'],
    ['vars.none == nil', true],
    ['image.Tag in ["21", "22"]', true],
    ['image.Tag not in ["21"]', true],
    ['"name" in vars', true],
    [`any(outputs['step-1'].list, {.n == 2})`, true],
    [`map(filter(outputs['step-1'].list, #.n > 1), #.n)`, [2]],
    [`outputs['step-1'].list[-1].n`, 2],
    ['"v1.2" matches "^v[0-9.]+$" ? "yes" : "no"', 'yes'],
    ['f(1, 2,)', 2],
    ['len(split("a,b", ","))', 2],
    ['fromJSON(\'{"x": [1]}\').x[0]', 1],
    ['"Start 1" startsWith "Start "', true],
  ])('%s', (source, value) => {
    expect(source.startsWith('subject') ? evaluateIn(source, names) : evaluate(source, names)).toEqual(value);
  });

  it.each([
    'unknown',
    'vars.none.more',
    'image.Size',
    '1 +',
    'now()',
    '"a" + 1',
    '1 && true',
    'outputs[',
    'let x = 1; x',
    '{a: 1}',
    '1..3',
    "'open",
    '2 ** 3',
  ])('throws on %s', (source) => {
    expect(() => evaluate(source, names)).toThrow(/./);
  });
});

describe('templates (kargo.md section 2, "Expressions")', () => {
  it.each([
    ['42', '42'],
    ['${{ vars.tag }}', 1.1],
    ['${{ quote(vars.tag) }}', '1.10'],
    ['${{ image.Tag }}', 22],
    ['v${{ image.Tag }}', 'v22'],
    ['${{ 1 == 1 }}', true],
    ['${{ request }}', { a: 'b\n' }],
    // `quote` writes backslashes, and only the quotes around all are taken off.
    ['${{ quote("say \\"hi\\"") }}', 'say \\"hi\\"'],
    ['"${{ request }}"', '{"a": "b\\n"}'],
    ['${{ vars.none }}', null],
    ['${% "}}" %}', '}}'],
    ['${{ vars.name }}-${{ image.Tag }}\n', 'web-22\n'],
  ])('%s', (template, value) => {
    expect(render(template, names)).toEqual(value);
  });
});
