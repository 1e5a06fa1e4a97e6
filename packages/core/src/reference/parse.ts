import { err, ok, type Result } from '../result.ts';
import { matchesDigestGrammar, parseDigest } from './digest.ts';
import { isDomain, isPath, isTag } from './grammar.ts';
import type { Digest, Reference } from './types.ts';

const defaultDomain = 'docker.io';
const officialPrefix = 'library/';
const longestPath = 255;
const invalidFormat = err('invalid reference format');

/** A reference whose missing tag is still missing, as named contexts and stage names need it. */
export function parseNamed(text: string): Result<Reference, string> {
  if (text.length === 64 && /^[a-f0-9]{64}$/.test(text)) {
    return err(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remainder } = splitDomain(text);
  const colon = remainder.indexOf(':');
  const named = colon === -1 ? remainder : remainder.slice(0, colon);
  if (named !== named.toLowerCase()) {
    return err(`invalid reference format: repository name (${named}) must be lowercase`);
  }

  const at = remainder.indexOf('@');
  const beforeDigest = at === -1 ? remainder : remainder.slice(0, at);
  const tagColon = beforeDigest.indexOf(':');
  const path = tagColon === -1 ? beforeDigest : beforeDigest.slice(0, tagColon);
  const tag = tagColon === -1 ? undefined : beforeDigest.slice(tagColon + 1);
  const digestText = at === -1 ? undefined : remainder.slice(at + 1);
  if (!isPath(path) || (tag !== undefined && !isTag(tag))) return invalidFormat;
  if (digestText !== undefined && !matchesDigestGrammar(digestText)) return invalidFormat;

  const name = nameOf(domain, path);
  if (name === undefined) return invalidFormat;
  if (name.path.length > longestPath) return err('repository name must not be more than 255 characters');

  let digest: Digest | undefined;
  if (digestText !== undefined) {
    const parsed = parseDigest(digestText);
    if (!parsed.ok) return parsed;
    digest = parsed.value;
  }
  if (digest === undefined) {
    return ok(tag === undefined ? name : { domain: name.domain, path: name.path, tag });
  }
  return ok(tag === undefined ? { ...name, digest } : { ...name, tag, digest });
}

/**
 * Reads and normalises an image reference: `node` is `docker.io/library/node:latest`; `latest` is added where neither
 * tag nor digest is written. Linear in the text's length.
 * Rule: distribution/reference; research "dockerfile", section 17.
 */
export function parseReference(text: string): Result<Reference, string> {
  const parsed = parseNamed(text);
  return parsed.ok ? ok(withDefaultTag(parsed.value)) : parsed;
}

/** The same reference with `latest` where neither tag nor digest stands. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: 'latest' };
}

/** The text that {@link parseReference} reads back: `docker.io/library/node:22`. */
export function formatReference(reference: Reference): string {
  return withSuffix(repositoryOf(reference), reference);
}

/** The short form that people write: `node:22`, `grafana/grafana:11`; other registries stay written out. */
export function familiarReference(reference: Reference): string {
  return withSuffix(familiarRepository(reference), reference);
}

/** `docker.io/library/node` */
export function repositoryOf(reference: Reference): string {
  return reference.domain === '' ? reference.path : `${reference.domain}/${reference.path}`;
}

function familiarRepository({ domain, path }: Reference): string {
  if (domain !== defaultDomain) return domain === '' ? path : `${domain}/${path}`;
  const official = path.startsWith(officialPrefix) && !path.includes('/', officialPrefix.length);
  return official ? path.slice(officialPrefix.length) : path;
}

function withSuffix(repository: string, { tag, digest }: Reference): string {
  return repository + (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  if (slash === -1) return { domain: defaultDomain, remainder: officialPrefix + text };
  const first = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (first === 'index.docker.io' || first === defaultDomain) {
    return { domain: defaultDomain, remainder: rest.includes('/') ? rest : officialPrefix + rest };
  }
  if (first === 'localhost' || first.includes('.') || first.includes(':') || first !== first.toLowerCase()) {
    return { domain: first, remainder: rest };
  }
  return { domain: defaultDomain, remainder: text };
}

/** A first component that is no domain by grammar (`a__b.c/d`) is a path component where that grammar allows it. */
function nameOf(domain: string, path: string): { domain: string; path: string } | undefined {
  if (isDomain(domain)) return { domain, path };
  return isPath(domain) ? { domain: '', path: `${domain}/${path}` } : undefined;
}
