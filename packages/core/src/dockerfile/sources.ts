import { parseInteger } from './characters.ts';
import type { StageCommand } from './commands.ts';
import { expandText } from './expand.ts';
import { at, Refusal } from './refusal.ts';
import type { CommandUse, StageState, StageTable } from './stages.ts';
import { emptyScope, type Escape } from './word-lexer.ts';
import { writtenSource, type WrittenWord } from './written-word.ts';

/** The stage or image that each `--from` and each mount of a command means; new images are not in the table yet. */
export function sourcesOf(
  command: StageCommand,
  user: StageState,
  table: StageTable,
  options: { readonly escape: Escape; readonly onbuild: WrittenTriggers | undefined },
): StageState[] {
  if (command.kind === 'run') {
    return command.mounts.map(({ flag, from }) => {
      const written =
        from === '' ? undefined : placeOf(options.onbuild, () => writtenSource(command.node, flag, from));
      const name = from === '' ? 'scratch' : from;
      return (
        table.find(name) ?? imageState('mount-from', name, user, written, command.node.line, options.onbuild)
      );
    });
  }
  if (command.kind !== 'copy' || command.from === undefined) return [];
  const { from, node } = command;
  const name = from.value;
  if (at(node.line, () => expandText(name, emptyScope, options.escape)) !== name) {
    throw new Refusal(
      'COPY_FROM_VARIABLE',
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
      node.line,
    );
  }
  const index = parseInteger(name);
  if (index !== undefined) {
    const state = table.states[index];
    if (state === undefined)
      throw new Refusal('INVALID_STAGE_INDEX', `invalid stage index ${index}`, node.line);
    return [state];
  }
  const written = placeOf(options.onbuild, () => writtenSource(node, from, name));
  return [table.find(name) ?? imageState('copy-from', name, user, written, node.line, options.onbuild)];
}

/** Does a trigger's text stand in this file? */
export interface WrittenTriggers {
  readonly line: number;
}

function placeOf(onbuild: WrittenTriggers | undefined, place: () => WrittenWord): WrittenWord | undefined {
  return onbuild === undefined ? place() : undefined;
}

const noVariables: ReadonlySet<string> = new Set();

function imageState(
  kind: 'copy-from' | 'mount-from',
  name: string,
  user: StageState,
  written: WrittenWord | undefined,
  line: number,
  onbuild: WrittenTriggers | undefined,
): StageState {
  return {
    kind,
    label: user.label,
    name: '',
    baseName: name,
    written,
    line: onbuild?.line ?? line,
    variables: noVariables,
    onbuild: onbuild !== undefined,
    platform: undefined,
    rootPlatform: undefined,
    namedContext: undefined,
    base: undefined,
    commands: [],
    dependsOn: new Set(),
    resolved: false,
    resolution: undefined,
    triggersRead: true,
    dispatched: false,
  };
}

/** Step 7: what every command of every stage names, then cycles. Throws COPY_FROM_VARIABLE, INVALID_STAGE_INDEX, CIRCULAR_DEPENDENCY. */
export function linkStages(table: StageTable, escape: Escape): void {
  // The table grows while it is walked: images are appended, and an index may hit them.
  for (let index = 0; index < table.states.length; index += 1) {
    const state = table.states[index];
    if (state === undefined) break;
    state.commands = state.commands.map((use) => {
      const sources = sourcesOf(use.command, state, table, { escape, onbuild: undefined });
      link(state, sources, table);
      return { ...use, sources };
    });
  }
  refuseCycles(table.states);
}

/** An image is appended once for every instruction that names it, by index too. */
export function link(user: StageState, sources: readonly StageState[], table: StageTable): void {
  for (const source of sources) {
    user.dependsOn.add(source);
    if (source.kind !== 'from') table.add(source);
  }
}

/** Follows what commands name, not FROM: a loop through FROM fails later, as a stage that is not yet defined. */
function refuseCycles(states: readonly StageState[]): void {
  const visited = new Set<StageState>();
  for (const root of states) {
    if (visited.has(root) || root.dependsOn.size === 0) continue;
    const path = new Set<StageState>([root]);
    const stack = [{ state: root, rest: root.dependsOn.values() }];
    visited.add(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.next();
      if (next.done) {
        path.delete(top.state);
        stack.pop();
        continue;
      }
      if (path.has(next.value)) {
        throw new Refusal(
          'CIRCULAR_DEPENDENCY',
          `circular dependency detected on stage: ${root.label}`,
          lineThatNames(root, stack[1]?.state ?? next.value),
        );
      }
      if (visited.has(next.value)) continue;
      visited.add(next.value);
      path.add(next.value);
      stack.push({ state: next.value, rest: next.value.dependsOn.values() });
    }
  }
}

function lineThatNames(user: StageState, source: StageState): number {
  const use = user.commands.findLast((candidate: CommandUse) => candidate.sources.includes(source));
  return use?.command.node.line ?? user.line;
}

/** The state itself, its base, and what its commands name; repeated. Rule: research "dockerfile", section 16. */
export function reachableFrom(target: StageState): Set<StageState> {
  const reached = new Set([target]);
  for (const state of reached) {
    if (state.base !== undefined) reached.add(state.base);
    for (const source of state.dependsOn) reached.add(source);
  }
  return reached;
}
