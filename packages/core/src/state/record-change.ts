import { decodeText } from './decode.ts';
import { textHash } from './decode-cache.ts';
import { encodeNew, encodeOver, type Encoder } from './encode.ts';
import type { StateFiles } from './files.ts';
import { archivePath } from './state-paths.ts';

/** A transaction's answer while it is made. */
export interface Writing {
  readonly files: StateFiles;
  readonly changes: Map<string, string | null>;
}

/** A kind of record whose files move to the archive, and how to tell that an archived record is the same one. */
export interface Archived<T> {
  readonly sameLife: (archived: T, record: T) => boolean;
}

/** Writes a record that differs from what the files hold of it; a file that cannot be read stays as it is. */
export function changeRecord<T>(writing: Writing, encoder: Encoder<T>, known: T, record: T): void {
  const path = encoder.path(record);
  const previous = writing.files.get(path);
  const text =
    previous === undefined ? encodeNew(encoder, record) : encodeOver(encoder, previous, known, record);
  if (text !== undefined && text !== previous) writing.changes.set(path, text);
}

/** Writes a record that the state did not have: anew, or on top of its archived file. */
export function addRecord<T>(writing: Writing, encoder: Encoder<T>, record: T, archived?: Archived<T>): void {
  const path = encoder.path(record);
  const present = writing.files.get(path);
  if (present !== undefined) {
    const decoded = decodeText(encoder.decoder, path, present);
    if (decoded.ok) changeRecord(writing, encoder, decoded.value.record, record);
    return;
  }
  const waiting = archived && writing.files.get(archivePath(path));
  const decoded = waiting === undefined ? undefined : decodeText(encoder.decoder, archivePath(path), waiting);
  if (archived && waiting !== undefined && decoded?.ok && archived.sameLife(decoded.value.record, record)) {
    const text = encodeOver(encoder, waiting, decoded.value.record, record);
    writing.changes.set(path, text ?? waiting);
    writing.changes.set(archivePath(path), null);
    return;
  }
  writing.changes.set(path, encodeNew(encoder, record));
}

/** Takes a record's file away: to the archive, or for good. */
export function removeRecord<T>(
  writing: Writing,
  encoder: Encoder<T>,
  known: T,
  archived?: Archived<T>,
): void {
  const path = encoder.path(known);
  const text = writing.files.get(path);
  if (text === undefined || !decodeText(encoder.decoder, path, text).ok) return;
  writing.changes.set(path, null);
  if (!archived) return;
  const target = archivePath(path);
  const occupant = writing.files.get(target);
  // An earlier record of this name that was another image keeps its file under a name of its own.
  if (occupant !== undefined && occupant !== text) {
    writing.changes.set(target.replace(/\.yaml$/, `.${textHash(occupant)}.yaml`), occupant);
  }
  writing.changes.set(target, text);
}
