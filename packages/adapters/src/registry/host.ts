import type { CredentialSource } from '@image-factory/core/ports/credentials.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import type { FactoryError } from '@image-factory/core/problem.ts';
import { minute, second, type Duration } from '@image-factory/core/time.ts';
import type { ClockReadings } from './clock-readings.ts';
import { hasCode, plainAddress, quoteErrors, registryFailure, Throttled } from './failures.ts';
import { follow, type FollowedAnswer } from './follow.ts';
import { HostAuth, type Lease } from './host-auth.ts';
import { limitsOf, registryOrigin, type HostLimits } from './hosts.ts';
import { Limiter } from './limiter.ts';
import { quotaOf } from './quota-headers.ts';
import { retryDelay } from './retry-delay.ts';
import { secretsOf } from './token-service.ts';
import type { Wire } from './wire.ts';

export interface HostOptions {
  readonly registry: string;
  readonly settings: RegistrySettings | undefined;
  readonly tokenHosts: readonly string[];
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly wire: Wire;
  readonly readings: ClockReadings;
  /** Of all registries together. */
  readonly overall: Limiter;
  /** Between 0 and 1. */
  readonly random: () => number;
}

export interface HostRequest {
  readonly method: 'HEAD' | 'GET' | 'PUT';
  readonly repository: string;
  /** Below `/v2/<repository>/`, with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a manifest that is put: it may be put again, for the outcome is the same. */
  readonly body?: Buffer;
  readonly maxBody: number;
  readonly signal?: AbortSignal | undefined;
  /** A redirect to another host and a 429 are answers for the caller, not followed and not repeated. */
  readonly optional?: boolean;
}

/** A failure that may pass, and how long to wait for that if it is known. */
interface Failed {
  readonly failure: FactoryError;
  readonly wait: Duration | undefined;
}

const mostAttempts = 4;
/** Rounds of credentials within one attempt: anonymous, cached token, fresh token, refreshed credentials... */
const mostRounds = 6;
export const longestWait = minute;
/** A registry whose quota is nearly used up is looked at again after this time: windows roll. */
const quotaPause = 15 * minute;

/** One registry: requests go through its limits, are authorized, repeated where that helps, and judged. */
export class Host {
  readonly limits: HostLimits;
  readonly registry: string;
  readonly #options: HostOptions;
  readonly #origin: URL;
  readonly #insecure: boolean;
  readonly #private: boolean;
  readonly #auth: HostAuth;
  readonly #limiter: Limiter;
  /** The first request goes alone: it learns how the registry wants to be asked. */
  #first: Promise<unknown> | undefined;

  constructor(options: HostOptions) {
    const { registry, settings, clock } = options;
    this.#options = options;
    this.registry = registry;
    this.limits = limitsOf(registry, settings);
    this.#insecure = settings?.insecure ?? false;
    this.#private = settings?.allowPrivateAddresses ?? false;
    this.#origin = registryOrigin(registry, this.#insecure);
    const { requestsPerSecond, concurrency } = this.limits;
    this.#limiter = new Limiter({ registry, clock, requestsPerSecond, concurrency, longestWait });
    this.#auth = new HostAuth({
      ...options,
      origin: this.#origin,
      insecure: this.#insecure,
      allowPrivateAddresses: this.#private,
    });
  }

  /** Answers with a status below 400, 404, or another of the 4xx; refusals and failures are thrown. */
  async send(request: HostRequest): Promise<FollowedAnswer> {
    const done = this.#auth.want(request.repository);
    try {
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await this.#attempt(request);
        if (!('failure' in outcome)) return outcome;
        const wait = outcome.wait ?? this.#backOff(attempt);
        if (attempt === mostAttempts || wait > longestWait) throw outcome.failure;
        // A throttled limiter makes everybody wait; after other failures it is this request alone.
        if (!(outcome.failure instanceof Throttled)) {
          await this.#options.clock.sleep(wait, request.signal);
        }
      }
    } finally {
      done();
    }
  }

  close(): void {
    this.#limiter.close();
  }

  /** Half a second, doubled each time, spread over 50 to 150 per cent. */
  #backOff(attempt: number): Duration {
    return (second / 2) * 2 ** (attempt - 1) * (0.5 + this.#options.random());
  }

  /** The judgement is made before the turn is given on, so that who comes next is held back by it. */
  async #attempt(request: HostRequest): Promise<FollowedAnswer | Failed> {
    const { overall } = this.#options;
    await this.#limiter.enter(request.signal);
    try {
      await overall.enter(request.signal);
      try {
        return this.#judge(request, await this.#authorized(request));
      } finally {
        overall.leave();
      }
    } catch (error) {
      if (error instanceof Throttled) return { failure: error, wait: this.#slowDown(error) };
      if (!hasCode(error, 'REGISTRY_UNREACHABLE')) throw error;
      return { failure: error, wait: undefined };
    } finally {
      this.#limiter.leave();
    }
  }

  #judge(request: HostRequest, answer: FollowedAnswer): FollowedAnswer {
    this.#noteQuota(answer);
    const failure = this.#failureOf(request, answer);
    if (failure) throw failure;
    if (answer.status !== 429) this.#limiter.succeeded();
    return answer;
  }

  #slowDown({ delay, detail }: Throttled): Duration {
    const wait = (delay ?? 2 * second) + this.#backOff(1);
    this.#limiter.throttled(wait, detail);
    return wait;
  }

  async #authorized(request: HostRequest): Promise<FollowedAnswer> {
    if (this.#first) {
      await this.#first;
      return this.#rounds(request);
    }
    const first = this.#rounds(request);
    this.#first = first.then(
      () => undefined,
      () => undefined,
    );
    return first;
  }

  async #rounds(request: HostRequest): Promise<FollowedAnswer> {
    let lease = await this.#auth.lease(request.repository, request.signal);
    for (let round = 1; ; round += 1) {
      const answer = await this.#exchange(request, lease);
      const refused = answer.status === 401 || answer.status === 403;
      // What another host refuses after a redirect is no business of this registry's credentials.
      if (!refused || answer.url.origin !== this.#origin.origin) return answer;
      const next =
        round < mostRounds
          ? await this.#auth.recover(request.repository, lease, answer.status, answer.headers, request.signal)
          : undefined;
      if (!next) throw this.#denied(request, answer, lease);
      lease = next;
    }
  }

  async #exchange(request: HostRequest, lease: Lease): Promise<FollowedAnswer> {
    const { wire, readings, clock } = this.#options;
    const url = new URL(`/v2/${request.repository}/${request.path}`, this.#origin);
    const { authorization } = lease;
    try {
      const answer = await follow(
        wire,
        {
          registry: this.registry,
          method: request.method,
          url,
          body: request.body,
          headers: authorization === undefined ? request.headers : { ...request.headers, authorization },
          maxBody: request.maxBody,
          reach: this.#private ? 'any' : 'network',
          signal: request.signal,
        },
        { elsewhere: this.#private ? 'any' : 'public', plainHttp: this.#insecure, stay: request.optional },
      );
      if (answer.url.origin === this.#origin.origin) readings.add(this.registry, answer.headers, clock.now());
      return answer;
    } catch (error) {
      if (hasCode(error, 'REGISTRY_UNREACHABLE')) this.#limiter.failed(error);
      throw error;
    }
  }

  #failureOf(request: HostRequest, answer: FollowedAnswer): FactoryError | undefined {
    const { status, url } = answer;
    if (status === 401 || status === 403) return this.#denied(request, answer, undefined);
    if (status < 429 || (request.optional && status === 429)) return undefined;
    const what = `${plainAddress(url)} answered ${status}`;
    const delay = retryDelay(answer.headers, answer.body.toString('utf8'), this.#options.clock.now());
    if (status === 429 || (status === 503 && delay !== undefined))
      return new Throttled(this.registry, what, delay);
    if (status < 500) return undefined;
    const words = quoteErrors(answer.body, []);
    return registryFailure('REGISTRY_UNREACHABLE', this.registry, words ? `${what} (${words})` : what);
  }

  #denied(request: HostRequest, answer: FollowedAnswer, lease: Lease | undefined): FactoryError {
    const secrets = lease ? [...secretsOf(lease.credential), lease.token?.value ?? ''] : [];
    const words = quoteErrors(answer.body, secrets);
    const what = `${request.repository}: ${plainAddress(answer.url)} answered ${answer.status}${words ? ` (${words})` : ''}`;
    const detail = lease ? what + this.#auth.explain(lease) : what;
    return registryFailure('REGISTRY_DENIED', this.registry, detail);
  }

  /** Below the floor nothing more is asked for a while, so that builds and people still can pull. */
  #noteQuota(answer: FollowedAnswer): void {
    const { quotaFloor } = this.limits;
    const quota = quotaFloor > 0 ? quotaOf(answer.headers) : undefined;
    if (!quota || quota.remaining >= quotaFloor) return;
    const pause = Math.max(longestWait + second, Math.min(quotaPause, quota.window ?? quotaPause));
    this.#limiter.pause(
      pause,
      `its quota is nearly used up: ${quota.remaining} requests are left, ${quotaFloor} are kept`,
    );
  }
}
