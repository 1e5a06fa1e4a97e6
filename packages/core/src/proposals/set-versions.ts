import type { VersionFile } from '../enrolment/types.ts';
import { applyEdits, type TextEdit } from './apply-edits.ts';
import { err, ok, type Result } from '../result.ts';
import { isBehind } from '../release/built-version.ts';
import { findVersion, withVersion } from '../release/version-file.ts';

/** What one image wants a file to say. */
export interface WantedVersion {
  readonly image: string;
  readonly file: VersionFile;
  readonly version: string;
}

export interface VersionsSet {
  /** Undefined where nothing of the file is behind. */
  readonly text: string | undefined;
  /** Image to the version that the file says already, which is as high or higher. */
  readonly done: ReadonlyMap<string, string>;
  /** Image to the sentence that says why its version cannot be written. */
  readonly refused: ReadonlyMap<string, string>;
  /** Image to the version that stood there. */
  readonly before: ReadonlyMap<string, string>;
}

/** One file with the versions of its images; two images may have a key each in it, or share one and agree. */
export function setVersions(text: string, wanted: readonly WantedVersion[]): VersionsSet {
  const done = new Map<string, string>();
  const refused = new Map<string, string>();
  const before = new Map<string, string>();
  const edits: TextEdit[] = [];
  for (const { image, file, version } of wanted) {
    const edit = editOf(text, file, version);
    if (!edit.ok) refused.set(image, edit.error);
    else if (isBehind(version, edit.value.from)) {
      edits.push(edit.value);
      before.set(image, edit.value.from);
    } else done.set(image, edit.value.from);
  }
  if (edits.length === 0) return { text: undefined, done, refused, before };
  const edited = applyEdits(text, edits);
  if (edited.ok) return { text: edited.value, done, refused, before };
  const names = [...before.keys()].join(', ');
  for (const image of before.keys())
    refused.set(image, `is one file of ${names}, which have different versions there`);
  return { text: undefined, done, refused, before: new Map() };
}

function editOf(text: string, file: VersionFile, version: string): Result<TextEdit, string> {
  const place = findVersion(text, file);
  if (!place.ok) return place;
  const changed = withVersion(text, file, version);
  if (!changed.ok) return err(changed.error);
  const { start, version: from } = place.value;
  return ok({ offset: start, from, to: version });
}
