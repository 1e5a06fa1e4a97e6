import type { StageCommand } from './commands.ts';
import { Environment } from './environment.ts';
import { expandHeredoc, expandText } from './expand.ts';
import type { GlobalScope } from './global-scope.ts';
import { checkExpose, checkStopSignal, checkTransfer } from './late-checks.ts';
import { parseMount, type Mount } from './mounts.ts';
import { placed, Refusal } from './refusal.ts';
import type { CommandUse, StageState, StageTable } from './stages.ts';
import type { Escape } from './word-lexer.ts';

export interface ExecuteInput {
  readonly scope: GlobalScope;
  readonly escape: Escape;
  readonly buildArgs: ReadonlyMap<string, string>;
}

/** The states whose content the target's image is really made of: the rest is asked for and never read. */
export type Uses = ReadonlyMap<StageState, readonly StageState[]>;

/**
 * Step 9: the reachable stages in file order, as far as it decides whether the build starts: ordinary expansion, stages
 * that are not yet defined, mounts, ports, signals. Nothing is known of the environment in a base image but PATH.
 * Returns what each stage reads. Rule: research "dockerfile", section 2.
 */
export function executeStages(
  table: StageTable,
  reachable: ReadonlySet<StageState>,
  input: ExecuteInput,
): Uses {
  const uses = new Map<StageState, readonly StageState[]>();
  const environments = new Map<StageState, Environment>();
  for (const state of table.states) {
    if (!reachable.has(state) || state.dispatched) continue;
    state.dispatched = true;
    const environment = new Environment(state.base && environments.get(state.base));
    environments.set(state, environment);
    const execution = new Execution(state, environment, input);
    for (const use of state.commands) {
      try {
        execution.run(use);
      } catch (thrown) {
        // A trigger has no lines of its own in the file.
        throw placed(thrown, use.onbuild ? state.line : use.command.node.line);
      }
    }
    uses.set(state, execution.read);
  }
  return uses;
}

/** One stage as it is executed. */
class Execution {
  /** What the stage reads: its base, and what its commands name. */
  readonly read: StageState[];
  readonly #state: StageState;
  readonly #environment: Environment;
  readonly #input: ExecuteInput;

  constructor(state: StageState, environment: Environment, input: ExecuteInput) {
    this.read = state.base ? [state.base] : [];
    this.#state = state;
    this.#environment = environment;
    this.#input = input;
  }

  run({ command, sources }: CommandUse): void {
    switch (command.kind) {
      case 'arg':
        return this.#declare(command);
      case 'env':
      case 'label':
        return this.#setPairs(command);
      case 'copy':
        return this.#copy(command, sources[0]);
      case 'add':
        return this.#add(command);
      case 'run':
        return this.#mount(command, sources);
      case 'workdir':
        this.#environment.workdir = joinPath(this.#environment.workdir, this.#expand(command.value));
        return;
      case 'user':
        this.#expand(command.value);
        return;
      case 'stopsignal':
        return checkStopSignal(this.#expand(command.value));
      case 'volume':
        if (command.values.map((value) => this.#expand(value)).includes('')) {
          throw new Refusal('INVALID_INSTRUCTION', 'VOLUME specified can not be an empty string');
        }
        return;
      case 'expose':
        return checkExpose(command.values, this.#environment, this.#input.escape);
      case 'onbuild':
      case 'other':
        return;
    }
  }

  #expand(word: string): string {
    return expandText(word, this.#environment, this.#input.escape);
  }

  #declare({ pairs }: Extract<StageCommand, { kind: 'arg' }>): void {
    for (const { name, value } of pairs) {
      const given = this.#input.buildArgs.get(name);
      const set = given ?? (value === undefined ? this.#input.scope.values.get(name) : this.#expand(value));
      if (set !== undefined) this.#environment.set(name, set);
    }
  }

  /** All names and values are expanded before any of them is set. */
  #setPairs({ kind, pairs }: Extract<StageCommand, { kind: 'env' | 'label' }>): void {
    const expanded = pairs.map(({ name, value }) => [this.#expand(name), this.#expand(value ?? '')] as const);
    if (kind === 'label') return;
    for (const [name, value] of expanded) this.#environment.set(name, value);
  }

  #copy({ transfer, from }: Extract<StageCommand, { kind: 'copy' }>, source: StageState | undefined): void {
    const chown = this.#expand(transfer.chown);
    const chmod = this.#expand(transfer.chmod);
    const sources = transfer.sources.map((source) => this.#expand(source));
    this.#expand(transfer.destination);
    for (const content of transfer.expandedContents) expandHeredoc(content, this.#environment);
    if (source !== undefined && !source.dispatched) {
      throw new Refusal(
        'STAGE_NOT_YET_DEFINED',
        `cannot copy from stage ${JSON.stringify(from?.value)}, it needs to be defined before current stage ` +
          JSON.stringify(this.#state.label),
      );
    }
    checkTransfer({ command: 'COPY', sources, chown, chmod, checksum: '' });
    if (source !== undefined && sources.length > 0) this.read.push(source);
  }

  #add({ transfer, checksum }: Extract<StageCommand, { kind: 'add' }>): void {
    const chown = this.#expand(transfer.chown);
    const chmod = this.#expand(transfer.chmod);
    const sum = this.#expand(checksum);
    const sources = transfer.sources.map((source) => this.#expand(source));
    this.#expand(transfer.destination);
    for (const content of transfer.expandedContents) expandHeredoc(content, this.#environment);
    checkTransfer({ command: 'ADD', sources, chown, chmod, checksum: sum });
  }

  #mount({ mounts }: Extract<StageCommand, { kind: 'run' }>, sources: readonly StageState[]): void {
    const expanded = mounts.map(({ flag }) => parseMount(flag.value, (text) => this.#expand(text)));
    for (const [index, mount] of expanded.entries()) {
      const source = sources[index];
      if (source !== undefined) this.#mountOne(mount, source);
    }
  }

  #mountOne(mount: Mount, source: StageState): void {
    // A cache without a source begins empty: BuildKit looks "scratch" up for it.
    const named = mount.from !== '' || mount.type === 'cache';
    if (named && !source.dispatched) {
      throw new Refusal(
        'STAGE_NOT_YET_DEFINED',
        `cannot mount from stage ${JSON.stringify(mount.from)} to ${JSON.stringify(mount.target)}, ` +
          'stage needs to be defined before current command',
      );
    }
    if (mount.type === 'secret') return;
    if (mount.type === 'ssh') {
      if (mount.source !== '') throw new Refusal('INVALID_MOUNT', 'ssh does not support source');
      return;
    }
    const target = mount.target.startsWith('/')
      ? mount.target
      : joinPath(this.#environment.workdir, mount.target);
    if (target === '/') throw new Refusal('INVALID_MOUNT', `invalid mount target ${JSON.stringify(target)}`);
    if (named && mount.type !== 'tmpfs') this.read.push(source);
  }
}

/** The path, seen from a folder: `.` and `..` resolved. */
function joinPath(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The states that the target's content comes from, itself included. */
export function usedBy(target: StageState, uses: Uses): ReadonlySet<StageState> {
  const used = new Set([target]);
  for (const state of used) for (const source of uses.get(state) ?? []) used.add(source);
  return used;
}
