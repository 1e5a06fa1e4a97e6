import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Look } from '@image-factory/core/ports/registry.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { day, hour, type Instant } from '@image-factory/core/time.ts';
import { digestFrom, digestOf } from './digest.ts';
import { plainAddress, registryFailure } from './failures.ts';
import type { FollowedAnswer } from './follow.ts';
import type { Host } from './host.ts';
import type { LookCache, RememberedLook } from './look-cache.ts';
import { isIndex, isManifest, manifestAccept, withoutParameters } from './media-types.ts';
import { headerOf } from './answer-headers.ts';

export const largestManifest = 4 * 1024 * 1024;
/** "Unchanged" is believed for so long, then the whole answer is asked for: a proxy may be wrong about it. */
const fullLookEvery = day;
/** A tag that is not there is asked for again after this, even where tags are asked for once a day. */
const absentInterval = hour;

interface Seen {
  readonly digest: Digest;
  readonly mediaType: string | undefined;
  readonly etag: string | undefined;
}

export interface LookOptions {
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

/** One look at a tag: HEAD, conditional where the registry gave an ETag, and GET only if the digest is missing. */
export async function lookAt(
  host: Host,
  cache: LookCache,
  clock: Clock,
  repository: string,
  tag: string,
  options: LookOptions,
): Promise<Look> {
  const key = `${host.registry}/${repository}:${tag}`;
  const known = cache.get(key);
  const now = clock.now();
  const until = known ? known.askedAt + interval(host, known) : 0;
  if (known && !options.force && until > now) return notAsked(known, until);

  const etag = known && !known.absent && now - known.fullAt < fullLookEvery ? known.etag : undefined;
  const seen = await ask(host, repository, tag, etag, options.signal);
  // An answer may take minutes and repetitions: the tag is known to have stood there no later than when it was asked.
  const times = { asked: now, answered: clock.now() };
  if (seen === 'absent') {
    if (known) cache.set(key, { ...known, askedAt: times.answered, absent: true });
    return { kind: 'absent' };
  }
  const next =
    seen === 'unchanged' && known ? unchanged(known, times) : remembered(known, seen as Seen, times);
  cache.set(key, next);
  return {
    kind: 'digest',
    digest: next.digest,
    ...(next.mediaType ? { mediaType: next.mediaType } : {}),
    ...(next.previous ? { previous: next.previous } : {}),
  };
}

function interval(host: Host, known: RememberedLook): number {
  const { minInterval } = host.limits;
  return known.absent ? Math.min(minInterval, absentInterval) : minInterval;
}

function notAsked(known: RememberedLook, until: number): Look {
  const { digest, lastSeenAt, previous } = known;
  return { kind: 'not-asked', until, last: { digest, lastSeenAt, ...(previous ? { previous } : {}) } };
}

interface Times {
  readonly asked: Instant;
  readonly answered: Instant;
}

function unchanged(known: RememberedLook, { asked, answered }: Times): RememberedLook {
  const { absent: _, ...rest } = known;
  return { ...rest, askedAt: answered, lastSeenAt: asked };
}

function remembered(
  known: RememberedLook | undefined,
  seen: Seen,
  { asked, answered }: Times,
): RememberedLook {
  const previous =
    known && known.digest !== seen.digest
      ? { digest: known.digest, lastSeenAt: known.lastSeenAt }
      : known?.previous;
  return {
    digest: seen.digest,
    askedAt: answered,
    lastSeenAt: asked,
    fullAt: asked,
    ...(seen.mediaType ? { mediaType: seen.mediaType } : {}),
    ...(seen.etag ? { etag: seen.etag } : {}),
    ...(previous ? { previous } : {}),
  };
}

async function ask(
  host: Host,
  repository: string,
  tag: string,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Seen | 'absent' | 'unchanged'> {
  const path = `manifests/${tag}`;
  const accept = { accept: manifestAccept };
  const headers = etag === undefined ? accept : { ...accept, 'if-none-match': etag };
  const answer = await host.send({ method: 'HEAD', repository, path, headers, maxBody: 0, signal });
  if (answer.status === 304 && etag !== undefined) return 'unchanged';
  // Registries without HEAD for manifests exist behind proxies; they are asked for the whole.
  if (answer.status !== 405) {
    if (isAbsent(host, answer)) return 'absent';
    const seen = seenIn(answer, digestFrom(headerOf(answer.headers, 'docker-content-digest')));
    if (seen) return seen;
  }
  const whole = await host.send({
    method: 'GET',
    repository,
    path,
    headers: { ...accept, 'accept-encoding': 'identity' },
    maxBody: largestManifest,
    signal,
  });
  return isAbsent(host, whole) ? 'absent' : seenIn(whole, digestOfBody(host, whole));
}

function seenIn<D extends Digest | undefined>(
  answer: FollowedAnswer,
  digest: D,
): D extends Digest ? Seen : undefined;
function seenIn(answer: FollowedAnswer, digest: Digest | undefined): Seen | undefined {
  if (!digest) return undefined;
  const etag = headerOf(answer.headers, 'etag');
  return {
    digest,
    mediaType: withoutParameters(headerOf(answer.headers, 'content-type')),
    etag: etag !== undefined && etag.length <= 256 ? etag : undefined,
  };
}

/**
 * True for 404; throws for what is neither 404 nor 200. A page of HTML is no registry's word about a tag, so it is
 * not taken for one: neither as "not there", nor as content.
 */
export function isAbsent(host: Host, answer: FollowedAnswer): boolean {
  const { status, url } = answer;
  const invalid = (what: string): Error =>
    registryFailure('REGISTRY_INVALID', host.registry, `${plainAddress(url)} answered ${status} ${what}`);
  if (withoutParameters(headerOf(answer.headers, 'content-type')) === 'text/html') {
    throw invalid('with a page of HTML');
  }
  if (status === 404) return true;
  if (status !== 200) throw invalid('where 200 or 404 was expected');
  return false;
}

/** The digest of a manifest that was asked for by tag, after checks that it is one. */
function digestOfBody(host: Host, answer: FollowedAnswer): Digest {
  const { registry } = host;
  const type = withoutParameters(headerOf(answer.headers, 'content-type'));
  if (!isIndex(type) && !isManifest(type)) {
    const got = type === undefined ? 'nothing' : `"${type.slice(0, 100)}"`;
    throw registryFailure(
      'REGISTRY_INVALID',
      registry,
      `${plainAddress(answer.url)}: expected a manifest, got ${got}`,
    );
  }
  const told = digestFrom(headerOf(answer.headers, 'docker-content-digest'));
  const digest = digestOf(answer.body, told);
  if (told && told !== digest) {
    const detail = `${plainAddress(answer.url)}: the header says ${told}, the content has ${digest}`;
    throw registryFailure('REGISTRY_DIGEST_MISMATCH', registry, detail);
  }
  return digest;
}
