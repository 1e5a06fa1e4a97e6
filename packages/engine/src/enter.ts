import type {
  Enrolment,
  ExternalEnrolment,
  ManagedEnrolment,
  Settings,
} from '@image-factory/core/enrolment/types.ts';
import {
  annotate,
  describeEntry,
  observe,
  standing,
  type ObservationNews,
} from '@image-factory/core/ledger/observe.ts';
import { moved } from '@image-factory/core/ledger/moved.ts';
import { builtFromOf, recordWithContent } from '@image-factory/core/rebuild/content.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { dataEqual } from '@image-factory/core/state/data-equal.ts';
import type {
  BaseRecord,
  Event,
  FactoryState,
  ImageContent,
  ImageRecord,
  LedgerEntry,
} from '@image-factory/core/state/types.ts';
import type { Duration, Instant } from '@image-factory/core/time.ts';
import { tagKey } from './look-targets.ts';
import type { LookAround, Sight } from './look.ts';
import type { Changed } from './records.ts';

export type { Changed } from './records.ts';

/** What was seen, and when that is to be entered. */
export interface Seen {
  readonly around: LookAround;
  readonly settings: Settings;
  readonly now: Instant;
  /** From the local clock to that of the registries. */
  readonly skew: Duration;
}

/**
 * Enters what was seen into the newest state: ledgers, and what our images contain. Nothing seen, nothing changed. What
 * another process entered since our look is newer than it and stays.
 */
export function enterSights(before: FactoryState, enrolments: readonly Enrolment[], seen: Seen): Changed {
  const events: Event[] = [];
  const movedBases = new Map<string, BaseRecord>();
  for (const base of before.bases.values()) {
    const next = withBaseSight(base, seen, events);
    if (next !== base) movedBases.set(base.name, next);
  }
  const bases = movedBases.size === 0 ? before.bases : new Map([...before.bases, ...movedBases]);
  const images = new Map<string, ImageRecord>();
  for (const enrolment of enrolments) {
    const record = before.images.get(enrolment.name);
    if (!record) continue;
    const next =
      enrolment.kind === 'external'
        ? withTagSights(record, enrolment, seen, events)
        : withContentSight(record, enrolment, { ...before, bases }, movedBases, seen, events);
    if (next !== record) images.set(record.name, next);
  }
  if (movedBases.size === 0 && images.size === 0) return { state: before, events };
  return {
    state: {
      ...before,
      bases,
      images: images.size === 0 ? before.images : new Map([...before.images, ...images]),
    },
    events,
  };
}

function withBaseSight(base: BaseRecord, seen: Seen, events: Event[]): BaseRecord {
  const sight = seen.around.sights.get(
    tagKey({ domain: base.registry, path: base.repository, tag: base.tag ?? 'latest' }),
  );
  if (!sight) return base;
  const { ledger, news } = enter(base.ledger, sight, seen);
  if (ledger === base.ledger) return base;
  const told = tell(news, sight.digest, standing(base.ledger)?.digest);
  if (told) {
    events.push({
      at: seen.now,
      type: `base-${news}`,
      base: base.name,
      text: `${base.name} ${told}`,
      data: { digest: sight.digest },
    });
  }
  return moved(base, ledger, sight.digest, seen.now);
}

function withTagSights(
  record: ImageRecord,
  enrolment: ExternalEnrolment,
  seen: Seen,
  events: Event[],
): ImageRecord {
  let { ledger } = record;
  for (const tag of seen.around.selected.get(enrolment.name) ?? []) {
    const sight = seen.around.sights.get(
      tagKey({ domain: enrolment.registry, path: enrolment.repository, tag }),
    );
    if (!sight) continue;
    const previous = standing(ledger, tag)?.digest;
    const entered = enter(ledger, sight, seen, tag);
    ledger = entered.ledger;
    const told = tell(entered.news, sight.digest, previous);
    if (told)
      events.push({
        at: seen.now,
        type: `tag-${entered.news}`,
        image: record.name,
        text: `${record.name}:${tag} ${told}`,
      });
  }
  return ledger === record.ledger ? record : { ...record, ledger };
}

function withContentSight(
  record: ImageRecord,
  enrolment: ManagedEnrolment,
  state: FactoryState,
  movedBases: ReadonlyMap<string, BaseRecord>,
  seen: Seen,
  events: Event[],
): ImageRecord {
  const tag = enrolment.tags[0] ?? 'latest';
  const sight = seen.around.sights.get(
    tagKey({ domain: enrolment.registry, path: enrolment.repository, tag }),
  );
  const content = sight ? contentOf(sight, seen.now) : undefined;
  const known = record.content;
  const overtaken = sight && known && known.firstSeen >= sight.at + seen.skew;
  // While a run is open its end says what is there.
  if (content && known?.digest !== content.digest && !overtaken && !state.intents.has(record.name)) {
    const text = `${record.name} is at ${content.digest}, which was not built by us`;
    if (known) events.push({ at: seen.now, type: 'image-moved', image: record.name, text });
    return recordWithContent(record, state.bases, content, []);
  }
  // New digests in a ledger can prove what an image was built from long ago.
  if (!record.baseImages.some((base) => movedBases.has(base))) return record;
  const builtFrom = builtFromOf(record, state.bases, []);
  return dataEqual(builtFrom, record.builtFrom) ? record : { ...record, builtFrom };
}

export function contentOf(
  sight: Pick<Sight, 'digest' | 'described'>,
  now: Instant,
): ImageContent | undefined {
  if (!sight.described) return undefined;
  const { annotations, platforms } = sight.described;
  const baseDigest = annotations['org.opencontainers.image.base.digest'];
  const baseName = annotations['org.opencontainers.image.base.name'];
  const key = annotations['io.image-factory.build-key'];
  return {
    digest: sight.digest,
    firstSeen: now,
    platforms,
    ...(baseDigest && /^sha256:[0-9a-f]{64}$/.test(baseDigest)
      ? { annotatedBase: { digest: baseDigest as Digest, ...(baseName ? { name: baseName } : {}) } }
      : {}),
    ...(key ? { buildKey: key } : {}),
  };
}

interface Entered {
  readonly ledger: readonly LedgerEntry[];
  readonly news: ObservationNews;
}

function enter(
  before: readonly LedgerEntry[],
  sight: Sight,
  { settings, now, skew }: Seen,
  tag?: string,
): Entered {
  const current = standing(before, tag);
  const same = current?.digest === sight.digest;
  const seenAt = sight.at + skew;
  if (current && !same && current.appeared >= seenAt) return { ledger: before, news: 'none' };
  const lastLook =
    current && sight.previous?.digest === current.digest ? sight.previous.lastSeenAt + skew : undefined;
  const look = {
    digest: sight.digest,
    // One time for all that was found together; a second look counts from when it was made.
    at: same ? seenAt : now,
    ...(tag === undefined ? {} : { tag }),
    ...(lastLook === undefined ? {} : { lastLook }),
    ...(settings.engine === 'kargo' ? { noteStanding: settings.timing.minStanding } : {}),
  };
  const observed = observe(before, look, settings.timing.settle);
  let { ledger } = observed;
  if (sight.described && ledger.some((entry) => entry.digest === sight.digest && !entry.platforms)) {
    ledger = describeEntry(ledger, sight.digest, sight.described.platforms, sight.described.publishedAt);
  }
  if (sight.refused !== undefined) ledger = annotate(ledger, sight.digest, { refused: sight.refused });
  return { ledger, news: observed.news };
}

function tell(news: ObservationNews, digest: string, previous: string | undefined): string | undefined {
  if (news === 'none' || news === 'settled' || news === 'stood') return undefined;
  if (news === 'baseline') return `starts at ${digest}`;
  if (news === 'went-back') return `went back to ${digest}; ${previous ?? 'the digest before'} is withdrawn`;
  if (news === 'returned') return `returned to the withdrawn ${digest}; its time starts again`;
  return `moved to ${digest}`;
}
