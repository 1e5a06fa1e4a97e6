import type { Enrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import type { SourceRange } from '@image-factory/core/dockerfile/source-lines.ts';
import { externalDecision } from '@image-factory/core/plan/external.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { parseNamed } from '@image-factory/core/reference/parse.ts';
import { enrolAll } from '@image-factory/core/state/archive.ts';
import { linkManagedBases } from '@image-factory/core/state/base-lifecycle.ts';
import {
  applyDiscoveries,
  type Discovery as Entered,
  type FoundDependency,
} from '@image-factory/core/state/discovery.ts';
import { stateVersion } from '@image-factory/core/state/intent-codec.ts';
import type { Event, FactoryState } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { Discovery } from './discover.ts';
import type { Changed, Surroundings } from './records.ts';

/** Brings the records in line with the enrolment; all enrolments, because who is missing moves to the archive. */
export function enterEnrolments(
  before: FactoryState,
  enrolments: readonly Enrolment[],
  { files, unreadable }: Surroundings,
  engine: Settings['engine'],
  now: Instant,
): Changed & { readonly problems: readonly Problem[] } {
  const owned: FactoryState = before.engine
    ? before
    : { ...before, engine: { engine, epoch: 1, version: stateVersion } };
  const enrolled = enrolAll(owned, enrolments, now, files, unreadable);
  const state = linkManagedBases(enrolled.state, enrolments);
  const told = (type: string, names: readonly string[], what: string): Event[] =>
    names.map((image) => ({ at: now, type, image, text: `${image} ${what}` }));
  const events = [
    ...told('enrolled', enrolled.added, 'is enrolled'),
    ...told('restored', enrolled.restored, 'is enrolled again, with its history'),
    ...told('archived', enrolled.archived, 'is enrolled no more'),
  ];
  return { state, events, problems: enrolled.problems };
}

/**
 * Enters what was found in Dockerfiles, and the bases that come and go with it. Where another process entered something
 * since we read, nobody knows which commit is the newer one: the next cycle reads again.
 */
export function enterDiscoveries(
  before: FactoryState,
  enrolments: readonly Enrolment[],
  discoveries: readonly Discovery[],
  surroundings: Surroundings,
  now: Instant,
): Changed {
  const entered = new Map<string, Entered>();
  for (const { image, found, knew } of discoveries) {
    if (!found || before.images.get(image)?.dockerfile !== knew) continue;
    if (!found.ok) {
      const place = found.error.place?.line === undefined ? '' : `line ${found.error.place.line}: `;
      entered.set(image, { ok: false, error: place + found.error.message });
      continue;
    }
    entered.set(image, {
      ok: true,
      dockerfile: found.value.identity,
      dependencies: dependenciesFound(found.value.analysis),
    });
  }
  // Without any discovery too: images that were removed or are external now leave bases that nobody uses.
  const discovered = applyDiscoveries(before, entered, { now, ...surroundings });
  const state = linkManagedBases(discovered, enrolments);
  const events: Event[] = [];
  for (const [name, base] of state.bases) {
    if (before.bases.has(name)) continue;
    events.push({ at: now, type: 'base-discovered', base: name, text: `${base.fullImage} is a base now` });
  }
  for (const name of entered.keys()) {
    const was = before.images.get(name);
    const is = state.images.get(name);
    if (!is || is === was) continue;
    const text =
      is.discoveryStatus === 'failed'
        ? (is.discoveryError ?? '')
        : is.baseImages.join(', ') || 'no base images';
    events.push({ at: now, type: `discovery-${is.discoveryStatus}`, image: name, text: `${name}: ${text}` });
  }
  return { state, events };
}

function dependenciesFound(
  analysis: Extract<NonNullable<Discovery['found']>, { ok: true }>['value']['analysis'],
): FoundDependency[] {
  return analysis.bases.flatMap((base): FoundDependency[] => {
    if (base.normalized === null) return [];
    const named = parseNamed(base.ref);
    return [
      {
        reference: base.normalized,
        kind: base.kind,
        stage: base.stage,
        platform: base.platform,
        final: base.final,
        written: base.written,
        // A trigger of a base image stands in no line of this file.
        range: base.range ? rangeText(base.range) : '',
        tagWritten: !named.ok || named.value.tag !== undefined,
      },
    ];
  });
}

function rangeText({ startLine, startColumn, endLine, endColumn }: SourceRange): string {
  return `${startLine}:${startColumn}-${endLine}:${endColumn}`;
}

/** What is approved of the external images now; the older format's fields follow it. */
export function enterApprovals(
  before: FactoryState,
  enrolments: readonly Enrolment[],
  settings: Settings,
  now: Instant,
): Changed {
  const images = new Map(before.images);
  const events: Event[] = [];
  const facts = {
    sources: new Map(),
    gone: new Set<string>(),
    proofs: new Map(),
    provenance: [],
    requests: new Map(),
  };
  for (const enrolment of enrolments) {
    const record = before.images.get(enrolment.name);
    if (enrolment.kind !== 'external' || !record) continue;
    const { approved } = externalDecision(enrolment, {
      settings,
      images: enrolments,
      state: before,
      facts,
      now,
    });
    if (!approved || (approved.tag === record.approved?.tag && approved.digest === record.approved.digest))
      continue;
    images.set(record.name, {
      ...record,
      approved,
      currentVersion: approved.tag,
      currentDigest: approved.digest,
    });
    const text = `${record.name}: ${approved.tag} (${approved.digest}) is approved`;
    events.push({ at: now, type: 'approved', image: record.name, text });
  }
  return events.length === 0 ? { state: before, events } : { state: { ...before, images }, events };
}
