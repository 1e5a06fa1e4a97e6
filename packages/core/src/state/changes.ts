import { leftLedgerLines, leftRebuildLines } from './archived-lines.ts';
import { baseEncoder, engineEncoder, imageEncoder, intentEncoder, type Encoder } from './encode.ts';
import type { StateChanges, StateFiles } from './files.ts';
import { addRecord, changeRecord, removeRecord, type Archived, type Writing } from './record-change.ts';
import { imageLedgerArchivePath, ledgerArchivePath, rebuildArchivePath } from './state-paths.ts';
import type { BaseRecord, FactoryState, ImageRecord } from './types.ts';

// A record that starts afresh has a time of its own, so that equal times mean: taken back from the archive.
const archivedImages: Archived<ImageRecord> = {
  sameLife: (archived, record) => archived.enrolledAt === record.enrolledAt,
};

const archivedBases: Archived<BaseRecord> = {
  sameLife: (archived, record) => archived.firstDiscovered === record.firstDiscovered,
};

/**
 * What must be written so that `files`, which hold `before`, hold `after`.
 *
 * - Only records that differ are encoded; a record that is the same object costs one comparison.
 * - An image or base that left the state moves to the archive with its text as it is; one that comes back takes its
 *   archived text with it, unknown fields and comments included. Intents are deleted: the events keep them.
 * - Ledger entries and rebuilds that left a record are appended to the archive.
 * - A file that cannot be read is never written, moved or deleted. Whoever must know whether a record was written
 *   (an intent before its run is started) looks whether its path is in the answer.
 */
export function stateChanges(before: FactoryState, after: FactoryState, files: StateFiles): StateChanges {
  const writing: Writing = { files, changes: new Map() };
  writeRecords(writing, imageEncoder, before.images, after.images, archivedImages, archiveOfImage);
  writeRecords(writing, baseEncoder, before.bases, after.bases, archivedBases, archiveOfBase);
  writeRecords(writing, intentEncoder, before.intents, after.intents);
  if (after.engine && before.engine !== after.engine) {
    if (before.engine) changeRecord(writing, engineEncoder, before.engine, after.engine);
    else addRecord(writing, engineEncoder, after.engine);
  }
  return writing.changes;
}

/** Lines to be appended to files of the archive when a record changes. */
type Leaving<T> = (known: T, record: T) => readonly (readonly [path: string, lines: string])[];

function writeRecords<T>(
  writing: Writing,
  encoder: Encoder<T>,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  archived?: Archived<T>,
  leaving?: Leaving<T>,
): void {
  if (before === after) return;
  for (const [name, record] of after) {
    const known = before.get(name);
    if (known === record) continue;
    if (known === undefined) {
      addRecord(writing, encoder, record, archived);
      continue;
    }
    changeRecord(writing, encoder, known, record);
    if (!writing.changes.has(encoder.path(record))) continue;
    for (const [path, lines] of leaving?.(known, record) ?? []) append(writing, path, lines);
  }
  for (const [name, known] of before) if (!after.has(name)) removeRecord(writing, encoder, known, archived);
}

function append({ files, changes }: Writing, path: string, lines: string): void {
  if (lines !== '') changes.set(path, (changes.get(path) ?? files.get(path) ?? '') + lines);
}

const archiveOfImage: Leaving<ImageRecord> = (known, record) => [
  [imageLedgerArchivePath(record.name), leftLedgerLines(known.ledger, record.ledger)],
  [rebuildArchivePath(record.name), leftRebuildLines(known.rebuilds, record.rebuilds)],
];

const archiveOfBase: Leaving<BaseRecord> = (known, record) => [
  [ledgerArchivePath(record.name), leftLedgerLines(known.ledger, record.ledger)],
];
