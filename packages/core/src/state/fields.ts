import { parseDigest } from '../reference/digest.ts';
import type { Digest } from '../reference/types.ts';
import { formatInstant, parseInstant, type Instant } from '../time.ts';
import { isMap } from './data-equal.ts';
import { kindOf } from './yaml-read.ts';

/** Thrown inside a decoder and caught by `decodeText`; `path` leads from the root of the file to the value. */
export class UnreadableValue extends Error {
  readonly path: (string | number)[] = [];
}

/** Reads a value of a file and writes it back: `read(write(x))` equals `x`. */
export interface Codec<T> {
  readonly read: (value: unknown) => T;
  readonly write: (value: T) => unknown;
}

/** A codec for optional fields, which may find that a value stands for "absent". */
export interface OptionalCodec<T> {
  readonly read: (value: unknown) => T | undefined;
  readonly write: (value: T) => unknown;
}

function refuse(expected: string, value: unknown): never {
  throw new UnreadableValue(`expected ${expected}, got ${kindOf(value)}`);
}

/** Runs a reader one step down the path. */
function at<T>(step: string | number, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof UnreadableValue) thrown.path.unshift(step);
    throw thrown;
  }
}

function same<T>(value: T): T {
  return value;
}

export const text: Codec<string> = {
  read(value) {
    if (typeof value === 'string') return value;
    // A version such as 1.2 or 20261122 that somebody wrote without quotes.
    return typeof value === 'number' && Number.isFinite(value) ? String(value) : refuse('text', value);
  },
  write: same,
};

export const count: Codec<number> = {
  read: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : refuse('a number', value)),
  write: same,
};

export const flag: Codec<boolean> = {
  read: (value) => (typeof value === 'boolean' ? value : refuse('true or false', value)),
  write: same,
};

/** A flag that is written only where it is true; false reads as absent. */
export const onlyTrue: OptionalCodec<true> = {
  read(value) {
    if (value === false) return undefined;
    return value === true ? true : refuse('true', value);
  },
  write: same,
};

/**
 * The form in which we write times, read without a regular expression: there are millions of them in a large state.
 * Undefined for any other form, and for the last days of months, which are left to the full reader.
 */
function quickInstant(text: string): Instant | undefined {
  const short = text.length === 20;
  if (!short && text.length !== 24) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':')
    return undefined;
  if (text[text.length - 1] !== 'Z' || (!short && text[19] !== '.')) return undefined;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  const millisecond = short ? 0 : digits(text, 20, 23);
  const usual =
    year >= 1000 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  return usual && millisecond >= 0
    ? Date.UTC(year, month - 1, day, hour, minute, second, millisecond)
    : undefined;
}

/** The number that the digits make; NaN where one is none. */
function digits(text: string, start: number, end: number): number {
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}

export const instant: Codec<Instant> = {
  read(value) {
    const read = typeof value === 'string' ? (quickInstant(value) ?? parseInstant(value)) : undefined;
    return read ?? refuse('a time such as 2026-11-22T10:00:00Z', value);
  },
  write: formatInstant,
};

const usualDigest = /^sha256:[0-9a-f]{64}$/;

export const digest: Codec<Digest> = {
  read(value) {
    if (typeof value !== 'string') return refuse('a digest such as sha256:<64 hex digits>', value);
    if (usualDigest.test(value)) return value as Digest;
    const parsed = parseDigest(value);
    return parsed.ok ? parsed.value : refuse('a digest such as sha256:<64 hex digits>', value);
  },
  write: same,
};

/** Whatever stands there, kept as it is. */
export const anything: Codec<unknown> = { read: same, write: same };

export const anyMap: Codec<Readonly<Record<string, unknown>>> = {
  read: (value) => (isMap(value) ? value : refuse('a mapping', value)),
  write: same,
};

export function oneOf<T extends string>(...words: readonly T[]): Codec<T> {
  return {
    read: (value) => words.find((word) => word === value) ?? refuse(`one of ${words.join(', ')}`, value),
    write: same,
  };
}

export function listOf<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    read(value) {
      if (!Array.isArray(value)) return refuse('a list', value);
      return value.map((inner, index) => at(index, () => item.read(inner)));
    },
    write: (list) => list.map(item.write),
  };
}

/** A mapping from names that we do not choose to values. */
export function mapOf<T, K extends string = string>(item: Codec<T>): Codec<Readonly<Record<K, T>>> {
  return {
    read(value) {
      if (!isMap(value)) return refuse('a mapping', value);
      const entries = Object.entries(value).map(
        ([key, inner]) => [key, at(key, () => item.read(inner))] as const,
      );
      return Object.fromEntries(entries) as Record<K, T>;
    },
    write: (map) =>
      Object.fromEntries(Object.entries<T>(map).map(([key, inner]) => [key, item.write(inner)])),
  };
}

/** One field of a record: how it is read where it is absent or null, and when it is left out. */
interface Field<T> {
  readonly codec: OptionalCodec<T>;
  readonly absent: 'error' | 'skip' | (() => T);
  /** Left out of the file when this is true of the value. */
  readonly omit: (value: T) => boolean;
}

function never(): boolean {
  return false;
}

export function required<T>(codec: Codec<T>): Field<T> {
  return { codec, absent: 'error', omit: never };
}

/** Absent and null both mean: not known. */
export function optional<T>(codec: OptionalCodec<T>): Field<T> {
  return { codec, absent: 'skip', omit: never };
}

/** Absent means this value, which is therefore not written. */
export function orElse<T>(codec: Codec<T>, value: T, omit: (value: T) => boolean): Field<T> {
  return { codec, absent: () => value, omit };
}

/** A list that is left out where it is empty. */
export function orEmpty<T>(item: Codec<T>): Field<readonly T[]> {
  return orElse(listOf(item), [], (list) => list.length === 0);
}

/** A mapping that is left out where it is empty. */
export function orNoEntries<T, K extends string = string>(item: Codec<T>): Field<Readonly<Record<K, T>>> {
  return orElse(mapOf<T, K>(item), {} as Record<K, T>, (map) => Object.keys(map).length === 0);
}

/** A time that older files may lack; 1970 stands for "not known" and is not written. */
export const instantOrUnknown: Field<Instant> = orElse(instant, 0, (value) => value === 0);

type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** A record with known fields, written in the order given here; fields that it does not know are ignored here. */
export function recordOf<T extends object>(fields: Fields<T>): Codec<T> {
  const list = Object.entries(fields) as [string, Field<unknown>][];
  return {
    read(value) {
      if (!isMap(value)) return refuse('a mapping', value);
      const record: Record<string, unknown> = {};
      for (const [name, field] of list) {
        const raw = Object.hasOwn(value, name) ? value[name] : undefined;
        if (raw !== undefined && raw !== null) {
          const read = at(name, () => field.codec.read(raw));
          if (read !== undefined) record[name] = read;
        } else if (field.absent === 'error') at(name, () => refuse('a value', undefined));
        else if (field.absent !== 'skip') record[name] = field.absent();
      }
      return record as T;
    },
    write(value) {
      const data: Record<string, unknown> = {};
      for (const [name, field] of list) {
        const inner = (value as Record<string, unknown>)[name];
        if (inner !== undefined && !field.omit(inner)) data[name] = field.codec.write(inner);
      }
      return data;
    },
  };
}
