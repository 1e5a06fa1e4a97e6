import { formatReference, parseReference } from '../reference/parse.ts';
import type { PlatformName } from '../reference/types.ts';
import { findContext, loadContext } from './contexts.ts';
import { toCommand } from './instructions.ts';
import { parseFile } from './reader.ts';
import { at, Refusal } from './refusal.ts';
import { link, reachableFrom, sourcesOf } from './sources.ts';
import type { CommandUse, Resolution, StageInput, StageState, StageTable } from './stages.ts';

/** ONBUILD triggers of an image's config; undefined where they are not known. */
export type OnbuildLookup = (reference: string, platform: PlatformName) => readonly string[] | undefined;

export interface ResolveInput extends StageInput {
  readonly onbuildOf: OnbuildLookup | undefined;
}

/** BuildKit has no limits; more triggers than these are an attack. */
const mostRounds = 1000;
const mostTriggers = 50_000;

/**
 * Step 8: all references are parsed, those of reachable states resolved, and triggers fired, until nothing new appears.
 * Returns what is reachable, and whether the triggers of some image are not known.
 */
export function resolveStages(
  table: StageTable,
  target: StageState,
  input: ResolveInput,
): { readonly reachable: ReadonlySet<StageState>; readonly onbuildUnknown: boolean } {
  let onbuildUnknown = false;
  let fired = 0;
  for (let round = 0; round < mostRounds; round += 1) {
    const reachable = reachableFrom(target);
    for (const state of table.states) {
      if (state.base === undefined && !state.resolved) resolveState(state, reachable.has(state), input);
    }
    let named = false;
    for (const state of table.states) {
      if (!reachable.has(state) || state.triggersRead) continue;
      state.triggersRead = true;
      const { triggers, known } = triggersFor(state, input);
      if (!known) onbuildUnknown = true;
      fired += triggers.length;
      if (fired > mostTriggers) throw new Refusal('INVALID_ONBUILD', 'too many triggers fire', state.line);
      if (triggers.length > 0 && fire(state, triggers, table)) named = true;
    }
    if (!named) return { reachable, onbuildUnknown };
  }
  throw new Refusal('INVALID_ONBUILD', 'triggers fire triggers without end');
}

function resolveState(state: StageState, reachable: boolean, input: ResolveInput): void {
  state.resolved = reachable;
  const isImage = state.kind !== 'from';
  if (state.baseName === 'scratch' && state.namedContext === undefined) {
    state.resolution = { kind: 'scratch' };
    if (isImage) state.dispatched = true;
    return;
  }
  const resolution = at(state.line, () => resolutionOf(state, reachable, input));
  if (isImage) state.dispatched = true;
  if (resolution !== undefined) state.resolution = resolution;
}

/** Undefined for an unreachable state: its reference is only parsed. */
function resolutionOf(state: StageState, reachable: boolean, input: ResolveInput): Resolution | undefined {
  const reference = parseReference(state.baseName);
  if (!reference.ok) {
    const { written } = state;
    throw new Refusal(
      'INVALID_REFERENCE',
      `failed to parse stage name ${JSON.stringify(state.baseName)}: ${reference.error}`,
      written?.range.startLine ?? state.line,
      written?.range.startColumn,
    );
  }
  if (!reachable) return undefined;
  const normalized = formatReference(reference.value);
  const { contexts } = input;
  const context =
    state.namedContext ??
    (contexts.size === 0
      ? undefined
      : findContext(normalized, state.platform ?? input.targetPlatform, contexts));
  if (context === undefined) return { kind: 'image', normalized };
  const loaded = loadContext(context);
  if (state.namedContext !== undefined) state.dispatched = true;
  return { kind: 'image', normalized: loaded.reference, context: loaded.value };
}

/** Triggers of a stage in this file fire in the stages that are built on it; those of an image in the stages that begin with it. */
function triggersFor(
  state: StageState,
  input: ResolveInput,
): { readonly triggers: readonly string[]; readonly known: boolean } {
  if (state.base !== undefined) {
    const triggers = state.base.commands.flatMap(({ command }) =>
      command.kind === 'onbuild' ? [command.trigger] : [],
    );
    return { triggers, known: true };
  }
  const { resolution } = state;
  if (resolution?.kind !== 'image' || resolution.normalized === null) return { triggers: [], known: true };
  const triggers = input.onbuildOf?.(resolution.normalized, state.platform ?? input.targetPlatform);
  return { triggers: triggers ?? [], known: triggers !== undefined };
}

/** Puts the triggers before the stage's own commands. True where they name a stage or an image. */
function fire(state: StageState, triggers: readonly string[], table: StageTable): boolean {
  let named = false;
  const uses = triggers.map((trigger): CommandUse => {
    const use = at(state.line, () => readTrigger(trigger, state, table));
    if (use.sources.length > 0) named = true;
    link(state, use.sources, table);
    return use;
  });
  state.commands = [...uses, ...state.commands];
  return named;
}

function readTrigger(trigger: string, state: StageState, table: StageTable): CommandUse {
  try {
    const { nodes } = parseFile(trigger);
    const [node] = nodes;
    if (node === undefined || nodes.length !== 1) {
      throw new Refusal('INVALID_ONBUILD', 'onbuild trigger should be a single expression');
    }
    const command = toCommand(node);
    if (command.kind === 'from')
      throw new Refusal('INVALID_ONBUILD', 'FROM is not allowed as an ONBUILD trigger');
    const sources = sourcesOf(command, state, table, { escape: '\\', onbuild: { line: state.line } });
    return { command, sources, onbuild: true };
  } catch (thrown) {
    // Lines inside a trigger are no lines of the file.
    if (thrown instanceof Refusal) thrown.line = state.line;
    throw thrown;
  }
}
