import type { Enrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import type { Described, Sighting } from '@image-factory/core/ports/registry.ts';
import type { SeenBases } from '@image-factory/core/notify/alerts.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { problemOf, type Problem, type Subject } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { EngineDeps } from './deps.ts';
import { externalTags } from './external-tags.ts';
import { lookingAgain } from './look-again.ts';
import { lookTargets, type Target } from './look-targets.ts';
import { inParallel } from './pool.ts';

/** Looks in flight at once; the registry adapter keeps its own budget per registry below this. */
const looksAtOnce = 32;

/** What one tag showed; several records may care. */
export interface Sight {
  readonly digest: Digest;
  /** The digest that stood there before, and when it was last seen. */
  readonly previous: Sighting | undefined;
  readonly described: Described | undefined;
  readonly refused: string | undefined;
  /** The registry said so not before this, by the local clock. */
  readonly at: Instant;
  /** False: remembered from an earlier look. */
  readonly asked: boolean;
}

export interface LookAround {
  /** By `registry/repository:tag`. */
  readonly sights: ReadonlyMap<string, Sight>;
  /** External images: the watched tags, highest first. */
  readonly selected: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly Problem[];
  /** Which bases were there, and which were not. */
  readonly bases: SeenBases;
}

/** One HEAD per distinct tag, however many images share it; manifests are read only where there is news. */
export async function lookAround(
  deps: EngineDeps,
  enrolments: readonly Enrolment[],
  state: FactoryState,
  options: {
    readonly now: Instant;
    readonly settings: Settings;
    readonly force: boolean;
    readonly news: ReadonlySet<string>;
    readonly signal?: AbortSignal;
  },
): Promise<LookAround> {
  const problems: Problem[] = [];
  // The Job of a piece of news looks at that alone.
  const isTurn = options.settings.engine === 'kargo' && options.news.size === 0;
  const again = isTurn ? lookingAgain(options.settings, options.now) : () => false;
  const selected = await externalTags(deps, enrolments, state, problems, { ...options, again });
  const targets = lookTargets(enrolments, state, selected, { ...options, again });

  function note(thrown: unknown, subject: Subject): void {
    if (!options.signal?.aborted) problems.push(problemOf(thrown, subject));
  }

  const sights = new Map<string, Sight>();
  const away = new Map<string, string>();
  const present = new Set<string>();
  let done = 0;
  await inParallel([...targets], looksAtOnce, async ([key, target]) => {
    deps.log.progress(`looking at ${++done} of ${targets.size} tags`);
    try {
      const sight = await lookAt(deps, target, note, options.signal);
      if (sight === 'absent') {
        if (target.mayBeAbsent) return;
        const problem = notThere(key, target.subject);
        problems.push(problem);
        for (const base of target.bases) away.set(base, problem.message);
      } else if (sight) {
        sights.set(key, sight);
        if (sight.asked) for (const base of target.bases) present.add(base);
      }
    } catch (thrown) {
      note(thrown, target.subject);
      const { code, message } = problemOf(thrown);
      if (!isAway.has(code) || options.signal?.aborted) return;
      for (const base of target.bases) away.set(base, message);
    }
  });
  return { sights, selected, problems, bases: { away, present } };
}

function notThere(tag: string, subject: Subject): Problem {
  return {
    code: 'REGISTRY_NOT_FOUND',
    message: `${tag} is not in its registry, or not to be seen without credentials; what was known of it is kept`,
    hint: 'Check the name and the tag, and whether the registry needs a login (docker login).',
    subject,
  };
}

type Note = (thrown: unknown, subject: Subject) => void;

async function lookAt(
  deps: EngineDeps,
  target: Target,
  note: Note,
  signal?: AbortSignal,
): Promise<Sight | 'absent' | undefined> {
  const { reference } = target;
  // Before asking: however long the answer takes, what it says is not older than this.
  const askedAt = deps.clock.now();
  const look = await deps.registry.look(reference, { force: target.force, ...(signal ? { signal } : {}) });
  if (look.kind === 'absent') return 'absent';
  const seen = look.kind === 'digest' ? look : look.last;
  if (!seen) return undefined;
  const undescribed =
    target.ledgers.some(
      (ledger) => !ledger.some((entry) => entry.digest === seen.digest && entry.platforms),
    ) ||
    (target.ours && target.known !== seen.digest);
  const described = undescribed ? await describe(deps, target, seen.digest, note, signal) : undefined;
  const asked = look.kind === 'digest';
  const news = target.standing.some((entry) => entry?.digest !== seen.digest);
  // What the last look saw is in every ledger already.
  if (!asked && !undescribed && !news) return undefined;
  const fresh = target.ledgers.some((ledger) => !ledger.some((entry) => entry.digest === seen.digest));
  const refused = fresh ? await refusalOf(deps, target, seen.digest, signal) : undefined;
  const at = 'lastSeenAt' in seen ? seen.lastSeenAt : askedAt;
  return { digest: seen.digest, previous: seen.previous, described, refused, at, asked };
}

/**
 * Where a registry only does not answer now, the content is read in a later cycle: that the digest stands there is worth
 * knowing at once. One that contradicts itself is not believed at all.
 */
async function describe(
  deps: EngineDeps,
  { reference, subject }: Target,
  digest: Digest,
  note: Note,
  signal?: AbortSignal,
): Promise<Described | undefined> {
  try {
    return await deps.registry.describe(reference, digest, signal);
  } catch (thrown) {
    if (!noAnswer.has(problemOf(thrown).code)) throw thrown;
    note(thrown, subject);
    return undefined;
  }
}

/** That a registry wants to be left alone, or that what it said is not believed, says nothing of whether it is there. */
const isAway: ReadonlySet<ProblemCode> = new Set([
  'REGISTRY_UNREACHABLE',
  'REGISTRY_DENIED',
  'REGISTRY_NOT_FOUND',
  'CREDENTIALS',
]);

const noAnswer: ReadonlySet<ProblemCode> = new Set(['REGISTRY_UNREACHABLE', 'REGISTRY_THROTTLED']);

/** A verifier that fails keeps the look from being entered: what nobody has verified must not become a candidate. */
async function refusalOf(
  deps: EngineDeps,
  { verified }: Target,
  digest: Digest,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (const name of deps.verifier ? verified : []) {
    const refusal = await deps.verifier?.refusal(name, digest, signal);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
