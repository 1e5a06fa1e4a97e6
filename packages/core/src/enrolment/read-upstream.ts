import type { EntryDraft } from './entry-draft.ts';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { readPath } from './read-path.ts';
import { branchMistake } from './branch-mistake.ts';
import type { Source } from './types.ts';

const mostPatches = 50;

/** Paths of unified diffs below the factory directory, in their order. */
export function readPatches(
  patches: readonly string[] | undefined,
  scope: Scope,
): readonly string[] | undefined {
  if (patches === undefined) return undefined;
  if (patches.length === 0 || patches.length > mostPatches) {
    addProblem(
      within(scope, 'patches'),
      'CONFIG_INVALID_VALUE',
      patches.length === 0
        ? 'patches is empty'
        : `patches has ${patches.length} entries, at most ${mostPatches} are read`,
      patches.length === 0 ? 'Name a patch, or remove the key.' : 'Put several diffs into one file.',
    );
    return undefined;
  }
  const read: string[] = [];
  for (const [index, written] of patches.entries()) {
    const here = within(scope, 'patches');
    const path = readPath(written, here, index, 'the factory directory');
    if (path === undefined) continue;
    if (!/\.(?:patch|diff)$/.test(path)) {
      addProblem(
        within(here, index),
        'CONFIG_INVALID_VALUE',
        `patch ${shown(written)} is neither *.patch nor *.diff`,
        'Name a file in the format of git diff: patches/node-22.patch.',
      );
    } else if (read.includes(path)) {
      addProblem(
        within(here, index),
        'CONFIG_CONFLICT',
        `patch ${shown(written)} is listed twice`,
        'A patch fits once: remove one of them.',
      );
    } else read.push(path);
  }
  return read.length === patches.length ? read : undefined;
}

export function readTag(tag: string | undefined, scope: Scope): string | undefined {
  if (tag === undefined) return undefined;
  const mistake = branchMistake(tag);
  if (mistake === undefined) return tag;
  addProblem(
    within(scope, 'tag'),
    'CONFIG_INVALID_VALUE',
    `tag ${shown(tag)} ${mistake}`,
    'Write the name of a tag: v1.2.3.',
  );
  return undefined;
}

export function readCommit(commit: string | undefined, scope: Scope): string | undefined {
  if (commit === undefined || /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return commit;
  addProblem(
    within(scope, 'commit'),
    'CONFIG_INVALID_VALUE',
    `commit ${shown(commit)} is not the whole id of a commit`,
    'Write all 40 hexadecimal digits (64 in a SHA-256 repository), in quotes; for a branch or tag there are those keys.',
  );
  return undefined;
}

/** What cannot be together with a source that is not the team's own, or that does not move. */
export function checkUpstream(draft: EntryDraft, source: Source, mode: string | undefined): void {
  const here = within(draft.scope, 'source');
  if (source.patches && source.repo === '.') {
    addProblem(
      within(here, ...(draft.shape.source?.patches ? ['patches'] : [])),
      'CONFIG_CONFLICT',
      "patches are for a repository that you do not own, and this source is the factory directory's own repository",
      'Commit the change itself, or name the upstream repository as source.repo.',
    );
    return;
  }
  const kept = source.patches
    ? 'patches'
    : source.ownDockerfile === true
      ? 'local.dockerfile beside source.repo'
      : source.tag !== undefined
        ? 'source.tag'
        : source.commit !== undefined
          ? 'source.commit'
          : undefined;
  if (kept === undefined) return;
  if (mode === 'pull-request') {
    addProblem(
      within(draft.scope, ...(draft.shape.mode === undefined ? ['source'] : ['mode'])),
      'CONFIG_CONFLICT',
      `mode pull-request proposes changes of a Dockerfile on a branch of its repository, which ${kept} leaves no room for`,
      'Write mode: dispatch.',
    );
  }
  if (draft.shape.versionFile !== undefined) {
    addProblem(
      within(draft.scope, 'versionFile'),
      'CONFIG_CONFLICT',
      `versionFile is changed on a branch of the source repository, which ${kept} leaves no room for`,
      'Remove it; image-factory version next gives versions without a file.',
      'key',
    );
  }
}
