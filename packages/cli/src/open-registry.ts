import { homedir } from 'node:os';
import type { RegistryClient } from '@image-factory/adapters/registry/create-registry.ts';
import { proxiesFrom, type ProxyFor } from '@image-factory/adapters/registry/proxies.ts';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { Io } from './io.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';

/** A registry client that is made when a registry is first asked: what only reads Dockerfiles need not wait for it. */
export function openRegistry(dir: string, settings: Settings['registries'], io: Io): RegistryClient {
  const proxyFor = proxiesFrom(io.env);
  let opening: Promise<RegistryClient> | undefined;
  let opened: RegistryClient | undefined;
  async function client(): Promise<RegistryClient> {
    opening ??= newClient(dir, settings, io, proxyFor);
    opened = await opening;
    return opened;
  }
  return {
    look: async (...given) => (await client()).look(...given),
    describe: async (...given) => (await client()).describe(...given),
    serves: async (...given) => (await client()).serves(...given),
    listTags: async (...given) => (await client()).listTags(...given),
    referrers: async (...given) => (await client()).referrers(...given),
    retag: async (...given) => (await client()).retag(...given),
    takeClockReadings: () => opened?.takeClockReadings() ?? [],
    close: async () => (await opening)?.close(),
  };
}

async function newClient(
  dir: string,
  settings: Settings['registries'],
  io: Io,
  proxyFor: ProxyFor,
): Promise<RegistryClient> {
  const [{ createRegistry }, { openFileLookCache }, { createDockerCredentials }] = await Promise.all([
    import('@image-factory/adapters/registry/create-registry.ts'),
    import('@image-factory/adapters/registry/file-look-cache.ts'),
    import('@image-factory/adapters/credentials/docker-credentials.ts'),
  ]);
  const clock = clockOf(io);
  const homeFolder = io.env['HOME'] ?? homedir();
  return createRegistry({
    settings,
    credentials: createDockerCredentials({ environment: io.env, homeFolder, clock }),
    clock,
    proxyFor,
    cache: await openFileLookCache(placesOf(dir, io).looks, () => clock.now()),
  });
}
