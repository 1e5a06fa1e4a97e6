import { familiarReference, formatReference, parseNamed, parseReference } from '../reference/parse.ts';
import { isPath } from '../reference/grammar.ts';
import type { PlatformName } from '../reference/types.ts';
import { Refusal } from './refusal.ts';

/** So many hex digits alone are an image's id, not its name. */
const shortestIdentifier = 64;

/** A named context that takes the place of a stage or an image. */
export interface NamedContext {
  /** The value as given: `docker-image://debian:12`. */
  readonly value: string;
}

/** What a named context turns out to be; `reference` is null where it is no image. */
export interface LoadedContext {
  readonly value: string;
  readonly reference: string | null;
}

/**
 * Looks a name up: first with the platform, then without. The keys are compared as given; only the name is normalised.
 * Throws INVALID_CONTEXT for a name that is no reference. Rule: research "dockerfile", section 15.
 */
export function findContext(
  name: string,
  platform: PlatformName,
  contexts: ReadonlyMap<string, string>,
): NamedContext | undefined {
  // Nearly every name is a plain word, and nearly no build has contexts.
  if (contexts.size === 0 && name.length < shortestIdentifier && isPath(name)) return undefined;
  const parsed = parseNamed(name);
  if (!parsed.ok) throw new Refusal('INVALID_CONTEXT', `invalid context name ${name}: ${parsed.error}`);
  if (contexts.size === 0) return undefined;
  const familiar = familiarReference(parsed.value);
  const key = familiar.endsWith(':latest') ? familiar.slice(0, -':latest'.length) : familiar;
  const value = contexts.get(`${key}::${platform}`) ?? contexts.get(key);
  return value === undefined ? undefined : { value };
}

/** Reads a context's value. Throws INVALID_CONTEXT and INVALID_REFERENCE; asked for reachable stages only. */
export function loadContext({ value }: NamedContext): LoadedContext {
  const colon = value.indexOf(':');
  const noImage = { value, reference: null };
  if (colon === -1 || /^(?:\.{0,2}\/|[A-Za-z]:[\\/])/.test(value)) return noImage;
  const scheme = value.startsWith('git@') ? 'git' : value.slice(0, colon);
  const rest = value.slice(colon + 1).replace(/^\/\//, '');
  switch (scheme) {
    case 'docker-image': {
      if (rest === 'scratch') return noImage;
      const reference = parseReference(rest);
      if (!reference.ok) throw new Refusal('INVALID_REFERENCE', `context ${value}: ${reference.error}`);
      return { value, reference: formatReference(reference.value) };
    }
    case 'oci-layout':
      // A path is what people write; the builder's client turns it into a name with a digest.
      if (!/^[./]/.test(rest)) requireDigest(value, rest);
      return noImage;
    case 'target':
    case 'service':
    case 'local':
    case 'input':
    case 'git':
    case 'ssh':
    case 'http':
    case 'https':
      return noImage;
    default:
      throw new Refusal('INVALID_CONTEXT', `unsupported context source ${scheme}`);
  }
}

function requireDigest(value: string, rest: string): void {
  if (!/@[A-Za-z][A-Za-z0-9.+_-]*:[0-9a-fA-F]{32,}$/.test(rest.slice(-400))) {
    throw new Refusal('INVALID_CONTEXT', `${value}: an oci-layout context needs a digest`);
  }
}
