import type { Enrolment, FactoryConfig, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { planOf } from '@image-factory/core/plan/plan.ts';
import type { Facts, Plan, RebuildRequest } from '@image-factory/core/plan/types.ts';
import type { CveProof } from '@image-factory/core/ports/proofs.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import { FactoryError, problemOf, type Problem } from '@image-factory/core/problem.ts';
import type { DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { imagePath, intentPath } from '@image-factory/core/state/state-paths.ts';
import type { FactoryState, Rebuild } from '@image-factory/core/state/types.ts';
import { formatDuration, minute, type Instant } from '@image-factory/core/time.ts';
import { act, planNow } from './act.ts';
import type { CycleRun } from './cycle-run.ts';
import type { EngineDeps } from './deps.ts';
import { discover, type Discovery } from './discover.ts';
import { enterApprovals, enterDiscoveries, enterEnrolments } from './enter-enrolments.ts';
import { enterSights } from './enter.ts';
import { lookAround, type LookAround } from './look.ts';
import { openRecords, type Records } from './records.ts';
import { recover } from './recover.ts';

/** Further than this from the registries' clocks, nothing is decided (brief 4.2.6). */
const largestSkew = 5 * minute;

export interface CycleOptions {
  /** Nothing is written and nothing started; the report holds the plan. */
  readonly dry?: boolean;
  /** With `dry`: from the recorded state alone, without asking repositories or registries. */
  readonly offline?: boolean;
  /** `discover`: read Dockerfiles only. `observe`: look at registries too. `all`: decide and act. */
  readonly upTo?: 'discover' | 'observe' | 'all';
  /** Ask registries although they were asked lately. */
  readonly force?: boolean;
  /** Wait for runs that do not live in this process. */
  readonly follow?: boolean;
  readonly requests?: ReadonlyMap<string, RebuildRequest>;
  /** Only these images are read and looked at; undefined: all. */
  readonly only?: ReadonlySet<string>;
  /** Read this source instead of the enrolled one, for the image of that name. */
  readonly instead?: Enrolment;
  /** Only these images may start; undefined: all. */
  readonly startOnly?: ReadonlySet<string>;
  /** Records that were decoded before, so that what has not changed is not decoded again. */
  readonly cacheFor?: (files: StateFiles) => DecodeCache;
  readonly signal?: AbortSignal;
}

export interface CycleReport {
  readonly at: Instant;
  readonly plan: Plan;
  readonly state: FactoryState;
  readonly started: readonly string[];
  readonly ended: readonly { readonly image: string; readonly rebuild: Rebuild }[];
  readonly problems: readonly Problem[];
}

/**
 * One cycle: read, discover, observe, decide, write the intent, act, follow, record. Every step may be killed: what is
 * committed is true, and the next cycle goes on from it.
 */
export async function runCycle(deps: EngineDeps, config: FactoryConfig, options: CycleOptions = {}): Promise<CycleReport> {
  const { signal, upTo = 'all', dry = false } = options;
  const records = openRecords({ store: deps.store, dry, ...(options.cacheFor ? { cacheFor: options.cacheFor } : {}) });
  const problems: Problem[] = [];
  await records.load(signal);
  problems.push(...records.problems);
  const enrolled = readable(config.images, records, options.only);
  const { instead } = options;
  const images = instead ? enrolled.map((image) => (image.name === instead.name ? instead : image)) : enrolled;
  const managed = images.filter((image): image is ManagedEnrolment => image.kind === 'managed');

  deps.log.progress(`reading ${managed.length} Dockerfiles`);
  const discoveries = options.offline ? [] : await discover(deps, managed, records.state, signal);
  for (const { found } of discoveries) if (found && !found.ok) problems.push(found.error);

  // New bases are looked at in the cycle that finds them: discovery is entered into a copy first, and written below.
  let local = deps.clock.now();
  const rehearsed = enterEnrolments(records.state, config.images, records, local);
  problems.push(...rehearsed.problems);
  const ahead = enterDiscoveries(rehearsed.state, config.images, discoveries, records, local);
  let around: LookAround | undefined;
  if (upTo !== 'discover' && !options.offline) {
    const { settle } = config.settings.timing;
    around = await lookAround(deps, images, ahead.state, {
      now: local,
      settle,
      force: options.force ?? false,
      ...(signal ? { signal } : {}),
    });
    problems.push(...around.problems);
  }
  const skew = skewOf(deps);
  local = deps.clock.now();
  const now = local + skew;
  const seen = around;
  await records.transact(subjectOf(discoveries, around, config.images, records.state), (before, files) => {
    const surroundings = { files, unreadable: records.unreadable };
    const enrolled = enterEnrolments(before, config.images, surroundings, now);
    const discovered = enterDiscoveries(enrolled.state, config.images, discoveries, surroundings, now);
    const events = [...enrolled.events, ...discovered.events];
    if (!seen) return { state: discovered.state, events };
    const sighted = enterSights(discovered.state, images, seen, config.settings, now);
    const approved = enterApprovals(sighted.state, images, config.settings, now);
    return { state: approved.state, events: [...events, ...sighted.events, ...approved.events] };
  });

  const run = cycleRun({ deps, config, images, managed, records, problems, discoveries, options, skew, now });
  if (upTo === 'all' && deps.prover) await prove(run, deps.prover);
  if (upTo === 'all' && !dry) await act(run, await recover(run));
  const plan = upTo === 'all' && !options.offline && !signal?.aborted ? await planNow(run) : planOf({ ...run.input, state: records.state, now: run.now });
  return { at: run.now, plan, state: records.state, started: run.started, ended: run.ended, problems: distinct(problems) };
}

interface Parts {
  readonly deps: EngineDeps;
  readonly config: FactoryConfig;
  readonly images: readonly Enrolment[];
  readonly managed: readonly ManagedEnrolment[];
  readonly records: Records;
  readonly problems: Problem[];
  readonly discoveries: readonly Discovery[];
  readonly options: CycleOptions;
  readonly skew: number;
  readonly now: Instant;
}

function cycleRun(parts: Parts): CycleRun {
  const { deps, config, records, problems, options, skew } = parts;
  const sources = new Map<string, { revision: string; commit: string | undefined }>();
  for (const { image, source } of parts.discoveries) {
    if (source) sources.set(image, { revision: source.revision, commit: source.commit });
  }
  const gone = new Set<string>();
  const requests = new Map(options.requests);
  const proofs = new Map<string, readonly CveProof[]>();
  const facts: Facts = { sources, gone, proofs, provenance: [], requests };
  const missing = new Set<string>();
  return {
    deps,
    records,
    managed: new Map(parts.managed.map((enrolment) => [enrolment.name, enrolment])),
    input: { settings: config.settings, images: parts.images, facts },
    requests,
    problems,
    started: [],
    ended: [],
    gone,
    unasked: new Set(),
    servedAt: new Set(),
    dry: options.dry ?? false,
    follow: options.follow ?? false,
    startOnly: options.startOnly,
    signal: options.signal,
    now: parts.now,
    plan: undefined,
    time: () => deps.clock.now() + skew,
    missingBuilder({ name, source }) {
      if (missing.has(name)) return;
      missing.add(name);
      problems.push({
        code: 'BUILDER_MISSING',
        message: `nothing here can start builds of provider ${source.provider}`,
        hint: 'Run image-factory doctor; set source.provider of the image, or install buildah or docker buildx.',
        subject: { kind: 'image', name },
      });
    },
  };
}

/** Asks the scanner about images whose base has something newer that would help; facts of the cycle, never state. */
async function prove(run: CycleRun, prover: NonNullable<EngineDeps['prover']>): Promise<void> {
  const proofs = run.input.facts.proofs as Map<string, readonly CveProof[]>;
  for (const record of run.records.state.images.values()) {
    for (const [base, { digest }] of Object.entries(record.builtFrom)) {
      const newest = run.records.state.bases.get(base)?.ledger.findLast(
        (entry) => entry.settledAt !== undefined && entry.withdrawnAt === undefined && entry.refused === undefined,
      );
      if (!newest || newest.digest === digest) continue;
      try {
        const proven = await prover.prove(base, digest, newest.digest, run.signal);
        if (proven.length > 0) proofs.set(base, [...(proofs.get(base) ?? []), ...proven]);
      } catch (thrown) {
        run.problems.push(problemOf(thrown, { kind: 'base', name: base }));
      }
    }
  }
}

/** What cannot be read must not be overwritten, nor built: its history is in the file that nobody can read. */
function readable(images: readonly Enrolment[], records: Records, only: ReadonlySet<string> | undefined): readonly Enrolment[] {
  return images.filter(
    ({ name }) =>
      !records.unreadable.has(imagePath(name)) &&
      !records.unreadable.has(intentPath(name)) &&
      (only === undefined || only.has(name)),
  );
}

/** The median of what the registries say, in milliseconds ahead of the local clock; 0 where none was asked. */
function skewOf(deps: EngineDeps): number {
  const skews = deps.registry
    .takeClockReadings()
    .map(({ remote, local }) => remote - local)
    .toSorted((a, b) => a - b);
  const median = skews[Math.floor(skews.length / 2)];
  if (median === undefined) return 0;
  if (Math.abs(median) > largestSkew) {
    throw new FactoryError({
      code: 'CLOCK_SKEW',
      message: `the local clock is ${formatDuration(Math.abs(median))} ${median > 0 ? 'behind' : 'ahead of'} the registries' clocks; at most ${formatDuration(largestSkew)} is accepted`,
      hint: 'Set the clock of this machine (NTP). Nothing was written.',
      subject: { kind: 'factory' },
    });
  }
  // Dates in headers are whole seconds: below that the local clock is the better one.
  return Math.abs(median) < 2000 ? 0 : median;
}

function subjectOf(
  discoveries: readonly Discovery[],
  around: LookAround | undefined,
  images: readonly Enrolment[],
  state: FactoryState,
): string {
  const parts: string[] = [];
  const fresh = images.filter(({ name }) => !state.images.has(name)).length;
  if (fresh > 0) parts.push(`enrol ${fresh}`);
  const read = discoveries.filter(({ found }) => found).length;
  if (read > 0) parts.push(`discover ${read}`);
  if (around) parts.push('observe');
  const text = parts.join(', ');
  return text ? text[0]?.toUpperCase() + text.slice(1) : 'Update';
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...seen.values()];
}
