import { join, resolve } from 'node:path';
import type { LocalBuilder } from '@image-factory/adapters/build-local/local-builder.ts';
import type { RegistryClient } from '@image-factory/adapters/registry/create-registry.ts';
import type { FactoryConfig, Provider, Settings } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { openCiBuilders, startableProviders, type CiBuilders } from './ci-builders.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { openRegistry } from './open-registry.ts';
import { openStore, type StateOverride } from './open-store.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';

/** What is opened as factory.yaml says, and opened anew where it says something else. */
export interface OpenedParts {
  readonly store: StateStore;
  readonly registry: RegistryClient;
  builderFor(provider: Provider): Builder | undefined;
  /** Opens what starts builds here, if any image needs it. Answers why a provider's builds cannot be started. */
  openBuilders(): Promise<readonly Problem[]>;
  /** What `openBuilders` would find, without opening anything: a rehearsal says what a run would do. */
  findBuilders(): Promise<{
    readonly startable: (provider: Provider) => boolean;
    readonly problems: readonly Problem[];
  }>;
  /**
   * From now on as this configuration says. Only between cycles: builds that run in this process would be cancelled.
   * Throws where the state cannot be opened; everything is as it was then.
   */
  follow(config: FactoryConfig): Promise<void>;
  /** The builders of CI systems, for who asks about them. */
  openCi(): Promise<CiBuilders>;
  close(): Promise<void>;
}

export async function openParts(
  options: GlobalOptions,
  io: Io,
  first: FactoryConfig,
  override: StateOverride,
): Promise<OpenedParts> {
  let config = first;
  let store = await openStore(options.dir, config.settings.state, io, override);
  let registry = openRegistry(options.dir, config.settings.registries, io);
  let builder: LocalBuilder | undefined;
  let ci: CiBuilders | undefined;

  return {
    get store() {
      return store;
    },
    get registry() {
      return registry;
    },
    builderFor: (provider) => (provider === 'local' ? builder : ci?.builderFor(provider)),
    async openBuilders() {
      ci ??= await openCiBuilders(options.dir, config, registry, io);
      if (!hasLocal(config) || builder) return [];
      try {
        builder = await openLocalBuilder(options, io, config.settings, registry);
        return [];
      } catch (thrown) {
        return [problemOf(thrown)];
      }
    },
    async openCi() {
      ci ??= await openCiBuilders(options.dir, config, registry, io);
      return ci;
    },
    async findBuilders() {
      const atCi = startableProviders(config);
      const startable = (provider: Provider): boolean => atCi.includes(provider);
      if (!hasLocal(config)) return { startable, problems: [] };
      const { definedOnly, pickBuilder } = await import('@image-factory/adapters/build-local/choose-tool.ts');
      try {
        await pickBuilder(config.settings.builder.tool, definedOnly(io.env));
        return { startable: (provider) => provider === 'local' || startable(provider), problems: [] };
      } catch (thrown) {
        return { startable, problems: [problemOf(thrown)] };
      }
    },
    async follow(next) {
      const before = config.settings;
      const { settings } = next;
      if (!isSame(before.state, settings.state)) {
        const other = await openStore(options.dir, settings.state, io, override);
        store.close();
        store = other;
      }
      const otherRegistries = !isSame(before.registries, settings.registries);
      if (otherRegistries || !isSame(builderSettings(before), builderSettings(settings))) {
        await builder?.close();
        builder = undefined;
      }
      if (otherRegistries) {
        // Closed first: it writes what it has looked at, and the next one reads that.
        await registry.close();
        registry = openRegistry(options.dir, settings.registries, io);
      }
      // Nothing of it is worth keeping: runs live at their CI system.
      await ci?.close();
      ci = undefined;
      config = next;
    },
    async close() {
      store.close();
      await ci?.close();
      await registry.close();
    },
  };
}

function hasLocal({ images }: FactoryConfig): boolean {
  return images.some((image) => image.kind === 'managed' && image.source.provider === 'local');
}

/** What the local builder is opened with. */
function builderSettings({ builder, limits }: Settings): unknown {
  return [builder, limits.perProvider.local ?? limits.concurrent, limits.buildTimeout];
}

/** Settings are read by the same code in the same order, so that equal ones have equal texts. */
function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

async function openLocalBuilder(
  options: GlobalOptions,
  io: Io,
  { builder, limits, registries }: Settings,
  registry: RegistryClient,
): Promise<LocalBuilder> {
  const places = placesOf(options.dir, io);
  const [{ createLocalBuilder }, { gitCheckout }, { createRemoteCommits }] = await Promise.all([
    import('@image-factory/adapters/build-local/local-builder.ts'),
    import('@image-factory/adapters/build-local/checkout.ts'),
    import('@image-factory/adapters/git/remote-commits.ts'),
  ]);
  const clock = clockOf(io);
  return createLocalBuilder({
    tool: builder.tool,
    workDir: places.builds,
    logDir: places.logs,
    concurrency: limits.perProvider.local ?? limits.concurrent,
    timeout: limits.buildTimeout,
    clock,
    checkout: gitCheckout({
      baseDir: resolve(io.cwd, options.dir),
      workDir: join(places.builds, 'checkouts'),
      environment: io.env,
      remotes: createRemoteCommits({
        cacheDir: join(places.git, 'sources'),
        clock,
        environment: io.env,
      }),
    }),
    registries,
    registry,
    environment: io.env,
  });
}
