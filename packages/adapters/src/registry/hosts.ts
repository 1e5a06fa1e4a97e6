import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import { day, type Duration } from '@image-factory/core/time.ts';

/** What is asked of a registry at most, where the settings say nothing. */
export interface HostLimits {
  readonly minInterval: Duration;
  readonly requestsPerSecond: number | undefined;
  readonly concurrency: number;
  readonly quotaFloor: number;
}

interface PublicRegistry {
  readonly requestsPerSecond: number;
  readonly quotaFloor?: number;
}

/**
 * Registries that serve everybody, with what they bear from one address. Docker Hub has an abuse limit per address of
 * some thousand requests a minute, also for paid accounts; the gallery of Amazon allows one request in a second
 * without an account; Quay answers few per second.
 */
const publicRegistries: Readonly<Record<string, PublicRegistry>> = {
  'docker.io': { requestsPerSecond: 10, quotaFloor: 10 },
  'ghcr.io': { requestsPerSecond: 20 },
  'quay.io': { requestsPerSecond: 5 },
  'gcr.io': { requestsPerSecond: 20 },
  'registry.k8s.io': { requestsPerSecond: 20 },
  'mcr.microsoft.com': { requestsPerSecond: 20 },
  'public.ecr.aws': { requestsPerSecond: 1 },
  'cgr.dev': { requestsPerSecond: 10 },
  'registry.gitlab.com': { requestsPerSecond: 10 },
  'registry.access.redhat.com': { requestsPerSecond: 10 },
  'registry.redhat.io': { requestsPerSecond: 10 },
  'docker.elastic.co': { requestsPerSecond: 10 },
  'nvcr.io': { requestsPerSecond: 10 },
  'lscr.io': { requestsPerSecond: 10 },
  'registry.opensuse.org': { requestsPerSecond: 10 },
  'registry.fedoraproject.org': { requestsPerSecond: 10 },
};

const defaultConcurrency = 16;

function publicRegistry(registry: string): PublicRegistry | undefined {
  if (Object.hasOwn(publicRegistries, registry)) return publicRegistries[registry];
  return /^(?:[a-z]+\.)?gcr\.io$/.test(registry) ? publicRegistries['gcr.io'] : undefined;
}

export function limitsOf(registry: string, settings: RegistrySettings | undefined): HostLimits {
  const known = publicRegistry(registry);
  return {
    minInterval: settings?.minInterval ?? (known ? day : 0),
    requestsPerSecond: settings?.requestsPerSecond ?? known?.requestsPerSecond,
    concurrency: settings?.concurrency ?? (known ? 8 : defaultConcurrency),
    quotaFloor: settings?.quotaFloor ?? known?.quotaFloor ?? 0,
  };
}

/** Where the registry of a reference's domain is asked. */
export function registryOrigin(registry: string, insecure: boolean): URL {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return new URL(`${insecure ? 'http' : 'https'}://${host}/`);
}
