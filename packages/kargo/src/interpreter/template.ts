import { evaluate } from './expression.ts';
import { ExpressionError } from './expression-tokens.ts';
import type { Callable, Environment, Value } from './expression-values.ts';

/** Functions of every template. `quote` writes a backslash before quotes, and nothing takes it away again. */
export const templateFunctions: Environment = new Map<string, Callable>([
  ['quote', (value) => (typeof value === 'string' ? JSON.stringify(value) : `"${asText(value)}"`)],
  ['unsafeQuote', (value) => `"${asText(value)}"`],
  ['asJSON', (value) => `"${JSON.stringify(value ?? null, undefined, 2)}\n"`],
]);

/**
 * Text with its `${{ }}` and `${% %}` evaluated, and then taken for what it looks like: between quotes as it stands, else
 * a number, a truth value, JSON, or text. Without any expression it is left alone. Source: kargo v1.11,
 * pkg/expressions/json_templates.go, and kargo.md section 2.
 */
export function render(template: string, names: Environment): Value {
  const written = fill(template, names);
  if (written === undefined) return template;
  const newline = written.endsWith('\n') ? '\n' : '';
  const result = newline ? written.slice(0, -1) : written;
  if (result.length > 1 && result.startsWith('"') && result.endsWith('"'))
    return result.slice(1, -1) + newline;
  if (float.test(result)) return Number(result.replace(/^\+/, ''));
  if (truths.has(result)) return truths.get(result);
  try {
    return JSON.parse(result) as Value;
  } catch {
    return result + newline;
  }
}

/** What Go's `strconv.ParseFloat` takes, its infinities and its hexadecimal numbers left out. */
const float = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const truths: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

function fill(template: string, names: Environment): string | undefined {
  const all = new Map([...templateFunctions, ...names]);
  let out: string | undefined;
  let at = 0;
  for (;;) {
    const starts = [template.indexOf('${{', at), template.indexOf('${%', at)].filter((start) => start >= 0);
    if (starts.length === 0) return out === undefined ? undefined : out + template.slice(at);
    const start = Math.min(...starts);
    const close = template.startsWith('${{', start) ? '}}' : '%}';
    const end = template.indexOf(close, start + 3);
    if (end < 0) throw new ExpressionError(`an expression that does not end: ${template}`);
    const value = evaluate(template.slice(start + 3, end), all);
    out = (out ?? '') + template.slice(at, start) + (typeof value === 'string' ? value : asText(value));
    at = end + 2;
  }
}

function asText(value: Value): string {
  return JSON.stringify(value ?? null);
}

/** The same in every text within a value; keys are left alone. */
export function renderAll(value: Value, names: Environment): Value {
  if (typeof value === 'string') return render(value, names);
  if (Array.isArray(value)) return value.map((each) => renderAll(each, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, renderAll(each, names)]));
}
