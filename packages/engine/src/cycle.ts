import type { Enrolment, FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import type { Plan, RebuildRequest } from '@image-factory/core/plan/types.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { RetryRequest } from '@image-factory/core/rebuild/retry.ts';
import type { Proposal } from '@image-factory/core/proposals/types.ts';
import type { DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { imagePath, intentPath } from '@image-factory/core/state/state-paths.ts';
import type { FactoryState, Rebuild } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { act } from './act.ts';
import { missingBuilders, newCycleRun } from './begin.ts';
import { skewOf } from './clock-skew.ts';
import { isStopped, type CycleRun } from './cycle-run.ts';
import type { EngineDeps } from './deps.ts';
import { discover, type Discovery } from './discover.ts';
import { enterApprovals, enterDiscoveries, enterEnrolments } from './enter-enrolments.ts';
import { enterSights } from './enter.ts';
import { lookAround, type LookAround } from './look.ts';
import { notify } from './notify.ts';
import { planNow, planOn } from './plan-now.ts';
import { propose } from './propose.ts';
import { prove } from './prove.ts';
import { openRecords, type Changed, type Records, type Surroundings } from './records.ts';
import { recover } from './recover.ts';
import { proposalsOn } from './request-pins.ts';
import { reopen } from './reopen.ts';
import { counted } from './wording.ts';

export interface CycleOptions {
  /** Nothing is written and nothing started; the report holds the plan. */
  readonly dry?: boolean;
  /** With `dry`: from the recorded state alone, without asking repositories or registries. */
  readonly offline?: boolean;
  /** `discover`: read Dockerfiles only. `observe`: look at registries too. `all`: decide and act. */
  readonly upTo?: 'discover' | 'observe' | 'all';
  /** Ask registries although they were asked lately. */
  readonly force?: boolean;
  /**
   * Bases and images that somebody says have news: they are looked at, whenever they were asked last. With the kargo
   * engine no others are, except where a follow-up is due: Kargo watches them.
   */
  readonly news?: ReadonlySet<string>;
  /** Wait for runs that do not live in this process. */
  readonly follow?: boolean;
  readonly requests?: ReadonlyMap<string, RebuildRequest>;
  /** The image whose last run is to be run again. */
  readonly retry?: RetryRequest & { readonly image: string };
  /** Only these images are read and looked at; undefined: all. */
  readonly only?: ReadonlySet<string>;
  /** Read this source instead of the enrolled one, for the image of that name. */
  readonly instead?: Enrolment;
  /** Only these images may start, each once; undefined: all. */
  readonly startOnly?: ReadonlySet<string>;
  /** Records that were decoded before, so that what has not changed is not decoded again. */
  readonly cacheFor?: (files: StateFiles) => DecodeCache;
  readonly signal?: AbortSignal;
}

export interface CycleReport {
  readonly at: Instant;
  /** Without decisions where the cycle ended before any was made (`upTo`). */
  readonly plan: Plan;
  readonly state: FactoryState;
  readonly started: readonly string[];
  readonly ended: readonly { readonly image: string; readonly rebuild: Rebuild }[];
  readonly problems: readonly Problem[];
  /** What images in pull-request mode propose; none where the cycle ended before decisions. */
  readonly proposals: readonly Proposal[];
}

/**
 * One cycle: read, discover, observe, decide, write the intent, act, follow, record. Every step may be killed: what is
 * committed is true, and the next cycle goes on from it. Asked to stop, it ends in order with what it knows by then.
 */
export async function runCycle(
  deps: EngineDeps,
  config: FactoryConfig,
  options: CycleOptions = {},
): Promise<CycleReport> {
  const { signal, upTo = 'all', dry = false, offline = false } = options;
  const stopped = signal === undefined ? {} : { signal };
  const delays = new Map(config.images.map(({ name, rebuildDelay }) => [name, rebuildDelay]));
  const cacheFor = options.cacheFor === undefined ? {} : { cacheFor: options.cacheFor };
  const records = openRecords({
    store: deps.store,
    dry,
    engine: config.settings.engine,
    delayOf: (image) => delays.get(image),
    ...cacheFor,
  });
  await records.load(signal);
  const images = imagesOf(config, records, options);
  const managed = images.filter((image) => image.kind === 'managed');

  deps.log.progress(`reading ${counted(managed.length, 'Dockerfile')}`);
  const discoveries = offline
    ? []
    : await unlessStopped(signal, [], discover(deps, managed, records.state, config, signal));
  let around: LookAround | undefined;
  if (upTo !== 'discover' && !offline) {
    // New bases are looked at in the cycle that finds them: discovery is entered into a copy first, and written below.
    const local = deps.clock.now();
    const ahead = entered(records.state, records, config, discoveries, local);
    around = await lookAround(deps, images, ahead.state, {
      now: local,
      settings: config.settings,
      force: options.force ?? false,
      news: options.news ?? new Set(),
      ...stopped,
    });
  }
  const skew = skewOf(deps.registry);

  const problems = [...records.problems, ...discoveryProblems(discoveries), ...(around?.problems ?? [])];
  const run = newCycleRun({ deps, config, images, managed, records, problems, discoveries, options, skew });
  if (isStopped(run)) return reportOf(run, planOn(run, records.state, 'report'));
  let notRestored: readonly Problem[] = [];
  await records.transact(
    subjectOf(config.images, discoveries, around !== undefined, records.state),
    (before, surroundings) => {
      const known = entered(before, surroundings, config, discoveries, run.now);
      notRestored = known.problems;
      if (!around) return known;
      const sighted = enterSights(known.state, images, {
        around,
        settings: config.settings,
        now: run.now,
        skew,
      });
      const approved = enterApprovals(sighted.state, images, config.settings, run.now);
      return { state: approved.state, events: [...known.events, ...sighted.events, ...approved.events] };
    },
  );

  problems.push(...notRestored);

  if (upTo !== 'all') return reportOf(run, { at: run.now, decisions: [], starts: [], cycles: [] });
  if (offline) return reportOf(run, planOn(run, records.state, 'report'));
  await prove(run);
  if (!dry && !isStopped(run)) {
    const { retry } = options;
    const recovered = await recover(run);
    await act(run, retry ? [...recovered, ...(await reopen(run, retry.image, retry))] : recovered);
  }
  // A cycle for one image's rebuild proposes nothing.
  if (!dry && !isStopped(run) && options.startOnly === undefined) await propose(run);
  const plan = isStopped(run) ? planOn(run, records.state, 'report') : await planNow(run, 'report');
  if (!dry) await notify(run, plan, config, around?.bases);
  return reportOf(run, plan);
}

function reportOf(run: CycleRun, plan: Plan): CycleReport {
  const { now: at, records, started, ended } = run;
  const problems = distinct([...run.problems, ...missingBuilders(run, plan)]);
  const proposals = plan.decisions.length === 0 ? [] : proposalsOn(run, records.state);
  return { at, plan, state: records.state, started, ended, problems, proposals };
}

/** What cannot be read must not be overwritten, nor built: its history is in the file that nobody can read. */
function imagesOf(
  { images }: FactoryConfig,
  { unreadable }: Records,
  { only, instead }: CycleOptions,
): readonly Enrolment[] {
  return images
    .filter(({ name }) => !unreadable.has(imagePath(name)) && !unreadable.has(intentPath(name)))
    .filter(({ name }) => only === undefined || only.has(name))
    .map((image) => (instead?.name === image.name ? instead : image));
}

/** Enrolments and what was found in their Dockerfiles. */
function entered(
  before: FactoryState,
  surroundings: Surroundings,
  { images: enrolments, settings }: FactoryConfig,
  discoveries: readonly Discovery[],
  now: Instant,
): Changed & { readonly problems: readonly Problem[] } {
  const enrolled = enterEnrolments(before, enrolments, surroundings, settings.engine, now);
  const discovered = enterDiscoveries(enrolled.state, enrolments, discoveries, surroundings, now);
  const events = [...enrolled.events, ...discovered.events];
  return { state: discovered.state, events, problems: enrolled.problems };
}

function discoveryProblems(discoveries: readonly Discovery[]): readonly Problem[] {
  return discoveries.flatMap(({ found }) => (found && !found.ok ? [found.error] : []));
}

async function unlessStopped<T>(signal: AbortSignal | undefined, stopped: T, work: Promise<T>): Promise<T> {
  try {
    const done = await work;
    // What was cut off says nothing about the repositories.
    return signal?.aborted ? stopped : done;
  } catch (thrown) {
    if (signal?.aborted) return stopped;
    throw thrown;
  }
}

function subjectOf(
  images: readonly Enrolment[],
  discoveries: readonly Discovery[],
  observed: boolean,
  state: FactoryState,
): string {
  const fresh = images.filter(({ name }) => !state.images.has(name)).length;
  const read = discoveries.filter(({ found }) => found).length;
  const parts = [
    fresh > 0 ? `enrol ${fresh}` : '',
    read > 0 ? `discover ${read}` : '',
    observed ? 'observe' : '',
  ];
  const text = parts.filter((part) => part !== '').join(', ');
  return text ? text[0]?.toUpperCase() + text.slice(1) : 'Update';
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...seen.values()];
}
