import type { Credential } from '@image-factory/core/ports/credentials.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { second } from '@image-factory/core/time.ts';
import { quoteErrors, registryFailure, Throttled } from './failures.ts';
import { follow, type FollowedAnswer } from './follow.ts';
import type { Reach } from './reach.ts';
import { retryDelay } from './retry-delay.ts';
import type { Wire } from './wire.ts';

/** Where a registry has its tokens from, as its challenge says. */
export interface TokenService {
  readonly realm: URL;
  readonly service: string | undefined;
}

export interface Token {
  readonly value: string;
  /** By the monotonic clock; somewhat before the registry's own end of it. */
  readonly expiresAt: number;
  readonly obtainedAt: number;
}

export interface TokenRequest {
  readonly registry: string;
  readonly service: TokenService;
  /** `repository:<name>:pull` each; some services read the first alone. */
  readonly scopes: readonly string[];
  /** Undefined: anonymous. */
  readonly credential: Credential | undefined;
  readonly reach: Reach;
  /** Where the service may redirect us. */
  readonly elsewhere: Reach;
  readonly plainHttp: boolean;
  readonly signal?: AbortSignal | undefined;
}

const clientId = 'image-factory';
const largestAnswer = 256 * 1024;
/** Shorter lifetimes are not believed, and none is this one (distribution's token specification). */
const shortestLifetime = 60;
const longestLifetime = 24 * 3600;

/** Gets a token: GET with Basic credentials or none, POST for an identity token (GET where the service has no POST). */
export async function fetchToken(wire: Wire, clock: Clock, request: TokenRequest): Promise<Token> {
  const askedAt = clock.monotonic();
  const { credential } = request;
  let answer =
    credential?.kind === 'identity-token'
      ? await post(wire, request, credential.token)
      : await get(wire, request);
  if (credential?.kind === 'identity-token' && (answer.status === 404 || answer.status === 405)) {
    answer = await get(wire, request);
  }
  if (answer.status !== 200) throw refusal(request, answer, clock);
  return readToken(request, answer, askedAt);
}

function get(wire: Wire, request: TokenRequest): Promise<FollowedAnswer> {
  const { service, credential } = request;
  const url = new URL(service.realm);
  if (service.service !== undefined) url.searchParams.set('service', service.service);
  for (const scope of request.scopes) url.searchParams.append('scope', scope);
  if (credential) url.searchParams.set('client_id', clientId);
  if (credential?.kind === 'basic') url.searchParams.set('account', credential.username);
  const authorization = credential ? basicAuthorization(credential) : undefined;
  return follow(
    wire,
    {
      registry: request.registry,
      method: 'GET',
      url,
      headers: { accept: 'application/json', ...(authorization ? { authorization } : {}) },
      maxBody: largestAnswer,
      reach: request.reach,
      signal: request.signal,
    },
    { elsewhere: request.elsewhere, plainHttp: request.plainHttp },
  );
}

/** The body holds the secret, so a redirect is not followed. */
async function post(wire: Wire, request: TokenRequest, refreshToken: string): Promise<FollowedAnswer> {
  const { service } = request;
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    scope: request.scopes.join(' '),
    ...(service.service === undefined ? {} : { service: service.service }),
  });
  const answer = await wire.send({
    registry: request.registry,
    method: 'POST',
    url: service.realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    maxBody: largestAnswer,
    reach: request.reach,
    signal: request.signal,
  });
  return { ...answer, url: service.realm };
}

/** The header that a credential is sent in as it is. */
export function basicAuthorization(credential: Credential): string {
  if (credential.kind === 'bearer') return `Bearer ${credential.token}`;
  const pair =
    credential.kind === 'basic'
      ? `${credential.username}:${credential.password}`
      : `<token>:${credential.token}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}

function refusal(request: TokenRequest, answer: FollowedAnswer, clock: Clock): Error {
  const { registry, service, credential } = request;
  const words = quoteErrors(answer.body, secretsOf(credential));
  const detail = `its token service ${service.realm.host} answered ${answer.status}${words ? ` (${words})` : ''}`;
  if (answer.status === 429) {
    return new Throttled(
      registry,
      detail,
      retryDelay(answer.headers, answer.body.toString('utf8'), clock.now()),
    );
  }
  if (answer.status >= 500) return registryFailure('REGISTRY_UNREACHABLE', registry, detail);
  if (answer.status >= 400) return registryFailure('REGISTRY_DENIED', registry, detail);
  return registryFailure('REGISTRY_INVALID', registry, detail);
}

function readToken(request: TokenRequest, answer: FollowedAnswer, askedAt: number): Token {
  const invalid = (what: string): Error =>
    registryFailure(
      'REGISTRY_INVALID',
      request.registry,
      `its token service ${request.service.realm.host} ${what}`,
    );
  let json: Readonly<Record<string, unknown>> | null;
  try {
    json = JSON.parse(answer.body.toString('utf8')) as Readonly<Record<string, unknown>> | null;
  } catch {
    throw invalid('did not answer in JSON');
  }
  const value = [json?.['token'], json?.['access_token']].find(
    (field) => typeof field === 'string' && field !== '',
  );
  // What is no visible ASCII cannot stand in a header.
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,32768}$/.test(value))
    throw invalid('gave no usable token');
  const told = json?.['expires_in'];
  const lifetime = typeof told === 'number' && Number.isFinite(told) ? told : shortestLifetime;
  const bounded = Math.min(longestLifetime, Math.max(shortestLifetime, lifetime));
  return { value, obtainedAt: askedAt, expiresAt: askedAt + (bounded - Math.max(5, bounded / 5)) * second };
}

/** Everything of a credential that must not appear in a message. */
export function secretsOf(credential: Credential | undefined): readonly string[] {
  if (!credential) return [];
  const encoded = basicAuthorization(credential).split(' ')[1] ?? '';
  return credential.kind === 'basic' ? [credential.password, encoded] : [credential.token, encoded];
}
