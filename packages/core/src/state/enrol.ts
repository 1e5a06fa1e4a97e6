import type { Enrolment } from '../enrolment/types.ts';
import { parseNamed, repositoryOf } from '../reference/parse.ts';
import type { Instant } from '../time.ts';
import { dataEqual } from './data-equal.ts';
import type { ImageRecord } from './types.ts';

type Copy = Readonly<Record<string, unknown>>;

/** What the older tool added to its copy of an entry that did not say it. */
const olderDefaults = Object.entries({ registry: 'docker.io', rebuildDelay: '7d', autoRebuild: true });

/**
 * The record of an enrolled image: a new one, the existing one, or one that comes back from the archive, brought in
 * line with the enrolment. The very same record comes back where nothing changed.
 *
 * An external image that becomes managed loses the fields of an upstream warehouse; a managed one that becomes
 * external gets them and is built from nothing any more. History stays in both directions. A record whose repository
 * changed forgets what it knew of the image's content: that was another image.
 */
export function enrol(
  existing: ImageRecord | undefined,
  enrolment: Enrolment,
  now: Instant,
  archived?: ImageRecord,
): ImageRecord {
  const previous = existing ?? (archived && readAgain(archived));
  if (!previous) return withKind(freshRecord(enrolment, now), enrolment);
  const moved = !sameRepository(previous, enrolment);
  const kept = moved ? withoutContent(previous) : previous;
  const enrollment = copyOf(enrolment, previous.enrollment);
  const updated = withKind(enrollment === kept.enrollment ? kept : { ...kept, enrollment }, enrolment);
  return existing && dataEqual(existing, updated) ? existing : updated;
}

function freshRecord(enrolment: Enrolment, now: Instant): ImageRecord {
  return {
    name: enrolment.name,
    enrolledAt: now,
    discoveryStatus: 'pending',
    enrollment: copyOf(enrolment, {}),
    baseImages: [],
    dependencies: [],
    builtFrom: {},
    rebuilds: [],
    ledger: [],
  };
}

/** The copy of the entry that the record keeps; the previous copy where it says the same. */
function copyOf(enrolment: Enrolment, previous: Copy): Copy {
  // Fields of an entry that the record has itself are left out.
  const { name: _, allowTags: _tags, imageSelectionStrategy: _strategy, ...said } = enrolment.raw;
  const silent = olderDefaults.filter(
    ([field, value]) => !Object.hasOwn(said, field) && previous[field] === value,
  );
  const copy = silent.length === 0 ? said : { ...said, ...Object.fromEntries(silent) };
  return dataEqual(copy, previous) ? previous : copy;
}

function withKind(record: ImageRecord, enrolment: Enrolment): ImageRecord {
  if (enrolment.kind === 'managed')
    return record.discoveryStatus === 'external' ? asManaged(record) : withoutUpstream(record);
  const { dockerfile: _, discoveryError: _error, ...rest } = record;
  return {
    ...rest,
    discoveryStatus: 'external',
    baseImages: [],
    dependencies: [],
    allowTags: enrolment.allowTags,
    imageSelectionStrategy: enrolment.imageSelectionStrategy,
    repoURL: `${enrolment.registry}/${enrolment.repository}`,
  };
}

function asManaged(record: ImageRecord): ImageRecord {
  return { ...withoutUpstream(record), discoveryStatus: 'pending' };
}

function withoutUpstream(record: ImageRecord): ImageRecord {
  if (
    record.allowTags === undefined &&
    record.imageSelectionStrategy === undefined &&
    record.repoURL === undefined
  )
    return record;
  const { allowTags: _tags, imageSelectionStrategy: _strategy, repoURL: _url, ...rest } = record;
  return rest;
}

/** A record that waited in the archive: its Dockerfile may have changed meanwhile. */
function readAgain(record: ImageRecord): ImageRecord {
  const { dockerfile: _, discoveryError: _error, ...rest } = record;
  return { ...rest, discoveryStatus: record.discoveryStatus === 'external' ? 'external' : 'pending' };
}

function withoutContent(record: ImageRecord): ImageRecord {
  const {
    content: _content,
    currentDigest: _digest,
    currentVersion: _version,
    approved: _approved,
    ...rest
  } = record;
  return { ...rest, builtFrom: {}, ledger: [] };
}

/** Does the record speak of the repository that the enrolment names? A record that does not say counts as yes. */
export function sameRepository(record: ImageRecord, enrolment: Enrolment): boolean {
  const { registry, repository } = record.enrollment;
  if (typeof repository !== 'string' || repository === '') return true;
  if (registry === enrolment.registry && repository === enrolment.repository) return true;
  // An entry may write the registry by itself or in front of the repository; without either it is docker.io.
  const parsed = parseNamed(
    typeof registry === 'string' && registry !== '' ? `${registry}/${repository}` : repository,
  );
  return parsed.ok && repositoryOf(parsed.value) === `${enrolment.registry}/${enrolment.repository}`;
}
