import { nearest } from '@image-factory/core/nearest.ts';
import { durationPattern } from '../manifests/duration.ts';
import { child, fields, isRecord, isThere, items, nameOfType, quoted, type At } from './at.ts';

/** What a value must look like: the small part of JSON Schema that Kargo's own schemas need. */
export type Shape =
  | { readonly is: 'anything' | 'flag' | 'scalar' | 'number-or-text' }
  | {
      readonly is: 'text';
      readonly oneOf?: readonly string[];
      readonly empty?: false;
      readonly longest?: number;
    }
  | { readonly is: 'count'; readonly least?: number; readonly most?: number }
  /** `go`: units below a second too. */
  | { readonly is: 'duration'; readonly form: 'crd' | 'go' }
  | { readonly is: 'map' | 'list'; readonly of: Shape; readonly least?: number }
  | { readonly is: 'object'; readonly required: Fields; readonly optional: Fields };

type Fields = Readonly<Record<string, Shape>>;

export const anything: Shape = { is: 'anything' };
export const flag: Shape = { is: 'flag' };
export const scalar: Shape = { is: 'scalar' };
export const count: Shape = { is: 'count' };
export const text: Shape = { is: 'text' };
/** Text that says something. */
export const word: Shape = { is: 'text', empty: false };
export const crdDuration: Shape = { is: 'duration', form: 'crd' };
export const goDuration: Shape = { is: 'duration', form: 'go' };
export const texts: Shape = { is: 'list', of: text };
export const textMap: Shape = { is: 'map', of: text };

export function oneOf(...values: readonly string[]): Shape {
  return { is: 'text', oneOf: values };
}

export function listOf(of: Shape, least = 0): Shape {
  return { is: 'list', of, least };
}

export function object(required: Fields, optional: Fields = {}): Shape & { readonly is: 'object' } {
  return { is: 'object', required, optional };
}

export interface ShapeFault {
  readonly about: 'unknown' | 'missing' | 'type' | 'value' | 'duration';
  readonly at: At;
  readonly message: string;
  readonly hint?: string;
}

interface Options {
  /** Accept `${{ }}` in the place of a value. */
  readonly expressions: boolean;
}

/** Everywhere that a value differs from its shape. */
export function* shapeFaults(at: At, shape: Shape, options: Options): Generator<ShapeFault> {
  const { value } = at;
  if (shape.is === 'anything' || (options.expressions && isExpression(value, shape))) return;
  switch (shape.is) {
    case 'object':
      yield* isRecord(value) ? objectFaults(at, shape, options) : [wrongType(at, 'a mapping')];
      return;
    case 'map':
      if (!isRecord(value)) yield wrongType(at, 'a mapping');
      else yield* allFaults(at, fields(at), shape, options);
      return;
    case 'list':
      if (!Array.isArray(value)) yield wrongType(at, 'a list');
      else yield* allFaults(at, items(at), shape, options);
      return;
    default:
      yield* scalarFaults(at, shape);
  }
}

/** An expression may become any scalar; where it is all of the text, a list or a mapping too. */
function isExpression(value: unknown, shape: Shape): boolean {
  if (typeof value !== 'string' || !(value.includes('${{') || value.includes('${%'))) return false;
  const whole = /^\s*\$(\{\{.*\}\}|\{%.*%\})\s*$/s.test(value);
  return whole || !['object', 'map', 'list'].includes(shape.is);
}

function* objectFaults(at: At, shape: Shape & { is: 'object' }, options: Options): Generator<ShapeFault> {
  const known = { ...shape.required, ...shape.optional };
  for (const field of fields(at)) {
    const inner = Object.hasOwn(known, field.key) ? known[field.key] : undefined;
    if (inner) yield* shapeFaults(field, inner, options);
    else yield unknownField(field, Object.keys(known));
  }
  for (const name of Object.keys(shape.required)) {
    const wanted = child(at, name);
    if (!isThere(wanted)) yield { about: 'missing', at: wanted, message: `expected ${name}, got nothing` };
  }
}

function unknownField(at: At & { readonly key: string }, known: readonly string[]): ShapeFault {
  const meant = nearest(at.key, known);
  const fault = { about: 'unknown', at, message: `no field ${quoted(at.key)} here` } as const;
  return meant === undefined
    ? fault
    : { ...fault, hint: `Write ${meant} if that is meant; remove it otherwise.` };
}

function* allFaults(
  at: At,
  inner: readonly At[],
  shape: Shape & { is: 'map' | 'list' },
  options: Options,
): Generator<ShapeFault> {
  const least = shape.least ?? 0;
  if (inner.length < least)
    yield { about: 'value', at, message: `expected at least ${least}, got ${inner.length}` };
  for (const each of inner) yield* shapeFaults(each, shape.of, options);
}

type ScalarShape = Exclude<Shape, { is: 'object' | 'map' | 'list' }>;

function* scalarFaults(at: At, shape: ScalarShape): Generator<ShapeFault> {
  const { value } = at;
  switch (shape.is) {
    case 'anything':
      return;
    case 'flag':
      if (typeof value !== 'boolean') yield wrongType(at, 'true or false');
      return;
    case 'scalar':
      if (!['string', 'number', 'boolean'].includes(typeof value))
        yield wrongType(at, 'text, a number, true or false');
      return;
    case 'number-or-text':
      if (!['string', 'number'].includes(typeof value)) yield wrongType(at, 'a number or text');
      return;
    case 'count':
      yield* countFaults(at, shape.least ?? -Infinity, shape.most ?? Infinity);
      return;
    case 'duration':
      yield* durationFaults(at, shape.form);
      return;
    case 'text':
      yield* textFaults(at, shape);
  }
}

function* countFaults(at: At, least: number, most: number): Generator<ShapeFault> {
  const { value } = at;
  if (typeof value !== 'number' || !Number.isInteger(value)) yield wrongType(at, 'a whole number');
  else if (value < least || value > most)
    yield { about: 'value', at, message: `expected ${least} to ${most}, got ${value}` };
}

const goDurationPattern = /^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$/;

function* durationFaults(at: At, form: 'crd' | 'go'): Generator<ShapeFault> {
  const { value } = at;
  if (typeof value !== 'string') yield wrongType(at, 'a duration as text');
  else if (value.length > 100 || !(form === 'crd' ? durationPattern : goDurationPattern).test(value)) {
    const message = `expected a duration such as 5m0s, got ${quoted(value)}`;
    yield { about: 'duration', at, message };
  }
}

function* textFaults(at: At, shape: Shape & { is: 'text' }): Generator<ShapeFault> {
  const { value } = at;
  if (typeof value !== 'string') yield wrongType(at, 'text');
  else if (shape.oneOf && !shape.oneOf.includes(value)) {
    const message = `expected ${shape.oneOf.filter((each) => each !== '').join(', ')}, got ${quoted(value)}`;
    yield { about: 'value', at, message };
  } else if (shape.empty === false && value === '')
    yield { about: 'value', at, message: 'expected text, got ""' };
  else if (shape.longest !== undefined && value.length > shape.longest)
    yield {
      about: 'value',
      at,
      message: `expected at most ${shape.longest} characters, got ${value.length}`,
    };
}

function wrongType(at: At, expected: string): ShapeFault {
  return { about: 'type', at, message: `expected ${expected}, got ${nameOfType(at.value)}` };
}
