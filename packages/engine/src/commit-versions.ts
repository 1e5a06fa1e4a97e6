import type { Event } from '@image-factory/core/state/types.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { inParallel } from './pool.ts';
import { editedVersions, versionBatches, wordsOfWishes, type VersionBatch } from './request-versions.ts';
import { listed } from './wording.ts';

const atOnce = 4;

/** What is known now of one image's file; `commit` where this process has just changed it. */
export interface KnownFile {
  readonly image: string;
  readonly path: string;
  readonly version: string;
  readonly commit?: string;
}

/**
 * Writes versions into their files by one commit for each repository and branch. The files are the record of what is done:
 * a commit goes only on the head that they were read at, so it is never made twice, and one that was made and not recorded
 * is found in the files.
 */
export async function commitVersions(run: CycleRun): Promise<void> {
  run.now = run.time();
  const batches = [...versionBatches(run, run.records.state, 'commit').values()];
  const known = await inParallel(batches, atOnce, async (batch) => {
    if (isStopped(run)) return [];
    try {
      return await writeBatch(run, batch);
    } catch (thrown) {
      const [first] = batch.wishes;
      if (first) noteProblem(run, thrown, { kind: 'image', name: first.image.name });
      return [];
    }
  });
  await recordFiles(run, known.flat());
}

async function writeBatch(run: CycleRun, { branch, wishes }: VersionBatch): Promise<readonly KnownFile[]> {
  const branches = run.deps.proposals?.branches;
  const [first] = wishes;
  if (!branches || !first) return [];
  const speaker = first.image;
  const paths = [...new Set(wishes.map(({ file }) => file.path))];
  const { into, commit, files } = await branches.read(speaker, branch, paths, run.signal);
  const { texts, refused, done } = editedVersions(wishes, files);
  run.problems.push(...refused.values());
  const known = wishes.flatMap(({ image, file }): KnownFile[] => {
    const version = done.get(image.name);
    return version === undefined ? [] : [{ image: image.name, path: file.path, version }];
  });
  const behind = wishes.filter(({ image }) => !refused.has(image.name) && !done.has(image.name));
  if (behind.length === 0) return known;
  const words = wordsOfWishes(behind);
  const head = await branches.push(speaker, {
    branch: into,
    files: texts,
    parent: commit,
    expected: commit,
    // The build that the version was given to is done: this commit asks for no other.
    subject: `${words.title} [skip ci]`,
    body: words.commit.body,
  });
  // Somebody else moved the branch: the next cycle reads it again.
  if (head === undefined) return known;
  return [
    ...known,
    ...behind.map(({ image, file, built }) => ({
      image: image.name,
      path: file.path,
      version: built.version,
      commit: head,
    })),
  ];
}

/** Records what files are known to say, so that nobody reads them again before there is another version. */
export async function recordFiles(run: CycleRun, known: readonly KnownFile[]): Promise<void> {
  if (known.length === 0) return;
  run.now = run.time();
  const names = known.map(({ image }) => image);
  await run.records.transact(`Record version files of ${listed(names)}`, (before) => {
    const images = new Map(before.images);
    const events = known.flatMap(({ image, path, version, commit }): Event[] => {
      const record = images.get(image);
      const { versionFile } = record ?? {};
      if (!record || (versionFile?.path === path && versionFile.version === version)) return [];
      images.set(image, { ...record, versionFile: { path, version, at: run.now } });
      if (commit === undefined) return [];
      const text = `${path} says ${version} of ${image} since commit ${commit.slice(0, 12)}`;
      return [{ at: run.now, type: 'version-written', image, text, data: { path, version, commit } }];
    });
    return { state: { ...before, images }, events };
  });
}
