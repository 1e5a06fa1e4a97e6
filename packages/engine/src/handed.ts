import type { FactoryConfig, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Run } from '@image-factory/core/ports/builder.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { isOtherBuild } from '@image-factory/core/rebuild/other-build.ts';
import type { DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import type { FactoryState, Intent, Rebuild } from '@image-factory/core/state/types.ts';
import { minute } from '@image-factory/core/time.ts';
import { newCycleRun } from './begin.ts';
import type { CycleRun } from './cycle-run.ts';
import type { EngineDeps } from './deps.ts';
import { openRecords, type Records } from './records.ts';
import {
  handedOverWithin,
  leftByItsWriter,
  providerOf,
  takeUp,
  type Found,
  type Unstarted,
} from './recover.ts';

/** Later nothing is begun: a cycle that finds no run closes the intent, and both must not happen at once. */
const begunWithin = handedOverWithin - 15 * minute;

/** One attempt of a build key, as Kargo names it. */
export interface Handed {
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
}

/** How the rebuild of such an attempt is. */
export type HandedState =
  /** Nobody decided it, or it is so long ago that nothing is kept of it. */
  | { readonly kind: 'unknown' }
  /** Open, and without a run so far; asking again helps, unless `why` says what has to change. */
  | { readonly kind: 'waiting'; readonly why?: string }
  | { readonly kind: 'running'; readonly run: string; readonly url?: string }
  /** As its CI system says, until a cycle has recorded that. */
  | {
      readonly kind: 'ended';
      readonly recorded: boolean;
      readonly outcome: Rebuild['outcome'];
      readonly ended: Partial<Rebuild>;
    };

export interface HandedAnswer {
  readonly state: HandedState;
  /** All that are open by then. */
  readonly intents: FactoryState['intents'];
  readonly problems: readonly Problem[];
}

export interface HandedOptions {
  /** Records that were decoded before. */
  readonly cacheFor?: (files: StateFiles) => DecodeCache;
  readonly signal?: AbortSignal;
}

/**
 * Starts the run of an intent that the kargo engine decided, for Kargo, which may ask more than once and ask several
 * servers: the first to write its name into the intent starts the run, once (brief 4.4). Everybody else, and the same one
 * after a crash, finds that run, or waits until it may take over.
 */
export async function startHanded(
  deps: EngineDeps,
  config: FactoryConfig,
  handed: Handed,
  options: HandedOptions = {},
): Promise<HandedAnswer> {
  const records = await openedRecords(deps, config, options);
  const intent = openIntent(records.state, handed);
  if (!intent || intent.run)
    return answer(await stateNow(deps, config, records.state, handed, options), records, []);
  if (intent.request !== undefined) {
    const why = 'this intent carries a request that Kargo sends itself, from before kargo.server was set';
    return answer({ kind: 'waiting', why }, records, []);
  }
  const problems: Problem[] = [];
  const image = managedImage(config, handed);
  const managed = image ? [image] : [];
  const { signal } = options;
  const run = newCycleRun({
    deps,
    config,
    images: managed,
    managed,
    records,
    problems,
    discoveries: [],
    options: signal ? { signal } : {},
    skew: 0,
  });
  await takeUp(run, [intent], handedOver);
  return answer(recordedState(records.state, handed), records, problems);
}

function answer(state: HandedState, records: Records, problems: readonly Problem[]): HandedAnswer {
  return { state, intents: records.state.intents, problems };
}

/** How that rebuild is now: as recorded, or as its CI system says while it is open. */
export async function handedState(
  deps: EngineDeps,
  config: FactoryConfig,
  handed: Handed,
  options: HandedOptions = {},
): Promise<HandedState> {
  const { state } = await openedRecords(deps, config, options);
  return stateNow(deps, config, state, handed, options);
}

async function stateNow(
  deps: EngineDeps,
  config: FactoryConfig,
  state: FactoryState,
  handed: Handed,
  { signal }: HandedOptions,
): Promise<HandedState> {
  const recorded = recordedState(state, handed);
  if (recorded.kind !== 'running') return recorded;
  const image = managedImage(config, handed);
  const intent = openIntent(state, handed);
  const builder = image && intent && deps.builderFor(providerOf(intent, image));
  // A provider that does not answer says nothing about the run.
  const now = image && (await builder?.get(image, recorded.run, signal).catch(() => undefined));
  // It left because another run holds the claim: cycles look for that one.
  if (!now || isOtherBuild(now, handed) || now.status === 'running' || now.status === 'superseded')
    return recorded;
  return endedBy(now, now.status);
}

/**
 * Nobody has taken it up: the one that Kargo asks does. Afterwards the rules of taking over hold, as they do from the
 * beginning with the embedded engine, where the writer of an intent is about to start its run.
 */
async function handedOver(run: CycleRun, found: Unstarted): Promise<Found> {
  const { intent, enrolment } = found;
  // By the same clock as a cycle that ends it: one that a dying server took up late still has its hour.
  if (run.time() - (intent.takenOverAt ?? intent.createdAt) >= begunWithin) return undefined;
  return run.settings.engine === 'kargo' && intent.takenOverAt === undefined
    ? { kind: 'orphan', intent, enrolment }
    : leftByItsWriter(run, found);
}

async function openedRecords(
  { store }: EngineDeps,
  { settings, images }: FactoryConfig,
  { cacheFor, signal }: HandedOptions,
): Promise<Records> {
  const delays = new Map(images.map(({ name, rebuildDelay }) => [name, rebuildDelay]));
  const records = openRecords({
    store,
    dry: false,
    engine: settings.engine,
    delayOf: (image) => delays.get(image),
    ...(cacheFor ? { cacheFor } : {}),
  });
  await records.load(signal);
  return records;
}

function managedImage({ images }: FactoryConfig, handed: Handed): ManagedEnrolment | undefined {
  const image = images.find(({ name }) => name === handed.image);
  return image?.kind === 'managed' ? image : undefined;
}

function openIntent({ intents }: FactoryState, { image, key, attempt }: Handed): Intent | undefined {
  const intent = intents.get(image);
  return intent?.key === key && intent.attempt === attempt ? intent : undefined;
}

function recordedState(state: FactoryState, handed: Handed): HandedState {
  const intent = openIntent(state, handed);
  if (intent) {
    const { run } = intent;
    if (!run) return { kind: 'waiting' };
    return { kind: 'running', run: run.id, ...(run.url === undefined ? {} : { url: run.url }) };
  }
  const { image, key, attempt } = handed;
  const rebuild = state.images
    .get(image)
    ?.rebuilds.findLast((each) => each.key === key && each.attempt === attempt);
  return rebuild
    ? { kind: 'ended', recorded: true, outcome: rebuild.outcome, ended: rebuild }
    : { kind: 'unknown' };
}

function endedBy(
  { id: run, digest, log, error }: Run,
  outcome: Exclude<Run['status'], 'running'>,
): HandedState {
  const ended = {
    run,
    ...(digest === undefined ? {} : { digest }),
    ...(log === undefined ? {} : { log }),
    ...(error === undefined ? {} : { error }),
  };
  return { kind: 'ended', recorded: false, outcome, ended };
}
