import type { Enrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import { annotate, describeEntry, observe, standing, type ObservationNews } from '@image-factory/core/ledger/observe.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { builtFromOf, moved, withContent } from '@image-factory/core/rebuild/transitions.ts';
import type { BaseRecord, Event, FactoryState, ImageContent, LedgerEntry } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { tagKey, type LookAround, type Sight } from './look.ts';

/** A state and what happened on the way to it. */
export interface Changed {
  readonly state: FactoryState;
  readonly events: readonly Event[];
}

/** Enters what was seen into the newest state: ledgers, contents, approvals. Nothing seen, nothing changed. */
export function enterSights(
  before: FactoryState,
  enrolments: readonly Enrolment[],
  around: LookAround,
  settings: Settings,
  now: Instant,
): Changed {
  const events: Event[] = [];
  const bases = new Map<string, BaseRecord>();
  for (const base of before.bases.values()) {
    const key = tagKey({ domain: base.registry, path: base.repository, tag: base.tag ?? 'latest' });
    const sight = around.sights.get(key);
    if (!sight) continue;
    const { ledger, news } = enter(base.ledger, sight, settings, now);
    if (ledger === base.ledger) continue;
    bases.set(base.name, moved(base, ledger, sight.digest, now));
    const told = tell(news, sight.digest, standing(base.ledger)?.digest);
    if (told) events.push({ at: now, type: `base-${news}`, base: base.name, text: `${base.name} ${told}`, data: { digest: sight.digest } });
  }
  let state: FactoryState = bases.size === 0 ? before : { ...before, bases: new Map([...before.bases, ...bases]) };

  const evidenceChanged = new Set(bases.keys());
  for (const enrolment of enrolments) {
    const record = state.images.get(enrolment.name);
    if (!record) continue;
    if (enrolment.kind === 'external') {
      let ledger = record.ledger;
      for (const tag of around.selected.get(enrolment.name) ?? []) {
        const sight = around.sights.get(tagKey({ domain: enrolment.registry, path: enrolment.repository, tag }));
        if (!sight) continue;
        const previous = standing(ledger, tag)?.digest;
        const entered = enter(ledger, sight, settings, now, tag);
        ledger = entered.ledger;
        const told = tell(entered.news, sight.digest, previous);
        if (told) events.push({ at: now, type: `tag-${entered.news}`, image: record.name, text: `${record.name}:${tag} ${told}` });
      }
      if (ledger !== record.ledger) state = withImage(state, { ...record, ledger });
      continue;
    }
    const sight = around.sights.get(
      tagKey({ domain: enrolment.registry, path: enrolment.repository, tag: enrolment.tags[0] ?? 'latest' }),
    );
    const content = sight ? contentOf(sight, now) : undefined;
    if (content && record.content?.digest !== content.digest && !state.intents.has(record.name)) {
      state = withContent(state, record.name, content, []);
      const text = `${record.name} is at ${content.digest}, which was not built by us`;
      if (record.content) events.push({ at: now, type: 'image-moved', image: record.name, text });
      continue;
    }
    // New digests in a ledger can prove what an image was built from long ago.
    if (record.baseImages.some((base) => evidenceChanged.has(base))) {
      const builtFrom = builtFromOf(record, state.bases, []);
      if (JSON.stringify(builtFrom) !== JSON.stringify(record.builtFrom)) state = withImage(state, { ...record, builtFrom });
    }
  }
  return { state, events };
}

/** Enters that a registry no longer serves a digest. */
export function enterGone(before: FactoryState, gone: ReadonlySet<string>, now: Instant): Changed {
  const bases = new Map(before.bases);
  const events: Event[] = [];
  for (const base of before.bases.values()) {
    for (const { digest, goneAt } of base.ledger) {
      if (goneAt !== undefined || !gone.has(`${base.name}@${digest}`)) continue;
      const ledger = annotate(bases.get(base.name)?.ledger ?? base.ledger, digest, { goneAt: now });
      bases.set(base.name, { ...base, ledger });
      events.push({ at: now, type: 'base-gone', base: base.name, text: `${base.name}: ${digest} is no longer served` });
    }
  }
  return events.length === 0 ? { state: before, events } : { state: { ...before, bases }, events };
}

export function contentOf(sight: Pick<Sight, 'digest' | 'described'>, now: Instant): ImageContent | undefined {
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

export function withImage(state: FactoryState, record: NonNullable<ReturnType<FactoryState['images']['get']>>): FactoryState {
  return { ...state, images: new Map(state.images).set(record.name, record) };
}

function enter(
  before: readonly LedgerEntry[],
  sight: Sight,
  settings: Settings,
  now: Instant,
  tag?: string,
): { ledger: readonly LedgerEntry[]; news: ObservationNews } {
  const current = standing(before, tag);
  const lastLook = current && sight.previous?.digest === current.digest ? sight.previous.lastSeenAt : undefined;
  const observed = observe(
    before,
    { digest: sight.digest, at: now, ...(tag === undefined ? {} : { tag }), ...(lastLook === undefined ? {} : { lastLook }) },
    settings.timing.settle,
  );
  let ledger = observed.ledger;
  const undescribed = ledger.some((entry) => entry.digest === sight.digest && !entry.platforms);
  if (sight.described && undescribed) {
    ledger = describeEntry(ledger, sight.digest, sight.described.platforms, sight.described.publishedAt);
  }
  if (sight.refused !== undefined) ledger = annotate(ledger, sight.digest, { refused: sight.refused });
  return { ledger, news: observed.news };
}

function tell(news: ObservationNews, digest: string, previous: string | undefined): string | undefined {
  if (news === 'none' || news === 'settled') return undefined;
  if (news === 'baseline') return `starts at ${digest}`;
  if (news === 'went-back') return `went back to ${digest}; ${previous ?? 'the digest before'} is withdrawn`;
  if (news === 'returned') return `returned to the withdrawn ${digest}; its time starts again`;
  return `moved to ${digest}`;
}
