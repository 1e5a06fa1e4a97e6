import type { ManagedEnrolment, VersionFile } from '@image-factory/core/enrolment/types.ts';
import { frozenBy } from '@image-factory/core/plan/timing.ts';
import { heldBy } from '@image-factory/core/plan/blocked.ts';
import type { FileFault } from '@image-factory/core/ports/proposals.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { describeVersions } from '@image-factory/core/proposals/describe-versions.ts';
import { repositoryOf, versionsBranch } from '@image-factory/core/proposals/request-place.ts';
import { isOpenRequest } from '@image-factory/core/proposals/request-record.ts';
import { versionToWrite, type BuiltVersion } from '@image-factory/core/release/built-version.ts';
import { setVersions } from '@image-factory/core/proposals/set-versions.ts';
import type { Result } from '@image-factory/core/result.ts';
import type { FactoryState, ImageRecord } from '@image-factory/core/state/types.ts';
import { hour } from '@image-factory/core/time.ts';
import type { CycleRun } from './cycle-run.ts';
import { enrolmentOfRecord } from './enrolment-of-record.ts';
import type { Change, Edited, Leaving, Part, Unit } from './request-steps.ts';

/** Builds that run are waited for, so that their versions come in the same commit, but not longer than this. */
const batchFor = hour;

/** One image whose file is not known to say its version yet. */
export interface VersionWish {
  readonly image: ManagedEnrolment;
  readonly record: ImageRecord;
  readonly file: VersionFile;
  readonly built: BuiltVersion;
}

/** The files of one branch that are to be written, together. */
export interface VersionBatch {
  readonly branch: string;
  readonly wishes: readonly VersionWish[];
}

/** What is to be written on this state, by repository and branch; nothing in a freeze window. */
export function versionBatches(
  run: CycleRun,
  state: FactoryState,
  how: ManagedEnrolment['versionFiles'],
): ReadonlyMap<string, VersionBatch> {
  const batches = new Map<string, VersionBatch & { readonly wishes: VersionWish[] }>();
  if (frozenBy(run.settings.freezeWindows, run.now, false)) return batches;
  const running = new Set<string>();
  for (const image of run.managed.values()) {
    const record = state.images.get(image.name);
    if (!record || !image.versionFile || image.versionFiles !== how) continue;
    const key = placeOf(run, image);
    if (state.intents.has(image.name)) running.add(key);
    const built = versionToWrite(image, record);
    // A person's stop: what is open stays as it is.
    if (!built || (heldBy(record, run.now).length > 0 && !isOpenRequest(record.versionRequest))) continue;
    const batch = batches.get(key) ?? { branch: versionsBranch(image), wishes: [] };
    batch.wishes.push({ image, record, file: image.versionFile, built });
    batches.set(key, batch);
  }
  for (const [key, { wishes }] of batches) {
    const oldest = Math.min(...wishes.map(({ built }) => built.builtAt));
    const isOpen = wishes.some(({ record }) => isOpenRequest(record.versionRequest));
    if (running.has(key) && !isOpen && run.now < oldest + batchFor) batches.delete(key);
  }
  return batches;
}

function placeOf(run: CycleRun, image: ManagedEnrolment): string {
  return `${repositoryOf(image.source, run.settings.providers)} ${versionsBranch(image)}`;
}

/** The requests for version files that are to be opened, changed, looked at or closed. */
export function versionUnits(run: CycleRun): readonly Unit[] {
  const { state } = run.records;
  if (frozenBy(run.settings.freezeWindows, run.now, false)) return [];
  const batches = new Map(versionBatches(run, state, 'request'));
  const leaving = new Map<string, (Leaving & { readonly image: ManagedEnrolment })[]>();
  const unknown = new Set<string>();
  for (const record of state.images.values()) {
    const { name, versionRequest: request } = record;
    if (!isOpenRequest(request)) continue;
    const enrolled = run.enrolled.get(name);
    const image = enrolled ?? enrolmentOfRecord(record);
    if (!image) continue;
    const key = `${repositoryOf(image.source, run.settings.providers)} ${request.branch}`;
    if (enrolled && !run.managed.has(name)) unknown.add(key);
    if (batches.get(key)?.wishes.some((wish) => wish.image.name === name)) continue;
    if (!batches.has(key)) batches.set(key, { branch: request.branch, wishes: [] });
    leaving.set(key, [...(leaving.get(key) ?? []), { name, request, moves: false, image }]);
  }
  return [...batches].flatMap(([key, batch]) =>
    unknown.has(key) ? [] : unitOf(run, batch, leaving.get(key) ?? []),
  );
}

function unitOf(
  run: CycleRun,
  { branch, wishes }: VersionBatch,
  leaving: readonly (Leaving & { readonly image: ManagedEnrolment })[],
): Unit[] {
  const images = [...wishes, ...leaving].map(({ image }) => image);
  const speaker = images.find(({ source }) => run.deps.proposals?.requestsFor(source.provider));
  const requests = speaker && run.deps.proposals?.requestsFor(speaker.source.provider);
  if (!speaker || !requests) {
    run.problems.push(...wishes.map(({ image }) => nobodyOpens(image)));
    return [];
  }
  const parts = wishes.map(({ image, record, file, built }): Part => ({
    image,
    record,
    targets: { [file.path]: built.version },
    file: file.path,
    madeOn: run.sources.get(image.name)?.commit,
  }));
  const why =
    'There is nothing left to write: the files say these versions, or nobody asks for them any more.';
  return [
    {
      field: 'versionRequest',
      branch,
      speaker,
      requests,
      parts,
      leaving,
      change: versionChange(wishes),
      why,
    },
  ];
}

function nobodyOpens({ name, source }: ManagedEnrolment): Problem {
  return {
    code: 'VERSION_FILE',
    message: `nothing here can open a request for versionFile at provider ${source.provider}`,
    hint: 'Set versionFiles: commit, or the settings of a forge under providers in factory.yaml.',
    subject: { kind: 'image', name },
  };
}

function versionChange(wishes: readonly VersionWish[]): Change {
  return {
    isServed: async () => true,
    edit: (files) => editedVersions(wishes, files),
    words: (parts) => {
      const able = new Set(parts.map(({ image }) => image.name));
      return wordsOfWishes(wishes.filter(({ image }) => able.has(image.name)));
    },
  };
}

export function wordsOfWishes(wishes: readonly VersionWish[]): ReturnType<typeof describeVersions> {
  return describeVersions(
    wishes.map(({ image, file, built }) => ({
      image: image.name,
      path: file.path,
      version: built.version,
      digest: built.digest,
    })),
  );
}

/** Each file once, with the versions of all of its images. */
export function editedVersions(
  wishes: readonly VersionWish[],
  files: ReadonlyMap<string, Result<string, FileFault>>,
): Edited {
  const texts = new Map<string, string>();
  const refused = new Map<string, Problem>();
  const done = new Map<string, string>();
  for (const [path, sharing] of Map.groupBy(wishes, ({ file }) => file.path)) {
    const read = files.get(path);
    if (!read?.ok) {
      const why = read?.error.message ?? `"${path}" was not read`;
      for (const { image } of sharing) refused.set(image.name, unwritable(image, path, why));
      continue;
    }
    const set = setVersions(
      read.value,
      sharing.map(({ image, file, built }) => ({ image: image.name, file, version: built.version })),
    );
    if (set.text !== undefined) texts.set(path, set.text);
    for (const [name, version] of set.done) done.set(name, version);
    for (const { image } of sharing) {
      const why = set.refused.get(image.name);
      if (why !== undefined) refused.set(image.name, unwritable(image, path, `"${path}" ${why}`));
    }
  }
  return { texts, refused, done };
}

function unwritable({ name }: ManagedEnrolment, path: string, why: string): Problem {
  return {
    code: 'VERSION_FILE',
    message: `the version cannot be written: ${why}`,
    hint: 'Check versionFile: its file has to be there with a whole version (1.2.3) in it.',
    subject: { kind: 'image', name },
    place: { file: path },
  };
}
