import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ProviderSettings } from '../enrolment/provider-settings.ts';
import type { ManagedEnrolment, Source } from '../enrolment/types.ts';
import { repositoryPath } from '../rebuild/dispatch.ts';

/*
 * Branches that the factory proposes on. What is behind the prefix says whose a branch is: the name of an image, which
 * never has an underscore, or a word with one. Equal names of one repository are one branch.
 */
const prefix = 'image-factory/';

/** The branch of an image's own request; image names are valid in branch names. */
export function requestBranch(image: string): string {
  return `${prefix}${image}`;
}

/** The branch on which an image's pins are proposed: its own, or that of its group. */
export function pinsBranch({ name, pullRequestGroup, source }: ManagedEnrolment): string {
  return pullRequestGroup === undefined ? requestBranch(name) : joint(`group_${pullRequestGroup}`, source);
}

/** The branch on which the versions of all images of a source branch are proposed. */
export function versionsBranch({ source }: ManagedEnrolment): string {
  return joint('version_files', source);
}

/** Whose a branch is, as the commits on it say: everything behind the prefix. */
export function ownerOf(branch: string): string {
  return branch.slice(prefix.length);
}

/** Requests into two branches of one repository come from two branches. */
function joint(name: string, { branch }: Source): string {
  if (branch === undefined) return `${prefix}${name}`;
  const plain = /^[A-Za-z0-9][A-Za-z0-9-]{0,50}$/.test(branch);
  const mark = bytesToHex(sha256(utf8ToBytes(branch))).slice(0, 8);
  const word = plain ? branch : `${branch.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 40)}_${mark}`;
  return `${prefix}${name}_${word}`;
}

/**
 * The repository of a source, the same for every way in which it may be written; only to be compared. `owner/name` is
 * at the server of its provider, an address at the one that it names.
 */
export function repositoryOf({ repo, provider }: Source, providers: ProviderSettings): string {
  const path = repositoryPath(repo);
  if (path === undefined) return repo;
  const host =
    /^(?:https?|ssh):\/\/(?:[^/@]*@)?([^/]+)\//.exec(repo)?.[1] ??
    /^(?:[\w.-]+@)([\w.-]+):/.exec(repo)?.[1] ??
    hostOf(provider, providers);
  return host === undefined ? repo : `${host}/${path}`.toLowerCase();
}

function hostOf(provider: Source['provider'], providers: ProviderSettings): string | undefined {
  if (provider === 'local' || provider === 'webhook') return undefined;
  const url = providers[provider]?.url;
  if (url === undefined) return provider;
  // github.com has its API on a host of its own.
  const [, host] = /^https?:\/\/([^/]+)/.exec(url) ?? [];
  return host === 'api.github.com' ? 'github.com' : host;
}
