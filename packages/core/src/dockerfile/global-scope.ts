import { splitPlatform } from '../reference/platform.ts';
import type { PlatformName } from '../reference/types.ts';
import type { StageCommand } from './commands.ts';
import { expandWord } from './expand.ts';
import { at } from './refusal.ts';
import { rangeOf, type SourceRange } from './source-lines.ts';
import type { Escape } from './word-lexer.ts';
import { splitQuotedWords } from './words.ts';

type ArgCommand = Extract<StageCommand, { kind: 'arg' }>;

/** Where a global value comes from. */
export interface GlobalArg {
  readonly origin: 'predefined' | 'build-arg' | 'default';
  /** Names that the default asked for, theirs included. */
  readonly influences: ReadonlySet<string>;
  /** The place of a default; the others have none. */
  readonly declaration?: { readonly command: ArgCommand; readonly index: number };
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
  readonly origins: ReadonlyMap<string, GlobalArg>;
}

export interface ScopeInput {
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly buildPlatform: PlatformName;
  readonly targetPlatform: PlatformName;
  /** The target as given, else the name of the last stage, else empty. */
  readonly targetStage: string;
  readonly escape: Escape;
}

const nothing: ReadonlySet<string> = new Set();

/** The predefined values, then each ARG before the first FROM, in order. Throws BAD_SUBSTITUTION. */
export function globalScope(args: readonly ArgCommand[], input: ScopeInput): GlobalScope {
  const values = new Map<string, string>();
  const origins = new Map<string, GlobalArg>();
  for (const [name, value] of predefined(input)) {
    const given = input.buildArgs.get(name);
    values.set(name, given ?? value);
    origins.set(name, { origin: given === undefined ? 'predefined' : 'build-arg', influences: nothing });
  }
  for (const command of args) {
    command.pairs.forEach(({ name, value }, index) => {
      const given = input.buildArgs.get(name);
      if (given !== undefined) {
        values.set(name, given);
        origins.set(name, { origin: 'build-arg', influences: nothing });
      } else if (value !== undefined) {
        const expansion = at(command.node.line, () => expandWord(value, values, input.escape));
        origins.set(name, {
          origin: 'default',
          influences: withInfluences(expansion.matched, origins),
          declaration: { command, index },
        });
        values.set(name, expansion.text);
      }
    });
  }
  return { values, origins };
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

/** The names, and the names that their values came from. */
export function withInfluences(
  names: ReadonlySet<string>,
  origins: ReadonlyMap<string, GlobalArg>,
): ReadonlySet<string> {
  if (names.size === 0) return nothing;
  const all = new Set<string>();
  for (const name of names) {
    all.add(name);
    for (const deeper of origins.get(name)?.influences ?? nothing) all.add(deeper);
  }
  return all;
}

/**
 * The ARG default that alone makes the variable part of a word: exactly one plain `$N` or `${N}`, N's value is the default
 * of an ARG line and depends on no other name. Undefined for anything more involved.
 */
export function soleArgValue(word: string, scope: GlobalScope, escape: Escape): ArgValue | undefined {
  const uses = word.match(/\$(?:\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)/g) ?? [];
  const name = uses.length === 1 ? uses[0].replace(/[${}]/g, '') : '';
  if (name === '' || word.split('$').length !== 2) return undefined;
  const origin = scope.origins.get(name);
  if (origin?.declaration === undefined || origin.influences.size > 0) return undefined;
  const { node } = origin.declaration.command;
  const written = splitQuotedWords(node.rest, escape)[origin.declaration.index];
  if (written === undefined) return undefined;
  const start = written.start + name.length + 1;
  const value = written.text.slice(name.length + 1);
  if (!node.rest.startsWith(value, start)) return undefined;
  const from = node.restStart + start;
  return { name, value, range: rangeOf(node.pieces, from, from + value.length) };
}
