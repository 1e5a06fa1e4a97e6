import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Credential, CredentialSource } from '@image-factory/core/ports/credentials.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import type { Reference } from '@image-factory/core/reference/types.ts';
import type { Duration } from '@image-factory/core/time.ts';

/** A clock whose sleeps take no time: they move it forward instead. */
export interface LeapingClock extends Clock {
  advance(duration: Duration): void;
  /** All sleeps in a row, in milliseconds. */
  readonly slept: readonly Duration[];
}

export function leapingClock(): LeapingClock {
  let offset = 0;
  const slept: Duration[] = [];
  return {
    slept,
    now: () => Date.now() + offset,
    monotonic: () => performance.now() + offset,
    advance: (duration) => void (offset += duration),
    sleep: async (duration, signal) => {
      signal?.throwIfAborted();
      slept.push(duration);
      offset += duration;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
}

export function withCredentials(...credentials: readonly Credential[]): CredentialSource {
  return { find: () => Promise.resolve(credentials) };
}

export const noSettings: RegistrySettings = {
  insecure: false,
  minInterval: undefined,
  requestsPerSecond: undefined,
  concurrency: undefined,
  quotaFloor: undefined,
  allowPrivateAddresses: false,
};

export interface ClientOptions {
  readonly settings: Readonly<Record<string, RegistrySettings>>;
  readonly credentials: CredentialSource;
  readonly clock: LeapingClock;
  readonly random: () => number;
}

/** Options of a client for one registry on plain HTTP, without credentials; tests state what differs. */
export function clientOptions(host: string, settings: Partial<RegistrySettings> = {}): ClientOptions {
  return {
    settings: { [host]: { ...noSettings, insecure: true, ...settings } },
    credentials: withCredentials(),
    clock: leapingClock(),
    random: () => 0.5,
  };
}

export function referenceTo(domain: string, path: string, tag?: string): Reference {
  return { domain, path, ...(tag === undefined ? {} : { tag }) };
}

/** The problem that the work ends with; a success or another error fails the test. */
export async function problemIn(work: Promise<unknown>): Promise<Problem> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FactoryError) return error.problem;
    throw error;
  }
  throw new Error('expected a failure, got success');
}
