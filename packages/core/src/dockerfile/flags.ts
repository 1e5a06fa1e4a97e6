import type { FlagWord } from './instruction-line.ts';
import { Refusal } from './refusal.ts';

/** What an instruction takes: a boolean, one value, or a value several times. */
export type FlagKinds = Readonly<Record<string, 'boolean' | 'value' | 'values'>>;

/** A flag that stands in the line. */
export interface Flag {
  readonly value: string;
  /** The flag as written, for ranges. */
  readonly word: FlagWord;
}

export type Flags = ReadonlyMap<string, readonly Flag[]>;

const noFlags: Flags = new Map();

/** Checks the flags of an instruction. Throws INVALID_FLAG. Rule: research "dockerfile", section 6. */
export function parseFlags(words: readonly FlagWord[] | undefined, kinds: FlagKinds): Flags {
  if (words === undefined || words.length === 0) return noFlags;
  const flags = new Map<string, Flag[]>();
  for (const word of words) {
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals === -1 ? undefined : equals);
    const value = equals === -1 ? undefined : word.text.slice(equals + 1);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw new Refusal('INVALID_FLAG', `unknown flag: --${name}`);
    const given = flags.get(name);
    if (given && kind !== 'values') throw new Refusal('INVALID_FLAG', `duplicate flag specified: --${name}`);
    const flag = { value: kind === 'boolean' ? booleanValue(name, value) : required(name, value), word };
    if (given) given.push(flag);
    else flags.set(name, [flag]);
  }
  return flags;
}

/** The value of a flag that may stand once; empty where it is missing. */
export function flagValue(flags: Flags, name: string): string {
  return flags.get(name)?.[0]?.value ?? '';
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw new Refusal('INVALID_FLAG', `missing a value on flag: --${name}`);
  return value;
}

function booleanValue(name: string, value: string | undefined): string {
  if (value === '') throw new Refusal('INVALID_FLAG', `missing a value on flag: --${name}`);
  const lower = (value ?? 'true').toLowerCase();
  if (lower === 'true' || lower === 'false') return lower;
  throw new Refusal('INVALID_FLAG', `expecting boolean value for flag --${name}, not: ${value}`);
}
