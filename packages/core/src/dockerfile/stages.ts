import { parsePlatform, splitPlatform } from '../reference/platform.ts';
import type { PlatformName } from '../reference/types.ts';
import type { FromCommand, StageCommand } from './commands.ts';
import { findContext, type NamedContext } from './contexts.ts';
import { expandWord } from './expand.ts';
import type { GlobalScope } from './global-scope.ts';
import { at, Refusal } from './refusal.ts';
import type { WrittenWord } from './written-word.ts';
import type { Escape } from './word-lexer.ts';

/** A FROM and what follows it, as written. */
export interface StageText {
  readonly from: FromCommand;
  readonly commands: readonly StageCommand[];
}

/** An instruction in its stage, with what its `--from` or mounts mean. */
export interface CommandUse {
  readonly command: StageCommand;
  /** One per `--from` or `--mount`, in order. */
  readonly sources: readonly StageState[];
  readonly onbuild: boolean;
}

export type Resolution =
  | { readonly kind: 'scratch' }
  | {
      readonly kind: 'image';
      /** Null where a named context put something that is no image in its place. */
      readonly normalized: string | null;
      readonly context?: string;
    };

/** A stage of the file, or an image that an instruction names as if it were one. Mutable: the analysis fills it step by step. */
export interface StageState {
  readonly kind: 'from' | 'copy-from' | 'mount-from';
  /** Name or index of the stage in the file; for an image, of the stage whose instruction names it. */
  readonly label: string;
  /** Empty without a name. */
  readonly name: string;
  /** Expanded. */
  readonly baseName: string;
  /** The written word; absent where it stands in another image's config. */
  readonly written: WrittenWord | undefined;
  readonly line: number;
  /** Names that the word asked for and found. */
  readonly variables: ReadonlySet<string>;
  readonly onbuild: boolean;
  /** Of the FROM's own flag; undefined is the target platform. */
  readonly platform: PlatformName | undefined;
  /** Of the image at the end of the FROM chain: a stage has the platform of what it is built on. */
  readonly rootPlatform: PlatformName | undefined;
  readonly namedContext: NamedContext | undefined;
  readonly base: StageState | undefined;
  commands: CommandUse[];
  readonly dependsOn: Set<StageState>;
  resolved: boolean;
  resolution: Resolution | undefined;
  triggersRead: boolean;
  dispatched: boolean;
}

/** All states in BuildKit's order: stages, then images as they are met. Names belong to stages only. */
export class StageTable {
  readonly states: StageState[] = [];
  readonly #byName = new Map<string, StageState>();

  add(state: StageState): void {
    this.states.push(state);
    if (state.name !== '') this.#byName.set(state.name, state);
  }

  /** For FROM: the name exactly as written. */
  findBase(word: string): StageState | undefined {
    return this.#byName.get(word);
  }

  find(name: string): StageState | undefined {
    return this.#byName.get(name.toLowerCase());
  }
}

export interface StageInput {
  readonly scope: GlobalScope;
  readonly escape: Escape;
  readonly buildPlatform: PlatformName;
  readonly targetPlatform: PlatformName;
  readonly contexts: ReadonlyMap<string, string>;
}

/** Step 5: every stage's base word and platform, in file order, reachable or not. */
export function buildStages(
  texts: readonly StageText[],
  writtenBase: (from: FromCommand) => WrittenWord,
  input: StageInput,
): StageTable {
  const table = new StageTable();
  for (const [index, { from, commands }] of texts.entries()) {
    const state = at(from.node.line, () => {
      const base = expandWord(from.base, input.scope.values, input.escape);
      if (base.text === '') {
        throw new Refusal('BLANK_BASE_NAME', `base name (${from.base}) should not be blank`);
      }
      const platform = platformOf(from, input);
      const namedContext = stageContext(from.name, platform ?? input.targetPlatform, input.contexts);
      const baseStage = namedContext === undefined ? table.findBase(base.text) : undefined;
      return {
        kind: 'from' as const,
        label: from.name || String(index),
        name: from.name,
        baseName: base.text,
        written: writtenBase(from),
        line: from.node.line,
        variables: base.matched,
        onbuild: false,
        platform,
        rootPlatform: baseStage ? baseStage.rootPlatform : platform,
        namedContext,
        base: baseStage,
        commands: commands.map((command) => ({ command, sources: [], onbuild: false })),
        dependsOn: new Set<StageState>(),
        resolved: false,
        resolution: undefined,
        triggersRead: false,
        dispatched: false,
      };
    });
    table.add(state);
  }
  return table;
}

/** The name of a stage is looked up as a context, so it must be a reference too; `scratch` and `context` are exempt. */
function stageContext(
  name: string,
  platform: PlatformName,
  contexts: ReadonlyMap<string, string>,
): NamedContext | undefined {
  if (name === '' || name === 'scratch' || name === 'context') return undefined;
  return findContext(name, platform, contexts);
}

function platformOf(from: FromCommand, input: StageInput): PlatformName | undefined {
  if (from.platform === '') return undefined;
  const { text } = expandWord(from.platform, input.scope.values, input.escape);
  if (text === '') {
    throw new Refusal('EMPTY_PLATFORM', `empty platform value from expression ${from.platform}`);
  }
  const host = splitPlatform(input.buildPlatform);
  const platform = parsePlatform(text, { defaultOs: host.os, defaultArchitecture: host.architecture });
  if (platform.ok) return platform.value;
  throw new Refusal('INVALID_PLATFORM', `failed to parse platform ${from.platform}: ${platform.error}`);
}
