import type { FollowedAnswer } from './follow.ts';
import { headerOf } from './answer-headers.ts';

const longestHeader = 16 * 1024;

/** The target of `rel="next"` in a Link field (RFC 8288); undefined if there is none. */
export function nextLink(field: string | undefined): string | undefined {
  let rest = (field ?? '').slice(0, longestHeader);
  for (;;) {
    const match = /^[\s,]*<([^>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;]*))?)*)/.exec(rest);
    if (!match) return undefined;
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))/i.exec(match[2] ?? '');
    const names = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (names.includes('next')) return match[1];
    rest = rest.slice(match[0].length);
  }
}

/**
 * The query of the next page, or undefined on the last one; null where the link leaves the host that answered.
 * Only the query is taken over: registries behind proxies write links with a wrong scheme or without their prefix,
 * and ours is the path that works.
 */
export function nextQuery(answer: FollowedAnswer): string | null | undefined {
  const link = nextLink(headerOf(answer.headers, 'link'));
  if (link === undefined) return undefined;
  const target = URL.parse(link, answer.url.href);
  if (!target || target.hostname !== answer.url.hostname) return null;
  return target.port === answer.url.port || target.port === '' ? target.search : null;
}
