import type { PlatformName } from '../reference/types.ts';
import type { StageCommand } from './commands.ts';
import type { BaseDependency, DockerfileAnalysis, StageSummary, SyntaxImage, Unknown } from './dependency.ts';
import { detectCheckOptions, validateCheckOptions } from './directives.ts';
import { executeStages, usedBy } from './execute.ts';
import { frontendOf, type Frontend } from './frontend.ts';
import { globalScope, influencesOf, soleArgValue, type GlobalScope } from './global-scope.ts';
import { toCommand } from './instructions.ts';
import { parseFile } from './reader.ts';
import { at, Refusal, type DockerfileError } from './refusal.ts';
import { resolveStages, type OnbuildLookup } from './resolve.ts';
import { linkStages } from './sources.ts';
import { buildStages, type StageState, type StageTable, type StageText } from './stages.ts';
import type { Escape } from './word-lexer.ts';
import { writtenBase } from './written-word.ts';

type ArgCommand = Extract<StageCommand, { kind: 'arg' }>;

export interface AnalysisOptions {
  readonly buildArgs?: ReadonlyMap<string, string>;
  /** A stage's name; the last stage where it is missing. */
  readonly target?: string;
  /** What is built for; the builder's own platform where it is missing. With several, the answers are united. */
  readonly platforms?: PlatformName | readonly PlatformName[];
  /** The builder's own platform; linux/amd64 where it is missing. */
  readonly buildPlatform?: PlatformName;
  /** Named contexts, as `--build-context` gives them. */
  readonly contexts?: ReadonlyMap<string, string>;
  /** ONBUILD triggers in the config of an image, undefined where they are not known; without it none are. */
  readonly onbuildOf?: OnbuildLookup;
}

const none: ReadonlyMap<string, string> = new Map();

/**
 * Every image that a build of this Dockerfile reads, with BuildKit's semantics. Never throws: a file that BuildKit
 * would refuse comes back with its class of error. Linear in the size of the file.
 * Rule: research "dockerfile", whole.
 */
export function dependenciesOf(
  source: string | Uint8Array,
  options: AnalysisOptions = {},
): DockerfileAnalysis {
  // A BOM is kept, because columns count it.
  const text =
    typeof source === 'string' ? source : new TextDecoder('utf-8', { ignoreBOM: true }).decode(source);
  const buildPlatform = options.buildPlatform ?? ('linux/amd64' as PlatformName);
  const given: readonly PlatformName[] =
    typeof options.platforms === 'string' ? [options.platforms] : (options.platforms ?? []);
  const platforms = given.length === 0 ? [buildPlatform] : given;
  let frontend: Frontend | undefined;
  try {
    frontend = frontendOf(
      text,
      options.buildArgs?.get('BUILDKIT_SYNTAX'),
      buildPlatform,
      options.contexts ?? none,
    );
    const found = frontend ? [frontend.dependency] : [];
    if (frontend?.foreign)
      return { ...emptyAnalysis(frontend), bases: found, unknowns: ['foreign-frontend'] };
    const file = readFile(text, options.buildArgs ?? none);
    const analyses = platforms.map((platform) => analysePlatform(file, platform, buildPlatform, options));
    return {
      ...emptyAnalysis(frontend),
      bases: [...found, ...unite(analyses.map(({ bases }) => bases))],
      stages: analyses[0]?.stages ?? [],
      unknowns: analyses.some(({ onbuildUnknown }) => onbuildUnknown) ? ['onbuild'] : [],
    };
  } catch (thrown) {
    return {
      ...emptyAnalysis(frontend),
      bases: frontend ? [frontend.dependency] : [],
      error: errorOf(thrown),
    };
  }
}

function errorOf(thrown: unknown): DockerfileError {
  if (thrown instanceof Refusal) return thrown.toValue();
  throw thrown;
}

function emptyAnalysis(frontend: Frontend | undefined): {
  readonly bases: readonly BaseDependency[];
  readonly stages: readonly StageSummary[];
  readonly unknowns: readonly Unknown[];
  readonly syntax?: SyntaxImage;
} {
  return { bases: [], stages: [], unknowns: [], ...(frontend ? { syntax: frontend.syntax } : {}) };
}

interface FileText {
  readonly escape: Escape;
  readonly args: readonly ArgCommand[];
  readonly stages: readonly StageText[];
}

/** Steps 1 to 3: the same for every platform. */
function readFile(text: string, buildArgs: ReadonlyMap<string, string>): FileText {
  const override = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK');
  if (override !== undefined) validateCheckOptions(override);
  if (text === '') throw new Refusal('EMPTY_DOCKERFILE', 'the Dockerfile cannot be empty', 1);
  const check = override === undefined ? detectCheckOptions(text) : undefined;
  if (check) validateCheckOptions(check.options, check.line);

  const { nodes, escape } = parseFile(text);
  const args: ArgCommand[] = [];
  const stages: { from: StageText['from']; commands: StageCommand[] }[] = [];
  for (const node of nodes) {
    const command = at(node.line, () => toCommand(node));
    const stage = stages.at(-1);
    if (command.kind === 'from') stages.push({ from: command, commands: [] });
    else if (stage) stage.commands.push(command);
    else if (command.kind === 'arg') args.push(command);
    else throw new Refusal('NO_STAGE_CONTEXT', 'no build stage in current context', node.line);
  }
  if (stages.length === 0) throw new Refusal('NO_STAGES', 'dockerfile contains no stages to build');
  return { escape, args, stages };
}

/** Steps 4 to 9, for one target platform. */
function analysePlatform(
  file: FileText,
  targetPlatform: PlatformName,
  buildPlatform: PlatformName,
  options: AnalysisOptions,
): { bases: BaseDependency[]; stages: StageSummary[]; onbuildUnknown: boolean } {
  const { escape } = file;
  const buildArgs = options.buildArgs ?? none;
  const wanted = options.target ?? '';
  const targetStage = wanted || (file.stages.at(-1)?.from.name ?? '');
  const scope = globalScope(file.args, { buildArgs, buildPlatform, targetPlatform, targetStage, escape });
  const input = { scope, escape, buildPlatform, targetPlatform, contexts: options.contexts ?? none };
  const table = buildStages(file.stages, (from) => writtenBase(from.node), input);
  const target = findTarget(table, wanted);
  linkStages(table, escape);
  const { reachable, onbuildUnknown } = resolveStages(table, target, {
    ...input,
    onbuildOf: options.onbuildOf,
  });
  const used = usedBy(target, executeStages(table, reachable, { scope, escape, buildArgs }));
  const root = rootOf(target);
  const bases = [...new Set(table.states)].flatMap((state) => {
    const { resolution } = state;
    if (!reachable.has(state) || state.base !== undefined || resolution?.kind !== 'image') return [];
    return [
      toDependency(state, resolution, {
        used: used.has(state),
        final: state === root,
        targetPlatform,
        scope,
        escape,
      }),
    ];
  });
  return {
    bases,
    stages: table.states.flatMap((state) => summaryOf(state, target, reachable, targetPlatform)),
    onbuildUnknown,
  };
}

function findTarget(table: StageTable, wanted: string): StageState {
  const target = wanted === '' ? table.states.at(-1) : table.find(wanted);
  if (target !== undefined) return target;
  throw new Refusal('TARGET_NOT_FOUND', `target stage ${JSON.stringify(wanted)} could not be found`);
}

function rootOf(target: StageState): StageState {
  let root = target;
  while (root.base !== undefined) root = root.base;
  return root;
}

function toDependency(
  state: StageState,
  resolution: Extract<NonNullable<StageState['resolution']>, { kind: 'image' }>,
  facts: {
    readonly used: boolean;
    readonly final: boolean;
    readonly targetPlatform: PlatformName;
    readonly scope: GlobalScope;
    readonly escape: Escape;
  },
): BaseDependency {
  const { written } = state;
  const argValue =
    state.variables.size > 0 && written ? soleArgValue(written.text, facts.scope, facts.escape) : undefined;
  return {
    ref: state.baseName,
    normalized: resolution.normalized,
    kind: state.kind,
    stage: state.label,
    platform: state.platform ?? facts.targetPlatform,
    final: facts.final,
    written: written?.text ?? state.baseName,
    args: influencesOf(state.variables, facts.scope),
    ...(written ? { range: written.range } : {}),
    ...(argValue ? { argValue } : {}),
    ...(resolution.context === undefined ? {} : { context: resolution.context }),
    ...(state.onbuild ? { onbuild: true as const } : {}),
    ...(facts.used ? {} : { resolvedOnly: true as const }),
  };
}

function summaryOf(
  state: StageState,
  target: StageState,
  reachable: ReadonlySet<StageState>,
  targetPlatform: PlatformName,
): StageSummary[] {
  if (state.kind !== 'from') return [];
  return [
    {
      stage: state.label,
      line: state.line,
      base: state.baseName,
      platform: state.rootPlatform ?? targetPlatform,
      reachable: reachable.has(state),
      target: state === target,
      ...(state.base ? { baseStage: state.base.label } : {}),
    },
  ];
}

/** A base that two target platforms share (`--platform=$BUILDPLATFORM`) is one; if either uses it, it is used. */
function unite(answers: readonly (readonly BaseDependency[])[]): readonly BaseDependency[] {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const united = new Map<string, BaseDependency>();
  for (const base of answers.flat()) {
    const { startLine, startColumn } = base.range ?? {};
    const key = JSON.stringify([
      base.kind,
      base.stage,
      base.ref,
      base.normalized,
      base.platform,
      startLine,
      startColumn,
    ]);
    const known = united.get(key);
    if (!known || (known.resolvedOnly && !base.resolvedOnly)) united.set(key, base);
  }
  return [...united.values()];
}
