import type { StageCommand } from './commands.ts';
import { expandHeredoc, expandText } from './expand.ts';
import type { GlobalScope } from './global-scope.ts';
import { checkExpose, checkStopSignal, checkTransfer } from './late-checks.ts';
import { parseMount, type Mount } from './mounts.ts';
import { at, Refusal } from './refusal.ts';
import type { CommandUse, StageState, StageTable } from './stages.ts';
import type { Escape } from './word-lexer.ts';

/** What a stage leaves to the stages built on it. */
interface Environment {
  readonly variables: Map<string, string>;
  workdir: string;
}

export interface ExecuteInput {
  readonly scope: GlobalScope;
  readonly escape: Escape;
  readonly buildArgs: ReadonlyMap<string, string>;
}

/** The states whose content the target's image is really made of: the rest is asked for and never read. */
export type Uses = ReadonlyMap<StageState, readonly StageState[]>;

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

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
    const inherited = state.base && environments.get(state.base);
    const environment: Environment = {
      variables: new Map(inherited?.variables ?? [['PATH', defaultPath]]),
      workdir: inherited?.workdir ?? '/',
    };
    environments.set(state, environment);
    const read: StageState[] = state.base ? [state.base] : [];
    for (const use of state.commands) {
      // A trigger has no lines of its own in the file.
      const line = use.onbuild ? state.line : use.command.node.line;
      at(line, () => new Execution(use, state, environment, input).run(read));
    }
    uses.set(state, read);
  }
  return uses;
}

class Execution {
  readonly #use: CommandUse;
  readonly #state: StageState;
  readonly #environment: Environment;
  readonly #input: ExecuteInput;

  constructor(use: CommandUse, state: StageState, environment: Environment, input: ExecuteInput) {
    this.#use = use;
    this.#state = state;
    this.#environment = environment;
    this.#input = input;
  }

  run(read: StageState[]): void {
    const { command } = this.#use;
    switch (command.kind) {
      case 'arg':
        return this.#declare(command);
      case 'env':
      case 'label':
        return this.#setPairs(command);
      case 'copy':
        return this.#copy(command, read);
      case 'add':
        return this.#add(command);
      case 'run':
        return this.#mount(command, read);
      case 'workdir':
        this.#environment.workdir = joinPath(this.#environment.workdir, this.#expand(command.value));
        return;
      case 'user':
        this.#expand(command.value);
        return;
      case 'stopsignal':
        return checkStopSignal(this.#expand(command.value));
      case 'volume':
        for (const value of command.values) {
          if (this.#expand(value) === '') {
            throw new Refusal('INVALID_INSTRUCTION', 'VOLUME specified can not be an empty string');
          }
        }
        return;
      case 'expose':
        return checkExpose(command.values, this.#environment.variables, this.#input.escape);
      case 'onbuild':
      case 'other':
        return;
    }
  }

  #expand(word: string): string {
    return expandText(word, this.#environment.variables, this.#input.escape);
  }

  #declare({ pairs }: Extract<StageCommand, { kind: 'arg' }>): void {
    const { variables } = this.#environment;
    for (const { name, value } of pairs) {
      const given = this.#input.buildArgs.get(name);
      const set = given ?? (value === undefined ? this.#input.scope.values.get(name) : this.#expand(value));
      if (set !== undefined) variables.set(name, set);
    }
  }

  /** All names and values are expanded before any of them is set. */
  #setPairs({ kind, pairs }: Extract<StageCommand, { kind: 'env' | 'label' }>): void {
    const expanded = pairs.map(({ name, value }) => [this.#expand(name), this.#expand(value ?? '')] as const);
    if (kind === 'label') return;
    for (const [name, value] of expanded) this.#environment.variables.set(name, value);
  }

  #copy({ transfer, from }: Extract<StageCommand, { kind: 'copy' }>, read: StageState[]): void {
    const chown = this.#expand(transfer.chown);
    const chmod = this.#expand(transfer.chmod);
    const sources = transfer.sources.map((source) => this.#expand(source));
    this.#expand(transfer.destination);
    for (const content of transfer.expandedContents) expandHeredoc(content, this.#environment.variables);
    const [source] = this.#use.sources;
    if (source !== undefined && !source.dispatched) {
      throw new Refusal(
        'STAGE_NOT_YET_DEFINED',
        `cannot copy from stage ${JSON.stringify(from?.value)}, it needs to be defined before current stage ` +
          JSON.stringify(this.#state.label),
      );
    }
    checkTransfer({ command: 'COPY', sources, chown, chmod, checksum: '' });
    if (source !== undefined && sources.length > 0) read.push(source);
  }

  #add({ transfer, checksum }: Extract<StageCommand, { kind: 'add' }>): void {
    const chown = this.#expand(transfer.chown);
    const chmod = this.#expand(transfer.chmod);
    const sum = this.#expand(checksum);
    const sources = transfer.sources.map((source) => this.#expand(source));
    this.#expand(transfer.destination);
    for (const content of transfer.expandedContents) expandHeredoc(content, this.#environment.variables);
    checkTransfer({ command: 'ADD', sources, chown, chmod, checksum: sum });
  }

  #mount({ mounts }: Extract<StageCommand, { kind: 'run' }>, read: StageState[]): void {
    const expanded = mounts.map(({ flag }) => parseMount(flag.value, (text) => this.#expand(text)));
    expanded.forEach((mount, index) => {
      const source = this.#use.sources[index];
      if (source !== undefined) this.#mountOne(mount, source, read);
    });
  }

  #mountOne(mount: Mount, source: StageState, read: StageState[]): void {
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
    const target = mount.target.startsWith('/') ? mount.target : joinPath(this.#environment.workdir, mount.target);
    if (target === '/') throw new Refusal('INVALID_MOUNT', `invalid mount target ${JSON.stringify(target)}`);
    if (named && mount.type !== 'tmpfs') read.push(source);
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
