import { plainAddress, registryFailure } from './failures.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { FollowedAnswer } from './follow.ts';
import type { Host } from './host.ts';
import { parseObject } from './json.ts';
import type { TagLists } from './look-cache.ts';
import { isAbsent } from './look.ts';
import { largestPage, readPages } from './pages.ts';

/** Signatures, attestations and referrers stand under tags that are made of a digest. */
const derivedTag = /^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.[a-z]+)?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const mostTags = 2_000_000;

/** Quay refuses more than a hundred, Amazon's registry more than a thousand. */
function pageSize(registry: string): number {
  return registry === 'quay.io' ? 100 : 1000;
}

/** Is it a tag that a person may have meant? */
export function isTag(tag: unknown): tag is string {
  return typeof tag === 'string' && tagPattern.test(tag) && !derivedTag.test(tag);
}

/** The list as it was remembered, where the registry may be asked once in a while only. */
export async function knownTags(
  host: Host,
  lists: TagLists,
  clock: Clock,
  repository: string,
  options: { readonly force?: boolean; readonly signal?: AbortSignal },
): Promise<readonly string[]> {
  const { minInterval } = host.limits;
  if (minInterval === 0) return listTags(host, repository, options.signal);
  const key = `${host.registry}/${repository}`;
  const known = options.force ? undefined : await lists.get(key);
  if (known && known.askedAt + minInterval > clock.now()) return known.tags;
  const tags = await listTags(host, repository, options.signal);
  await lists.set(key, { askedAt: clock.now(), tags });
  return tags;
}

/** All tags in the registry's order, each once. */
async function listTags(
  host: Host,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const tags = new Set<string>();
  const ask = (query: string): Promise<FollowedAnswer> =>
    host.send({
      method: 'GET',
      repository,
      path: `tags/list${query}`,
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
      maxBody: largestPage,
      signal,
    });
  const query = `?n=${pageSize(host.registry)}`;
  let first = await ask(query);
  // Some registries refuse a page size that is not to their liking instead of making the page smaller.
  if (first.status === 400 || first.status === 405 || first.status === 422) first = await ask('');
  await readPages(
    host,
    query,
    ask,
    (answer) => {
      for (const tag of tagsOn(host, repository, answer)) tags.add(tag);
      if (tags.size <= mostTags) return;
      throw registryFailure('REGISTRY_TOO_LARGE', host.registry, `${repository}: more than ${mostTags} tags`);
    },
    first,
  );
  return [...tags];
}

function tagsOn(host: Host, repository: string, answer: FollowedAnswer): readonly string[] {
  const { registry } = host;
  if (isAbsent(host, answer)) {
    throw registryFailure('REGISTRY_NOT_FOUND', registry, `there is no repository ${repository}`);
  }
  const where = plainAddress(answer.url);
  // A repository without tags has null in the place of the list at some registries.
  const listed = parseObject(registry, `the answer of ${where}`, answer.body)['tags'] ?? [];
  if (!Array.isArray(listed)) {
    throw registryFailure('REGISTRY_INVALID', registry, `${where}: expected a list of tags`);
  }
  return listed.filter(isTag);
}
