import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createDockerCredentials } from '@image-factory/adapters/credentials/docker-credentials.ts';
import { createSources } from '@image-factory/adapters/git/sources.ts';
import { createRegistry } from '@image-factory/adapters/registry/create-registry.ts';
import { openFileLookCache } from '@image-factory/adapters/registry/file-look-cache.ts';
import type { FactoryConfig, Provider } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import { FactoryError, problemOf, type Problem } from '@image-factory/core/problem.ts';
import {
  exportDecodeCache,
  importDecodeCache,
  newDecodeCache,
  type DecodeCache,
} from '@image-factory/core/state/decode-cache.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { runCycle, type CycleOptions, type CycleReport } from '@image-factory/engine/cycle.ts';
import type { EngineDeps } from '@image-factory/engine/deps.ts';
import type { Changed } from '@image-factory/engine/enter.ts';
import { openRecords } from '@image-factory/engine/records.ts';
import { ProblemsError } from './problems-error.ts';
import { loadConfig } from './config-files.ts';
import { fileSightings } from './file-sightings.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { createLog } from './log.ts';
import { openStore, type StateOverride } from './open-store.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';
import { isDeadWriter, ownWriter } from './writer.ts';

/** Fewer records are decoded faster than a cache of them is read. */
const worthKeeping = 500;

export { loadConfig } from './config-files.ts';

/** A factory directory with everything that works on it. */
export interface Factory {
  readonly config: FactoryConfig;
  readonly warnings: readonly Problem[];
  readonly deps: EngineDeps;
  readonly log: ReturnType<typeof createLog>;
  cycle(options: CycleOptions): Promise<CycleReport>;
  /** Finds what starts builds here; `cycle` does it by itself. Answers why a provider's builds cannot be started. */
  openBuilders(): Promise<readonly Problem[]>;
  /** What a cycle would do: nothing is written, nothing is started. `offline` asks nobody. */
  rehearse(options: { readonly offline: boolean }): Promise<CycleReport>;
  /** A person's change of the state, as one commit. */
  change(subject: string, change: (state: FactoryState) => Changed): Promise<void>;
  close(): Promise<void>;
}

export async function openFactory(
  options: GlobalOptions,
  io: Io,
  override: StateOverride = {},
): Promise<Factory> {
  const loaded = await loadConfig(options.dir);
  if (!loaded.ok) throw new ProblemsError(loaded.error);
  const config = loaded.value;
  refuseOtherEngine(config);
  const places = placesOf(options.dir, io);
  const clock = clockOf(io);
  const log = createLog(io, options.logLevel);
  const store = await openStore(options.dir, config.settings.state, io, override);
  const credentials = createDockerCredentials({
    environment: io.env,
    homeFolder: io.env['HOME'] ?? homedir(),
    clock,
  });
  const registry = createRegistry({
    settings: config.settings.registries,
    credentials,
    clock,
    cache: await openFileLookCache(places.looks, () => clock.now()),
  });
  const sources = createSources({
    factoryDir: resolve(io.cwd, options.dir),
    cacheDir: join(places.git, 'sources'),
    clock,
    environment: io.env,
  });
  const builders = new Map<string, Builder>();
  const deps: EngineDeps = {
    store,
    registry,
    sources,
    builderFor: (provider) => builders.get(provider),
    clock,
    log,
    sightings: fileSightings(join(places.own, 'sightings.json')),
    writer: await ownWriter(),
    isDead: isDeadWriter,
  };
  let cache: DecodeCache | undefined;
  /** What the cache file holds already. */
  let kept: DecodeCache = newDecodeCache();

  /** What an earlier process decoded, as far as it fits the files of now. */
  async function rememberedCache(): Promise<(files: StateFiles) => DecodeCache> {
    const text = cache
      ? undefined
      : await readFile(join(places.own, 'decoded.json'), 'utf8').catch(() => undefined);
    return (files) => {
      if (cache) return cache;
      cache = text === undefined ? newDecodeCache() : importDecodeCache(text, files);
      kept = new Map(cache);
      return cache;
    };
  }

  async function keepCache(): Promise<void> {
    if (!cache || cache.size < worthKeeping) return;
    const news = cache.entries().some(([path, entry]) => kept.get(path) !== entry);
    if (!news) return;
    kept = new Map(cache);
    await mkdir(places.own, { recursive: true });
    const draft = join(places.own, `decoded.json.${process.pid}`);
    await writeFile(draft, exportDecodeCache(cache));
    await rename(draft, join(places.own, 'decoded.json'));
  }

  async function openBuilders(): Promise<readonly Problem[]> {
    if (!hasLocal(config) || builders.has('local')) return [];
    try {
      builders.set('local', await localBuilder(options, io, config, registry));
      return [];
    } catch (thrown) {
      return [problemOf(thrown)];
    }
  }

  /** What `openBuilders` would find, without opening anything: a rehearsal says what a run would do. */
  async function findBuilders(): Promise<{
    startable: (provider: Provider) => boolean;
    problems: Problem[];
  }> {
    if (!hasLocal(config)) return { startable: () => false, problems: [] };
    const { definedOnly, pickBuilder } = await import('@image-factory/adapters/build-local/choose-tool.ts');
    try {
      await pickBuilder(config.settings.builder.tool, definedOnly(io.env));
      return { startable: (provider) => provider === 'local', problems: [] };
    } catch (thrown) {
      return { startable: () => false, problems: [problemOf(thrown)] };
    }
  }

  async function cycle(cycleOptions: CycleOptions): Promise<CycleReport> {
    const acts = (cycleOptions.upTo ?? 'all') === 'all';
    const found = acts && cycleOptions.dry ? await findBuilders() : undefined;
    const problems = found ? found.problems : acts ? await openBuilders() : [];
    const cacheFor = await rememberedCache();
    try {
      const report = await runCycle({ ...deps, ...found }, config, { cacheFor, ...cycleOptions });
      await keepCache();
      return { ...report, problems: [...problems, ...report.problems] };
    } finally {
      log.clear();
    }
  }

  return {
    config,
    warnings: loaded.warnings,
    deps,
    log,
    cycle,
    openBuilders,
    rehearse: ({ offline }) => cycle(offline ? { dry: true, offline: true } : { dry: true }),
    async change(subject, change) {
      const records = openRecords({ store, dry: false });
      await records.load();
      await records.transact(subject, change);
    },
    async close() {
      store.close();
      sources.close();
      await registry.close();
    },
  };
}

function hasLocal({ images }: FactoryConfig): boolean {
  return images.some((image) => image.kind === 'managed' && image.source.provider === 'local');
}

async function localBuilder(
  options: GlobalOptions,
  io: Io,
  config: FactoryConfig,
  registry: Registry,
): Promise<Builder> {
  const places = placesOf(options.dir, io);
  const [{ createLocalBuilder }, { gitCheckout }, { createRemoteCommits }] = await Promise.all([
    import('@image-factory/adapters/build-local/local-builder.ts'),
    import('@image-factory/adapters/build-local/checkout.ts'),
    import('@image-factory/adapters/git/remote-commits.ts'),
  ]);
  const clock = clockOf(io);
  return createLocalBuilder({
    tool: config.settings.builder.tool,
    workDir: places.builds,
    logDir: places.logs,
    concurrency: config.settings.limits.perProvider.local ?? config.settings.limits.concurrent,
    timeout: config.settings.limits.buildTimeout,
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
    registries: config.settings.registries,
    registry,
    environment: io.env,
  });
}

/** This version has the embedded engine only; running it on a state that is meant for another one would be a surprise. */
function refuseOtherEngine({ settings }: FactoryConfig): void {
  if (settings.engine === 'embedded') return;
  throw new FactoryError({
    code: 'CONFIG_INVALID_VALUE',
    message: `factory.yaml says engine: ${settings.engine}, which this version does not have`,
    hint: 'Set engine: embedded, or leave it out.',
    place: { file: 'factory.yaml' },
  });
}

/** Opens the factory for one command and closes it afterwards, whatever happens: what was looked at is then remembered. */
export async function withFactory<T>(
  options: GlobalOptions,
  io: Io,
  work: (factory: Factory) => Promise<T>,
  override: StateOverride = {},
): Promise<T> {
  const factory = await openFactory(options, io, override);
  try {
    return await work(factory);
  } finally {
    await factory.close();
  }
}
