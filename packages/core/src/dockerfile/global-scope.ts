import { splitPlatform } from '../reference/platform.ts';
import type { PlatformName } from '../reference/types.ts';
import type { StageCommand } from './commands.ts';
import { expandWord } from './expand.ts';
import { at } from './refusal.ts';
import { rangeOf, type SourceRange } from './source-lines.ts';
import type { Escape } from './word-lexer.ts';
import { splitQuotedWords } from './words.ts';

type ArgCommand = Extract<StageCommand, { kind: 'arg' }>;

/** An ARG default that is in force; predefined values and build arguments have none. */
export interface GlobalArg {
  readonly declaration: { readonly command: ArgCommand; readonly index: number };
  /** Names that the default asked for, with what was in force for them then. */
  readonly influences: ReadonlyMap<string, GlobalArg | undefined>;
}

/** A default that stands in an ARG line as it is used: the place to rewrite. */
export interface ArgValue {
  readonly name: string;
  readonly value: string;
  /** Of the text behind the equals sign. */
  readonly range: SourceRange;
}

/** The variables that FROM sees. Rule: research "dockerfile", sections 7 and 10. */
export interface GlobalScope {
  readonly values: ReadonlyMap<string, string>;
  /** The default in force for a name, where it is one. */
  readonly defaults: ReadonlyMap<string, GlobalArg>;
}

export interface ScopeInput {
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly buildPlatform: PlatformName;
  readonly targetPlatform: PlatformName;
  /** The target as given, else the name of the last stage, else empty. */
  readonly targetStage: string;
  readonly escape: Escape;
}

/** The predefined values, then each ARG before the first FROM, in order. Throws BAD_SUBSTITUTION. */
export function globalScope(args: readonly ArgCommand[], input: ScopeInput): GlobalScope {
  const values = new Map<string, string>();
  const defaults = new Map<string, GlobalArg>();
  for (const [name, value] of predefined(input)) values.set(name, input.buildArgs.get(name) ?? value);
  for (const command of args) {
    for (const [index, { name, value }] of command.pairs.entries()) {
      const given = input.buildArgs.get(name);
      if (given !== undefined) {
        values.set(name, given);
      } else if (value !== undefined) {
        const expansion = at(command.node.line, () => expandWord(value, values, input.escape));
        defaults.set(name, {
          declaration: { command, index },
          influences: inForce(expansion.matched, defaults),
        });
        values.set(name, expansion.text);
      }
    }
  }
  return { values, defaults };
}

function inForce(
  names: ReadonlySet<string>,
  defaults: ReadonlyMap<string, GlobalArg>,
): ReadonlyMap<string, GlobalArg | undefined> {
  return new Map([...names].map((name) => [name, defaults.get(name)]));
}

function predefined(input: ScopeInput): [string, string][] {
  const build = splitPlatform(input.buildPlatform);
  const target = splitPlatform(input.targetPlatform);
  const buildName = [build.os, build.architecture, build.variant].filter((part) => part !== '').join('/');
  return [
    ['BUILDPLATFORM', buildName],
    ['BUILDOS', build.os],
    ['BUILDOSVERSION', build.osVersion],
    ['BUILDARCH', build.architecture],
    ['BUILDVARIANT', build.variant],
    ['TARGETPLATFORM', input.targetPlatform],
    ['TARGETOS', target.os],
    ['TARGETOSVERSION', target.osVersion],
    ['TARGETARCH', target.architecture],
    ['TARGETVARIANT', target.variant],
    ['TARGETSTAGE', input.targetStage || 'default'],
  ];
}

/** Names in a report; a chain of arguments that is longer is no help to anybody. */
const mostInfluences = 100;

/** The names, and the names that their values came from. */
export function influencesOf(names: ReadonlySet<string>, scope: GlobalScope): readonly string[] {
  if (names.size === 0) return [];
  const found = new Set(names);
  const open = inForce(names, scope.defaults);
  const queue = [...open.values()];
  for (const arg of queue) {
    for (const [name, deeper] of arg?.influences ?? []) {
      if (found.size >= mostInfluences) return [...found];
      if (!found.has(name)) queue.push(deeper);
      found.add(name);
    }
  }
  return [...found];
}

/**
 * The ARG default that alone makes the variable part of a word: exactly one plain `$N` or `${N}`, N's value is the default
 * of an ARG line and depends on no other name. Undefined for anything more involved.
 */
export function soleArgValue(word: string, scope: GlobalScope, escape: Escape): ArgValue | undefined {
  const uses = word.match(/\$(?:\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)/g) ?? [];
  const name = uses.length === 1 ? uses[0].replace(/[${}]/g, '') : '';
  if (name === '' || word.split('$').length !== 2) return undefined;
  const arg = scope.defaults.get(name);
  if (arg === undefined || arg.influences.size > 0) return undefined;
  const { node } = arg.declaration.command;
  const written = splitQuotedWords(node.rest, escape)[arg.declaration.index];
  if (written === undefined) return undefined;
  const start = written.start + name.length + 1;
  const value = written.text.slice(name.length + 1);
  if (!node.rest.startsWith(value, start)) return undefined;
  const from = node.restStart + start;
  return { name, value, range: rangeOf(node.pieces, from, from + value.length) };
}
