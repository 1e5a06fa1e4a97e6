import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { CredentialSource } from '@image-factory/core/ports/credentials.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { Reference } from '@image-factory/core/reference/types.ts';
import { ClockReadings } from './clock-readings.ts';
import { describeDigest, type Description } from './describe.ts';
import { Host, longestWait } from './host.ts';
import { Limiter } from './limiter.ts';
import { createMemoryLookCache, type LookCache } from './look-cache.ts';
import { isAbsent, lookAt } from './look.ts';
import { manifestAccept } from './media-types.ts';
import type { ProxyFor } from './proxies.ts';
import type { Resolve } from './reach.ts';
import { RecentlyUsed } from './recently-used.ts';
import { findReferrers } from './referrers.ts';
import { knownTags } from './tags.ts';
import { retag } from './retag.ts';
import { createWire, defaultTimeouts, type Timeouts } from './wire.ts';

export interface RegistryOptions {
  /** By registry, as references name it: `docker.io`, `127.0.0.1:5000`. */
  readonly settings: Readonly<Record<string, RegistrySettings>>;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  /** @default a cache in memory */
  readonly cache?: LookCache;
  /** @default `image-factory` */
  readonly userAgent?: string;
  /** Requests at once to all registries together. @default 64 */
  readonly concurrency?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** Hosts of token services, by registry, that may have its credentials although they are no neighbours of it. */
  readonly tokenHosts?: Readonly<Record<string, readonly string[]>>;
  /** Between 0 and 1, for the spread of repeated requests. @default Math.random */
  readonly random?: () => number;
  /** @default the system's resolver */
  readonly resolve?: Resolve;
  /** @default no proxies */
  readonly proxyFor?: ProxyFor;
}

/** A registry client holds connections: it is closed when it is no longer needed. */
export interface RegistryClient extends Registry {
  /** Ends what is under way, and makes the cache of looks durable. */
  close(): Promise<void>;
}

const keptDescriptions = 1024;

/** A client of all OCI registries, with one set of limits, tokens and rules per registry. */
export function createRegistry(options: RegistryOptions): RegistryClient {
  const { settings, credentials, clock, random = Math.random, concurrency = 64 } = options;
  const cache = options.cache ?? createMemoryLookCache();
  const readings = new ClockReadings();
  const overall = new Limiter({
    registry: 'all',
    clock,
    requestsPerSecond: undefined,
    concurrency,
    longestWait,
  });
  const wire = createWire({
    userAgent: options.userAgent ?? 'image-factory',
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    connections: concurrency,
    resolve: options.resolve,
    proxyFor: options.proxyFor,
  });
  const hosts = new Map<string, Host>();
  const descriptions = new RecentlyUsed<Description>(keptDescriptions);

  function hostOf({ domain }: Reference): Host {
    const known = hosts.get(domain);
    if (known) return known;
    const host = newHost(domain);
    hosts.set(domain, host);
    return host;
  }

  function newHost(domain: string): Host {
    return new Host({
      registry: domain,
      settings: Object.hasOwn(settings, domain) ? settings[domain] : undefined,
      tokenHosts: (Object.hasOwn(options.tokenHosts ?? {}, domain) && options.tokenHosts?.[domain]) || [],
      credentials,
      clock,
      wire,
      readings,
      overall,
      random,
    });
  }

  return {
    look(reference, lookOptions = {}) {
      return lookAt(hostOf(reference), cache, clock, reference.path, reference.tag ?? 'latest', lookOptions);
    },
    async describe(reference, digest, signal) {
      // A digest's content never changes, so its description is kept; whether it is served is asked with `serves`.
      const key = `${reference.domain}/${reference.path}@${digest}`;
      const known = descriptions.get(key);
      if (known) return known.described;
      const description = await describeDigest(hostOf(reference), reference.path, digest, signal);
      if (description?.whole) descriptions.set(key, description);
      return description?.described;
    },
    async serves(reference, digest, signal) {
      const host = hostOf(reference);
      const path = `manifests/${digest}`;
      const headers = { accept: manifestAccept };
      return !isAbsent(
        host,
        await host.send({ method: 'HEAD', repository: reference.path, path, headers, maxBody: 0, signal }),
      );
    },
    listTags: (reference, listOptions = {}) =>
      knownTags(hostOf(reference), cache.tagLists, clock, reference.path, listOptions),
    referrers: (reference, digest, artifactType, signal) =>
      findReferrers(hostOf(reference), reference.path, digest, artifactType, signal),
    async retag(reference, digest, signal) {
      const writer = newHost(reference.domain);
      try {
        const { path, tag = 'latest' } = reference;
        await retag(hostOf(reference), writer, path, digest, tag, signal);
      } finally {
        writer.close();
      }
    },
    takeClockReadings: () => readings.take(),
    async close() {
      for (const host of hosts.values()) host.close();
      overall.close();
      await wire.close();
      await cache.flush();
    },
  };
}
