import { nearest } from '@image-factory/core/nearest.ts';
import { durationPattern } from '../manifests/duration.ts';
import { child, fields, isRecord, isThere, items, nameOfType, quoted, type At } from './at.ts';

/** What a value must look like: the small part of JSON Schema that Kargo's own schemas need. */
export type Shape =
  | { readonly is: 'anything' | 'flag' | 'number-or-text' }
  | {
      readonly is: 'text';
      readonly oneOf?: readonly string[];
      readonly empty?: false;
      readonly longest?: number;
    }
  | { readonly is: 'count'; readonly least?: number; readonly most?: number }
  /** `go`: units below a second too. */
  | { readonly is: 'duration'; readonly form: 'crd' | 'go' }
  | { readonly is: 'map'; readonly of: Shape; readonly least?: number }
  | { readonly is: 'list'; readonly of: Shape; readonly least?: number }
  | ObjectShape;

interface ObjectShape {
  readonly is: 'object';
  readonly required: Fields;
  readonly optional: Fields;
  readonly known: ReadonlyMap<string, Shape>;
  readonly requiredNames: readonly string[];
}

type Fields = Readonly<Record<string, Shape>>;

export const anything: Shape = { is: 'anything' };
export const flag: Shape = { is: 'flag' };
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

export function object(required: Fields, optional: Fields = {}): ObjectShape {
  const known = new Map([...Object.entries(required), ...Object.entries(optional)]);
  return { is: 'object', required, optional, known, requiredNames: Object.keys(required) };
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
export function shapeFaults(at: At, shape: Shape, options: Options): readonly ShapeFault[] {
  const faults: ShapeFault[] = [];
  collect(at, shape, options, faults);
  return faults;
}

function collect(at: At, shape: Shape, options: Options, faults: ShapeFault[]): void {
  const { value } = at;
  if (shape.is === 'anything' || (options.expressions && isExpression(value, shape))) return;
  if (shape.is === 'object') {
    if (isRecord(value)) collectFields(at, shape, options, faults);
    else faults.push(wrongType(at, 'a mapping'));
  } else if (shape.is === 'map') {
    if (isRecord(value)) collectAll(at, fields(at), shape, options, faults);
    else faults.push(wrongType(at, 'a mapping'));
  } else if (shape.is === 'list') {
    if (Array.isArray(value)) collectAll(at, items(at), shape, options, faults);
    else faults.push(wrongType(at, 'a list'));
  } else {
    const fault = scalarFault(at, shape);
    if (fault) faults.push(fault);
  }
}

/** An expression may become any scalar; where it is all of the text, a list or a mapping too. */
function isExpression(value: unknown, shape: Shape): boolean {
  if (typeof value !== 'string' || !(value.includes('${{') || value.includes('${%'))) return false;
  const whole = /^\s*\$(\{\{.*\}\}|\{%.*%\})\s*$/s.test(value);
  return whole || !['object', 'map', 'list'].includes(shape.is);
}

function collectFields(at: At, shape: ObjectShape, options: Options, faults: ShapeFault[]): void {
  for (const field of fields(at)) {
    const inner = shape.known.get(field.key);
    if (inner) collect(field, inner, options, faults);
    else faults.push(unknownField(field, [...shape.known.keys()]));
  }
  for (const name of shape.requiredNames) {
    const wanted = child(at, name);
    if (!isThere(wanted))
      faults.push({ about: 'missing', at: wanted, message: `expected ${name}, got nothing` });
  }
}

function unknownField(at: At & { readonly key: string }, known: readonly string[]): ShapeFault {
  const meant = nearest(at.key, known);
  const fault = { about: 'unknown', at, message: `no field ${quoted(at.key)} here` } as const;
  return meant === undefined
    ? fault
    : { ...fault, hint: `Write ${meant} if that is meant; remove it otherwise.` };
}

function collectAll(
  at: At,
  inner: readonly At[],
  shape: Shape & { is: 'map' | 'list' },
  options: Options,
  faults: ShapeFault[],
): void {
  const least = shape.least ?? 0;
  if (inner.length < least)
    faults.push({ about: 'value', at, message: `expected at least ${least}, got ${inner.length}` });
  for (const each of inner) collect(each, shape.of, options, faults);
}

type ScalarShape = Exclude<Shape, { is: 'object' | 'map' | 'list' }>;

function scalarFault(at: At, shape: ScalarShape): ShapeFault | undefined {
  const { value } = at;
  switch (shape.is) {
    case 'anything':
      return undefined;
    case 'flag':
      return typeof value === 'boolean' ? undefined : wrongType(at, 'true or false');
    case 'number-or-text':
      return ['string', 'number'].includes(typeof value) ? undefined : wrongType(at, 'a number or text');
    case 'count':
      return countFault(at, shape.least ?? -Infinity, shape.most ?? Infinity);
    case 'duration':
      return durationFault(at, shape.form);
    case 'text':
      return textFault(at, shape);
  }
}

function countFault(at: At, least: number, most: number): ShapeFault | undefined {
  const { value } = at;
  if (typeof value !== 'number' || !Number.isInteger(value)) return wrongType(at, 'a whole number');
  const fits = value >= least && value <= most;
  return fits ? undefined : { about: 'value', at, message: `expected ${least} to ${most}, got ${value}` };
}

const goDurationPattern = /^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$/;

function durationFault(at: At, form: 'crd' | 'go'): ShapeFault | undefined {
  const { value } = at;
  if (typeof value !== 'string') return wrongType(at, 'a duration as text');
  const pattern = form === 'crd' ? durationPattern : goDurationPattern;
  if (value.length <= 100 && pattern.test(value)) return undefined;
  return { about: 'duration', at, message: `expected a duration such as 5m0s, got ${quoted(value)}` };
}

function textFault(at: At, shape: Shape & { is: 'text' }): ShapeFault | undefined {
  const { value } = at;
  if (typeof value !== 'string') return wrongType(at, 'text');
  const wrong = (message: string): ShapeFault => ({ about: 'value', at, message });
  if (shape.oneOf && !shape.oneOf.includes(value))
    return wrong(`expected ${shape.oneOf.filter((each) => each !== '').join(', ')}, got ${quoted(value)}`);
  if (shape.empty === false && value === '') return wrong('expected text, got ""');
  if (shape.longest !== undefined && value.length > shape.longest)
    return wrong(`expected at most ${shape.longest} characters, got ${value.length}`);
  return undefined;
}

function wrongType(at: At, expected: string): ShapeFault {
  return { about: 'type', at, message: `expected ${expected}, got ${nameOfType(at.value)}` };
}
