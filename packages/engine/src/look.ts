import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import type { Enrolment, ExternalEnrolment } from '@image-factory/core/enrolment/types.ts';
import { followUpAt, standing } from '@image-factory/core/ledger/observe.ts';
import { rankingOf, selectTags, watchedTags } from '@image-factory/core/ledger/selection.ts';
import type { Described, Sighting } from '@image-factory/core/ports/registry.ts';
import { problemOf, type Problem, type Subject } from '@image-factory/core/problem.ts';
import type { Digest, Reference } from '@image-factory/core/reference/types.ts';
import type { FactoryState, LedgerEntry } from '@image-factory/core/state/types.ts';
import type { Duration, Instant } from '@image-factory/core/time.ts';
import type { EngineDeps } from './deps.ts';
import { inParallel } from './pool.ts';

/** Looks in flight at once; the registry adapter keeps its own budget per registry below this. */
const looksAtOnce = 32;

/** What one tag showed; several records may care. */
export interface Sight {
  readonly reference: Reference;
  readonly digest: Digest;
  /** The digest that stood there before, and when it was last seen. */
  readonly previous: Sighting | undefined;
  readonly described: Described | undefined;
  readonly refused: string | undefined;
  /** The registry said so not before this, by the local clock. */
  readonly at: Instant;
}

export interface LookAround {
  /** By `registry/repository:tag`. */
  readonly sights: ReadonlyMap<string, Sight>;
  /** External images: the watched tags, highest first. */
  readonly selected: ReadonlyMap<string, readonly string[]>;
  readonly absent: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

interface Target {
  readonly reference: Reference;
  /** Whose problem it is when the look fails. */
  readonly subject: Subject;
  /** Bases, and external images, that verification may refuse its digests for. */
  readonly verified: string[];
  readonly ledgers: (readonly LedgerEntry[])[];
  /** What stands under the tag in each of them. */
  readonly standing: (LedgerEntry | undefined)[];
  /** Digest whose content is known already, for an image of ours. */
  known: Digest | undefined;
  /** A managed image's own tag: its content has to be known besides the ledgers. */
  ours: boolean;
  /** A tag that builds of ours move: before the first of them it is not there. */
  mayBeAbsent: boolean;
  force: boolean;
}

/** One HEAD per distinct tag, however many images share it; manifests are read only where there is news. */
export async function lookAround(
  deps: EngineDeps,
  enrolments: readonly Enrolment[],
  state: FactoryState,
  options: {
    readonly now: Instant;
    readonly settle: Duration;
    readonly force: boolean;
    readonly signal?: AbortSignal;
  },
): Promise<LookAround> {
  const problems: Problem[] = [];
  const targets = new Map<string, Target>();
  const selected = await externalTags(deps, enrolments, state, problems, options.signal);
  collect(enrolments, state, selected, targets, options);

  function note(thrown: unknown, subject: Subject): void {
    if (!options.signal?.aborted) problems.push(problemOf(thrown, subject));
  }

  const sights = new Map<string, Sight>();
  const absent = new Set<string>();
  let done = 0;
  await inParallel([...targets], looksAtOnce, async ([key, target]) => {
    deps.log.progress(`looking at ${++done} of ${targets.size} tags`);
    try {
      const sight = await lookAt(deps, target, note, options.signal);
      if (sight === 'absent') {
        absent.add(key);
        if (!target.mayBeAbsent) problems.push(notThere(key, target.subject));
      }
      if (sight && sight !== 'absent') sights.set(key, sight);
    } catch (thrown) {
      note(thrown, target.subject);
    }
  });
  return { sights, selected, absent, problems };
}

function notThere(tag: string, subject: Subject): Problem {
  return {
    code: 'REGISTRY_NOT_FOUND',
    message: `${tag} is not in its registry, or not to be seen without credentials; what was known of it is kept`,
    hint: 'Check the name and the tag, and whether the registry needs a login (docker login).',
    subject,
  };
}

export function tagKey(reference: {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
}): string {
  return `${reference.domain}/${reference.path}:${reference.tag ?? 'latest'}`;
}

type Note = (thrown: unknown, subject: Subject) => void;

async function lookAt(
  deps: EngineDeps,
  target: Target,
  note: Note,
  signal?: AbortSignal,
): Promise<Sight | 'absent' | undefined> {
  const { reference, subject } = target;
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
  // What could not be read of it is read in a later cycle; that it stands there now is worth knowing at once.
  const describing = undescribed ? deps.registry.describe(reference, seen.digest, signal) : undefined;
  const described = await describing?.catch((thrown: unknown) => {
    note(thrown, subject);
    return undefined;
  });
  const asked = look.kind === 'digest';
  const news = target.standing.some((entry) => entry?.digest !== seen.digest);
  // What the last look saw is in every ledger already.
  if (!asked && !undescribed && !news) return undefined;
  const fresh = target.ledgers.some((ledger) => !ledger.some((entry) => entry.digest === seen.digest));
  const refused = fresh ? await refusalOf(deps, target, seen.digest, signal) : undefined;
  const at = 'lastSeenAt' in seen ? seen.lastSeenAt : askedAt;
  return { reference, digest: seen.digest, previous: seen.previous, described, refused, at };
}

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

async function externalTags(
  deps: EngineDeps,
  enrolments: readonly Enrolment[],
  state: FactoryState,
  problems: Problem[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const externals = enrolments.filter(
    (enrolment): enrolment is ExternalEnrolment => enrolment.kind === 'external',
  );
  const selected = new Map<string, readonly string[]>();
  await inParallel(externals, 8, async (enrolment) => {
    const subject = { kind: 'image' as const, name: enrolment.name };
    const fixed = exactTag(enrolment.allowTags);
    if (fixed !== undefined) {
      selected.set(enrolment.name, [fixed]);
      return;
    }
    try {
      const reference = { domain: enrolment.registry, path: enrolment.repository };
      const tags = await deps.registry.listTags(reference, signal);
      const ranking = rankingOf(enrolment.imageSelectionStrategy, enrolment.allowTags);
      const highest = selectTags(tags, enrolment.allowTags, ranking).slice(0, watchedTags);
      const approved = state.images.get(enrolment.name)?.approved?.tag;
      const watched = approved !== undefined && !highest.includes(approved) && tags.includes(approved);
      selected.set(enrolment.name, watched ? [...highest, approved] : highest);
      if (highest.length === 0) {
        problems.push({
          code: 'REGISTRY_NOT_FOUND',
          message: `none of the ${tags.length} tags of ${enrolment.registry}/${enrolment.repository} matches ${enrolment.allowTags}`,
          hint: 'Mend allowTags in images.yaml.',
          subject,
        });
      }
    } catch (thrown) {
      if (!signal?.aborted) problems.push(problemOf(thrown, subject));
    }
  });
  return selected;
}

/** `^16\.4-alpine$` means one tag: no list is needed to find it. */
function exactTag(allowTags: string): string | undefined {
  const pattern = compileTagPattern(allowTags);
  return pattern.ok ? pattern.value.literal : undefined;
}

function collect(
  enrolments: readonly Enrolment[],
  state: FactoryState,
  selected: ReadonlyMap<string, readonly string[]>,
  targets: Map<string, Target>,
  { now, settle, force }: { readonly now: Instant; readonly settle: Duration; readonly force: boolean },
): void {
  function target(reference: Reference, subject: Subject): Target {
    const key = tagKey(reference);
    const known = targets.get(key);
    if (known) return known;
    const fresh: Target = {
      reference,
      subject,
      verified: [],
      ledgers: [],
      standing: [],
      known: undefined,
      ours: false,
      mayBeAbsent: false,
      force,
    };
    targets.set(key, fresh);
    return fresh;
  }
  function follow(into: Target, ledger: readonly LedgerEntry[], tag?: string): void {
    into.ledgers.push(tag === undefined ? ledger : ledger.filter((entry) => entry.tag === tag));
    into.standing.push(standing(ledger, tag));
    const at = followUpAt(ledger, settle, tag);
    if (at !== undefined && at <= now && !standing(ledger, tag)?.baseline) into.force = true;
  }

  const used = new Set<string>();
  for (const enrolment of enrolments) {
    const record = state.images.get(enrolment.name);
    for (const base of record?.baseImages ?? []) used.add(base);
    if (enrolment.kind === 'managed') {
      const reference = {
        domain: enrolment.registry,
        path: enrolment.repository,
        tag: enrolment.tags[0] ?? 'latest',
      };
      const own = target(reference, { kind: 'image', name: enrolment.name });
      own.ours = true;
      own.mayBeAbsent = true;
      own.known = record?.content?.digest;
      continue;
    }
    for (const tag of selected.get(enrolment.name) ?? []) {
      const reference = { domain: enrolment.registry, path: enrolment.repository, tag };
      const own = target(reference, { kind: 'image', name: enrolment.name });
      own.verified.push(enrolment.name);
      follow(own, record?.ledger ?? [], tag);
    }
  }
  for (const name of used) {
    const base = state.bases.get(name);
    if (!base) continue;
    const reference = { domain: base.registry, path: base.repository, tag: base.tag ?? 'latest' };
    const tag = target(reference, { kind: 'base', name });
    tag.mayBeAbsent ||= base.managedBy !== undefined;
    if (base.managedBy === undefined) tag.verified.push(name);
    follow(tag, base.ledger);
  }
}
