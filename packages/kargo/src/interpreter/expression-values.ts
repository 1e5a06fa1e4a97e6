import { ExpressionError } from './expression-tokens.ts';

/** What an expression computes with: JSON, functions of the environment, and `undefined` for expr-lang's nil. */
export type Value = unknown;
export type Callable = (...values: readonly Value[]) => Value;
/** Names that an expression may use. */
export type Environment = ReadonlyMap<string, Value>;

/** A thing with fixed fields, as Go structs are: asking for another one is an error, and not nil as in a map. */
export class Struct {
  readonly fields: ReadonlyMap<string, Value>;

  constructor(fields: Readonly<Record<string, Value>>) {
    this.fields = new Map(Object.entries(fields));
  }
}

export function isObject(value: Value): value is Readonly<Record<string, Value>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Struct);
}

export function member(of: Value, key: Value): Value {
  if (of instanceof Struct) {
    if (typeof key !== 'string' || !of.fields.has(key))
      throw new ExpressionError(`there is no field ${String(key)}`);
    return of.fields.get(key);
  }
  if (Array.isArray(of)) {
    if (typeof key !== 'number') throw new ExpressionError(`an index of a list is a number`);
    const value: Value = of.at(key);
    if (key >= of.length || -key > of.length) throw new ExpressionError(`index ${key} is out of range`);
    return value;
  }
  if (isObject(of)) return Object.hasOwn(of, String(key)) ? (of[String(key)] ?? undefined) : undefined;
  throw new ExpressionError(`cannot take ${String(key)} of ${kindOf(of)}`);
}

export function kindOf(value: Value): string {
  if (value === undefined || value === null) return 'nil';
  return Array.isArray(value) ? 'list' : typeof value;
}

export function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new ExpressionError(`expected true or false, got ${kindOf(value)}`);
  return value;
}

export function text(value: Value): string {
  if (typeof value !== 'string') throw new ExpressionError(`expected text, got ${kindOf(value)}`);
  return value;
}

export function amount(value: Value): number {
  if (typeof value !== 'number') throw new ExpressionError(`expected a number, got ${kindOf(value)}`);
  return value;
}

export function list(value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw new ExpressionError(`expected a list, got ${kindOf(value)}`);
  return value;
}

export function equal(a: Value, b: Value): boolean {
  const [left, right] = [a ?? undefined, b ?? undefined];
  if (left === undefined || right === undefined || typeof left !== 'object' || typeof right !== 'object')
    return left === right;
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Functions that expr-lang brings along, as far as anybody here needs them. */
export const builtins: Environment = new Map<string, Callable>([
  ['len', (value) => (typeof value === 'string' ? value.length : list(value).length)],
  ['string', (value) => (typeof value === 'string' ? value : JSON.stringify(value ?? null))],
  ['int', (value) => wholeNumber(value)],
  ['trim', (value) => text(value).trim()],
  ['trimPrefix', (value, prefix) => withoutPrefix(text(value), text(prefix))],
  ['trimSuffix', (value, suffix) => withoutSuffix(text(value), text(suffix))],
  ['lower', (value) => text(value).toLowerCase()],
  ['upper', (value) => text(value).toUpperCase()],
  ['split', (value, separator) => text(value).split(text(separator))],
  ['join', (values, separator = '') => list(values).map(text).join(text(separator))],
  ['replace', (value, from, to) => text(value).replaceAll(text(from), text(to))],
  ['hasPrefix', (value, prefix) => text(value).startsWith(text(prefix))],
  ['hasSuffix', (value, suffix) => text(value).endsWith(text(suffix))],
  ['indexOf', (value, part) => text(value).indexOf(text(part))],
  ['fromJSON', (value) => parsed(text(value))],
  ['toJSON', (value) => JSON.stringify(value)],
  ['keys', (value) => (isObject(value) ? Object.keys(value) : [])],
  ['first', (value) => list(value)[0]],
  ['last', (value) => list(value).at(-1)],
]);

function wholeNumber(value: Value): number {
  const number = typeof value === 'string' && /^-?[0-9]+$/.test(value) ? Number(value) : value;
  return Math.trunc(amount(number));
}

function withoutPrefix(value: string, prefix: string): string {
  return value.startsWith(prefix) ? value.slice(prefix.length) : value;
}

function withoutSuffix(value: string, suffix: string): string {
  return value.endsWith(suffix) ? value.slice(0, value.length - suffix.length) : value;
}

function parsed(source: string): Value {
  try {
    return JSON.parse(source) as Value;
  } catch {
    throw new ExpressionError('fromJSON: no JSON');
  }
}
