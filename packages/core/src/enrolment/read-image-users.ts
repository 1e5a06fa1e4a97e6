import { addProblem, shown, within, type Scope } from './findings.ts';
import type { ImageUser, WrittenPart } from './image-users.ts';
import type { EntryShape } from './images-schema.ts';
import { readPath } from './read-path.ts';
import { branchMistake } from './branch-mistake.ts';
import { repoMistake } from './read-source.ts';

type UserShape = NonNullable<EntryShape['updates']>[number];

/** `updates` of an entry; what is wrong has been reported and is left out. */
export function readImageUsers(shape: EntryShape['updates'], scope: Scope): readonly ImageUser[] {
  return (shape ?? []).flatMap((each, index) => readImageUser(each, within(scope, 'updates', index)) ?? []);
}

function readImageUser(shape: UserShape, scope: Scope): ImageUser | undefined {
  const paths = (shape.paths ?? []).flatMap((path) => readPath(path, scope, 'paths') ?? []);
  const { format } = shape;
  if (format === undefined || shape.repo === undefined || !shape.paths?.length) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'an image user needs format, repo and paths',
      'Example: { format: kustomize, repo: acme/deploy, paths: [apps/web] }.',
    );
    return undefined;
  }
  const place = {
    provider: shape.provider ?? 'github',
    repo: readUserRepo(shape.repo, within(scope, 'repo')),
    branch: readUserBranch(shape.branch, within(scope, 'branch')),
    mode: shape.mode ?? 'pull-request',
    paths,
  } as const;
  if (format === 'kustomize') {
    refuse(shape.keys, 'keys', 'yaml and helm', scope);
    const image = shape.image;
    if (image !== undefined && !/^[\w./:-]{1,255}$/.test(image))
      addProblem(
        within(scope, 'image'),
        'CONFIG_INVALID_VALUE',
        `image ${shown(image)} is not the name of an image`,
        'Write it as it stands under images in the kustomization, without a tag.',
      );
    return { format, ...place, image, part: shape.part ?? 'digest' };
  }
  refuse(shape.image, 'image', 'kustomize', scope);
  refuse(shape.part, 'part', 'kustomize', scope);
  return { format, ...place, keys: readKeys(shape.keys, within(scope, 'keys')) };
}

function refuse(value: unknown, key: string, formats: string, scope: Scope): void {
  if (value === undefined) return;
  addProblem(
    within(scope, key),
    'CONFIG_CONFLICT',
    `${key} is for ${formats}`,
    'Remove it, or set another format.',
    'key',
  );
}

function readUserRepo(repo: string, scope: Scope): string {
  const mistake =
    repo === '.' || /^[\w.-]+(?:\/[\w.-]+)+$/.test(repo) || /^https?:\/\//.test(repo)
      ? repoMistake(repo)
      : 'is neither owner/name nor an https URL';
  if (mistake !== undefined)
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `repo ${shown(repo)} ${mistake}`,
      'Write owner/name, https://host/owner/name.git, or "." for the factory\'s own repository.',
    );
  return repo;
}

function readUserBranch(branch: string | undefined, scope: Scope): string {
  const mistake = branch === undefined ? undefined : branchMistake(branch);
  if (mistake !== undefined)
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `branch ${shown(branch)} ${mistake}`,
      'Write a branch name: main.',
    );
  return branch ?? 'main';
}

function readKeys(keys: UserShape['keys'], scope: Scope): Readonly<Record<string, WrittenPart>> {
  const entries = Object.entries(keys ?? {});
  if (entries.length === 0)
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'keys is missing: nothing says what to write where',
      'Example: keys: { image.tag: tag, image.digest: digest }.',
      'key',
    );
  for (const [key] of entries) {
    if (/^[^\s\p{Cc}]{1,500}$/u.test(key)) continue;
    addProblem(
      within(scope, key),
      'CONFIG_INVALID_VALUE',
      `keys: ${shown(key)} is not a key`,
      'Write names with dots between them; a dot within a name gets a backslash.',
      'key',
    );
  }
  return keys ?? {};
}
