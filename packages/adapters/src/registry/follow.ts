import type { FactoryError } from '@image-factory/core/problem.ts';
import { plainAddress, registryFailure } from './failures.ts';
import type { Reach } from './reach.ts';
import { headerOf } from './answer-headers.ts';
import type { WireAnswer } from './exchange.ts';
import type { Wire, WireRequest } from './wire.ts';

const mostRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface FollowedAnswer extends WireAnswer {
  /** Where the answer came from in the end. */
  readonly url: URL;
}

/** Where the request may be led to. */
export interface FollowRules {
  /** For origins other than the first. */
  readonly elsewhere: Reach;
  /** May plain HTTP be spoken elsewhere? */
  readonly plainHttp: boolean;
  /** A redirect to another host is handed back instead of being followed. */
  readonly stay?: boolean | undefined;
}

/**
 * Sends a request and follows redirects by hand: at most five, the method stays, `Authorization` goes to the first
 * origin only (distribution-spec: it must not be forwarded), and addresses elsewhere are judged by the rules.
 */
export async function follow(wire: Wire, request: WireRequest, rules: FollowRules): Promise<FollowedAnswer> {
  const first = request.url;
  let url = first;
  for (let count = 0; ; count += 1) {
    const home = url.origin === first.origin;
    const answer = await wire.send({
      ...request,
      url,
      headers: home ? request.headers : withoutAuthorization(request.headers),
      reach: home ? request.reach : rules.elsewhere,
    });
    if (!redirects.has(answer.status)) return { ...answer, url };
    const next = target(request, url, headerOf(answer.headers, 'location'), rules);
    if (rules.stay && next.host !== first.host) return { ...answer, url };
    if (count === mostRedirects) {
      throw registryFailure(
        'REGISTRY_INVALID',
        request.registry,
        `${plainAddress(first)}: more than ${mostRedirects} redirects`,
      );
    }
    url = next;
  }
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { authorization: _, ...rest } = headers;
  return rest;
}

function target(request: WireRequest, from: URL, location: string | undefined, rules: FollowRules): URL {
  const next = location === undefined ? undefined : URL.parse(location, from.href);
  if (!next) {
    throw registryFailure(
      'REGISTRY_INVALID',
      request.registry,
      `${plainAddress(from)} redirects to no address`,
    );
  }
  const refuse = (why: string): FactoryError =>
    registryFailure(
      'REGISTRY_BLOCKED',
      request.registry,
      `${plainAddress(from)} redirects to ${plainAddress(next)}: ${why}`,
    );
  const schemes = rules.plainHttp ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(next.protocol))
    throw refuse(`only ${schemes.map((scheme) => scheme.slice(0, -1)).join(' or ')} is accepted`);
  if (next.username !== '' || next.password !== '') throw refuse('it holds a user name');
  return next;
}
