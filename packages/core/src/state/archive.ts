import type { Enrolment } from '../enrolment/types.ts';
import type { Problem } from '../problem.ts';
import { err, ok, type Result } from '../result.ts';
import type { Instant } from '../time.ts';
import { baseKey } from './base-reference.ts';
import { decodeBase, decodeImage } from './decode.ts';
import { enrol, sameRepository } from './enrol.ts';
import type { StateFiles } from './files.ts';
import { archivePath, basePath, imagePath } from './state-paths.ts';
import type { BaseRecord, FactoryState, ImageRecord } from './types.ts';

/** Takes an image out of the state; `stateChanges` then moves its file to the archive, with all that is in it. */
export function archiveImage(state: FactoryState, name: string): FactoryState {
  return { ...state, images: without(state.images, name) };
}

/** As {@link archiveImage}, for a base that no image uses. */
export function archiveBase(state: FactoryState, name: string): FactoryState {
  return { ...state, bases: without(state.bases, name) };
}

function without<T>(map: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> {
  const rest = new Map(map);
  rest.delete(name);
  return rest;
}

/**
 * The archived record of an image that is enrolled again; undefined if there is none. STATE_CORRUPT where the file
 * cannot be read or speaks of another repository: the image then starts afresh and the file stays where it is.
 */
export function restoreImage(
  files: StateFiles,
  enrolment: Enrolment,
): Result<ImageRecord | undefined, Problem> {
  const path = archivePath(imagePath(enrolment.name));
  const text = files.get(path);
  if (text === undefined) return ok(undefined);
  const decoded = decodeImage(path, text);
  if (!decoded.ok || sameRepository(decoded.value, enrolment)) return decoded;
  const { registry, repository } = decoded.value.enrollment;
  const got = [registry, repository].filter((part) => typeof part === 'string').join('/');
  return err({
    code: 'STATE_CORRUPT',
    message: `the archived record is of another image: expected ${enrolment.registry}/${enrolment.repository}, got ${got}`,
    hint: 'Nothing needs to be done: the image starts with a new record and the archived one is kept.',
    subject: { kind: 'image', name: enrolment.name },
    place: { file: path },
  });
}

/** Archived bases by normalised reference. Files that cannot be read are passed over: they stay where they are. */
export function archivedBases(files: StateFiles): ReadonlyMap<string, BaseRecord> {
  const prefix = archivePath(basePath('')).replace(/\.yaml$/, '');
  const found = new Map<string, BaseRecord>();
  for (const [path, text] of files) {
    if (!path.startsWith(prefix)) continue;
    const decoded = decodeBase(path, text);
    if (decoded.ok) found.set(baseKey(decoded.value), decoded.value);
  }
  return found;
}

function hasOpenRequest(record: ImageRecord | undefined): boolean {
  const requests = [record?.pullRequest, record?.versionRequest];
  return requests.some((request) => request !== undefined && request.ended === undefined);
}

/** Somebody was told of a condition, and is to be told that it is over. */
function isSpokenOf(record: ImageRecord | undefined): boolean {
  return record?.alerts !== undefined;
}

export interface Enrolled {
  readonly state: FactoryState;
  /** Archived records that could not be taken back. */
  readonly problems: readonly Problem[];
  readonly added: readonly string[];
  readonly restored: readonly string[];
  readonly archived: readonly string[];
}

/**
 * Brings the image records in line with all enrolments. Images that are enrolled no more leave the state, except while
 * an intent or a request of theirs is open: it is still to be followed, or closed. An image whose file cannot be read is left out.
 */
export function enrolAll(
  state: FactoryState,
  enrolments: readonly Enrolment[],
  now: Instant,
  files: StateFiles,
  unreadable: ReadonlySet<string>,
): Enrolled {
  const images = new Map(state.images);
  const problems: Problem[] = [];
  const added: string[] = [];
  const restored: string[] = [];
  const archived: string[] = [];
  let changed = false;
  for (const enrolment of enrolments) {
    const { name } = enrolment;
    const existing = state.images.get(name);
    if (!existing && unreadable.has(imagePath(name))) continue;
    const waiting = existing ? ok(undefined) : restoreImage(files, enrolment);
    if (!waiting.ok) problems.push(waiting.error);
    const record = enrol(existing, enrolment, now, waiting.ok ? waiting.value : undefined);
    if (!existing) (waiting.ok && waiting.value ? restored : added).push(name);
    if (record === existing) continue;
    images.set(name, record);
    changed = true;
  }
  const enrolled = new Set(enrolments.map(({ name }) => name));
  for (const name of state.images.keys()) {
    const record = state.images.get(name);
    if (enrolled.has(name) || state.intents.has(name) || hasOpenRequest(record) || isSpokenOf(record))
      continue;
    images.delete(name);
    archived.push(name);
  }
  const same = !changed && archived.length === 0;
  return { state: same ? state : { ...state, images }, problems, added, restored, archived };
}
