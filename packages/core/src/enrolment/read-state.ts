import { defaultGitState } from './default-settings.ts';
import type { FactoryShape } from './factory-schema.ts';
import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import { branchMistake } from './branch-mistake.ts';
import { readLine, repoMistake } from './read-source.ts';
import type { Settings } from './types.ts';

type StateShape = NonNullable<FactoryShape['state']>;

const gitKeys = ['remote', 'branch', 'author', 'signingKey', 'tokenEnv'] as const;

export function readState(shape: StateShape | undefined, scope: Scope): Settings['state'] {
  if (shape?.mode === 'git') return readGitState(shape, scope);
  for (const key of gitKeys) {
    if (shape?.[key] === undefined) continue;
    addProblem(
      within(scope, key),
      'CONFIG_CONFLICT',
      `state.${key} has a meaning only with mode: git`,
      'Add mode: git, or remove the key.',
      'key',
    );
  }
  return { mode: 'directory' };
}

function readGitState(shape: StateShape, scope: Scope): Settings['state'] {
  return {
    mode: 'git',
    remote: readRemote(shape.remote, within(scope, 'remote')),
    branch: readStateBranch(shape.branch, within(scope, 'branch')),
    author: {
      name: readAuthorName(shape.author?.name, within(scope, 'author')),
      email: readEmail(shape.author?.email, within(scope, 'author', 'email')),
    },
    signingKey: readSigningKey(shape.signingKey, scope),
    tokenEnv: readVariableName(shape.tokenEnv, within(scope, 'tokenEnv')),
  };
}

function readRemote(remote: string | undefined, scope: Scope): string | undefined {
  if (remote === undefined) return undefined;
  const mistake = /^[\w.-]+(?:\/[\w.-]+)+$/.test(remote)
    ? 'is neither a URL nor a path'
    : repoMistake(remote);
  if (mistake === undefined) return remote;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `state.remote ${shown(remote)} ${mistake}`,
    'Write a URL (https://, ssh://, git@host:path) or a path that starts with "./", "../" or "/"; a token goes into the variable that tokenEnv names.',
  );
  return undefined;
}

function readStateBranch(branch: string | undefined, scope: Scope): string {
  if (branch === undefined) return defaultGitState.branch;
  const mistake = branchMistake(branch);
  if (mistake === undefined) return branch;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `state.branch ${shown(branch)} ${mistake}`,
    'Write a branch name: image-factory/state.',
  );
  return defaultGitState.branch;
}

/** Git takes `<`, `>` and line breaks as the ends of a name. */
function readAuthorName(name: string | undefined, scope: Scope): string {
  if (name === undefined) return defaultGitState.author.name;
  if (/[<>]/.test(name)) {
    addProblem(
      within(scope, 'name'),
      'CONFIG_INVALID_VALUE',
      `state.author.name ${shown(name)} has "<" or ">"`,
      'Write the name alone; the address goes under email.',
    );
    return defaultGitState.author.name;
  }
  return readLine(name, scope, 'name') ?? defaultGitState.author.name;
}

function readEmail(email: string | undefined, scope: Scope): string {
  if (email === undefined) return defaultGitState.author.email;
  if (/^[^\s<>@\p{Cc}]{1,200}@[^\s<>@\p{Cc}]{1,200}$/u.test(email)) return email;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `state.author.email ${shown(email)} is not an address`,
    'Example: factory@example.com.',
  );
  return defaultGitState.author.email;
}

function readSigningKey(key: string | undefined, scope: Scope): string | undefined {
  if (key === undefined) return undefined;
  if (key.includes('PRIVATE KEY') || looksSecret(key)) {
    addProblem(
      within(scope, 'signingKey'),
      'CONFIG_INVALID_VALUE',
      'state.signingKey holds a key itself: secrets are never kept in configuration files',
      "Write the key's id or the path of an ssh key, and replace the key if the file was committed.",
    );
    return undefined;
  }
  return readLine(key, scope, 'signingKey');
}

function readVariableName(name: string | undefined, scope: Scope): string | undefined {
  if (name === undefined) return undefined;
  const isName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name);
  if (isName && !looksSecret(name) && !/^[0-9a-fA-F]{32,}$/.test(name)) return name;
  // What stands here may be the token itself: it is not repeated.
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    'state.tokenEnv is not the name of an environment variable',
    'Write the name of the variable (FACTORY_GIT_TOKEN), never the token; replace the token if it was committed here.',
  );
  return undefined;
}
