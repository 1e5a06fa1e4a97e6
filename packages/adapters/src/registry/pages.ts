import { plainAddress, registryFailure } from './failures.ts';
import type { FollowedAnswer } from './follow.ts';
import type { Host } from './host.ts';
import { nextQuery } from './links.ts';

export const largestPage = 8 * 1024 * 1024;
const mostPages = 1000;

/** Reads a paged listing to its end: at most a thousand pages, none twice, none from elsewhere. */
export async function readPages(
  host: Host,
  firstQuery: string,
  ask: (query: string) => Promise<FollowedAnswer>,
  take: (answer: FollowedAnswer) => void,
  first?: FollowedAnswer,
): Promise<void> {
  const seen = new Set<string>();
  let query = firstQuery;
  let given = first;
  for (;;) {
    const answer = given ?? (await ask(query));
    given = undefined;
    const where = plainAddress(answer.url);
    take(answer);
    seen.add(query);
    const next = nextQuery(answer);
    if (next === undefined) return;
    if (next === null) {
      throw registryFailure('REGISTRY_BLOCKED', host.registry, `${where}: the next page is on another host`);
    }
    if (seen.has(next)) {
      throw registryFailure('REGISTRY_INVALID', host.registry, `${where}: the pages go in a circle`);
    }
    if (seen.size >= mostPages) {
      throw registryFailure('REGISTRY_TOO_LARGE', host.registry, `${where}: more than ${mostPages} pages`);
    }
    query = next;
  }
}
