import { branchMistake } from './branch-mistake.ts';
import { readCommit, readPatches, readTag } from './read-upstream.ts';
import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import type { SourceFields } from './fields.ts';
import type { EntryShape } from './images-schema.ts';
import { hasControlCharacter, readPath } from './read-path.ts';
import { writtenText } from './yaml-file.ts';

type SourceShape = NonNullable<EntryShape['source']>;
type LocalShape = NonNullable<EntryShape['local']>;

/** Reads `source`; `raw` is the mapping as composed, which knows how its scalars are written. */
export function readSource(
  shape: SourceShape | undefined,
  raw: unknown,
  scope: Scope,
): SourceFields | undefined {
  if (!shape) return undefined;
  return {
    ...readBuildPlace(shape, raw, scope),
    provider: shape.provider,
    repo: readRepo(shape.repo, scope, 'repo'),
    ...readRevision(shape, scope),
    workflow: readLine(shape.workflow, scope, 'workflow'),
    patches: readPatches(shape.patches, scope),
    workflowRepo: readRepo(shape.workflowRepo, scope, 'workflowRepo'),
    workflowBranch: readBranch(shape.workflowBranch, scope, 'workflowBranch'),
  };
}

function readRevision(shape: SourceShape, scope: Scope): Pick<SourceFields, 'branch' | 'tag' | 'commit'> {
  const [, ...others] = (['commit', 'tag', 'branch'] as const).filter((key) => shape[key] !== undefined);
  for (const key of others) {
    addProblem(
      within(scope, key),
      'CONFIG_CONFLICT',
      `${key} contradicts ${shape.commit === undefined ? 'tag' : 'commit'}: one of branch, tag and commit says what is built`,
      'Remove one of them.',
      'key',
    );
  }
  return {
    branch: readBranch(shape.branch, scope, 'branch'),
    tag: readTag(shape.tag, scope),
    commit: readCommit(shape.commit, scope),
  };
}

/** Reads `local`: a Dockerfile in the factory directory's own repository. */
export function readLocal(
  shape: LocalShape | undefined,
  raw: unknown,
  scope: Scope,
): SourceFields | undefined {
  if (!shape) return undefined;
  return {
    ...readBuildPlace(shape, raw, scope),
    provider: undefined,
    repo: '.',
    branch: undefined,
    workflow: undefined,
  };
}

type BuildPlace = Pick<SourceFields, 'dockerfile' | 'context' | 'target' | 'buildArgs'>;

function readBuildPlace(shape: LocalShape, raw: unknown, scope: Scope): BuildPlace {
  return {
    dockerfile: readPath(shape.dockerfile, scope, 'dockerfile'),
    context: readPath(shape.context, scope, 'context'),
    target: readTarget(shape.target, scope),
    buildArgs: readBuildArgs(shape.buildArgs, raw, scope),
  };
}

function readRepo(repo: string | undefined, scope: Scope, key: 'repo' | 'workflowRepo'): string | undefined {
  if (repo === undefined) return undefined;
  const mistake = repoMistake(repo);
  if (mistake === undefined) return repo.length > 1 && repo.endsWith('/') ? repo.slice(0, -1) : repo;
  addProblem(
    within(scope, key),
    'CONFIG_INVALID_VALUE',
    `${key} ${shown(repo)} ${mistake}`,
    'Write owner/name, a URL (https://, ssh://, git@host:path), a path, or "." for the factory directory\'s own repository.',
  );
  return undefined;
}

/** Only forms that git treats as an address: no options, no remote helpers (`ext::sh -c ...`). */
export function repoMistake(repo: string): string | undefined {
  if (looksSecret(repo)) return 'has a credential in it: secrets are never kept in configuration files';
  if (repo.trim() === '') return 'is empty';
  if (repo.length > 2048 || hasControlCharacter(repo)) return 'is too long or has a control character';
  if (repo.startsWith('-')) return 'starts with a dash';
  if (/^[\w+.-]*::/.test(repo)) return 'uses a git remote helper, which could run any command';
  const scheme = /^([a-zA-Z][\w+.-]*):\/\//.exec(repo)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    if (!['https', 'http', 'ssh', 'git', 'file'].includes(scheme))
      return 'has a scheme that is not supported';
    return /^[a-z]+:\/\/[^\s]+$/i.test(repo) ? undefined : 'is not a URL';
  }
  if (/^(?:\.{0,2}\/|\.{1,2}$)/.test(repo)) return undefined;
  if (/^[\w.-]+@[\w.-]+:[^\s]+$/.test(repo)) return undefined;
  if (/^[\w.-]+(?:\/[\w.-]+)+$/.test(repo)) return undefined;
  return 'is not a repository';
}

function readBranch(
  branch: string | undefined,
  scope: Scope,
  key: 'branch' | 'workflowBranch',
): string | undefined {
  if (branch === undefined) return undefined;
  const mistake = branchMistake(branch);
  if (mistake === undefined) return branch;
  addProblem(
    within(scope, key),
    'CONFIG_INVALID_VALUE',
    `${key} ${shown(branch)} ${mistake}`,
    'Write a branch name: main, release/1.2.',
  );
  return undefined;
}

function readTarget(target: string | undefined, scope: Scope): string | undefined {
  if (target === undefined || /^[a-zA-Z0-9][\w.-]{0,127}$/.test(target)) return target;
  addProblem(
    within(scope, 'target'),
    'CONFIG_INVALID_VALUE',
    `target ${shown(target)} is not the name or number of a stage`,
    'Write what stands after AS in the Dockerfile.',
  );
  return undefined;
}

/** One line of text that is handed on as it is. */
export function readLine(value: string | undefined, scope: Scope, key: string): string | undefined {
  if (value === undefined) return undefined;
  if (value.trim() !== '' && value.length <= 500 && !hasControlCharacter(value)) return value;
  addProblem(
    within(scope, key),
    'CONFIG_INVALID_VALUE',
    `${key} must be one line of 1 to 500 characters`,
    'Shorten it, or remove the key.',
  );
  return undefined;
}

function readBuildArgs(
  shape: LocalShape['buildArgs'],
  raw: unknown,
  scope: Scope,
): Record<string, string> | undefined {
  if (!shape) return undefined;
  const container = mappingAt(raw, 'buildArgs');
  const args: [string, string][] = [];
  for (const [name, value] of Object.entries(shape)) {
    if (!/^[^\s=\p{Cc}]{1,200}$/u.test(name)) {
      addProblem(
        within(scope, 'buildArgs', name),
        'CONFIG_INVALID_VALUE',
        `build argument name ${shown(name)} is empty, too long, or has a space or "="`,
        'Write the name as it stands after ARG.',
        'key',
      );
      continue;
    }
    // As written: 1.10 must not become 1.1.
    const text =
      typeof value === 'string'
        ? value
        : ((container && writtenText(scope.yaml, container, name)) ?? String(value));
    args.push([name, text]);
  }
  return Object.fromEntries(args);
}

function mappingAt(raw: unknown, key: string): object | undefined {
  if (typeof raw !== 'object' || raw === null || !Object.hasOwn(raw, key)) return undefined;
  const value = (raw as Record<string, unknown>)[key];
  return typeof value === 'object' && value !== null ? value : undefined;
}
