import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createSources } from '@image-factory/adapters/git/sources.ts';
import { providers as everyProvider } from '@image-factory/core/enrolment/schema-parts.ts';
import type { FactoryConfig, Provider, Settings } from '@image-factory/core/enrolment/types.ts';
import { forgeAddress } from '@image-factory/core/rebuild/forge-address.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
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
import type { ProviderCheck } from './ci-builders.ts';
import { ProblemsError } from './problems-error.ts';
import { loadConfig } from './config-files.ts';
import { fileSightings } from './file-sightings.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { createLog } from './log.ts';
import type { StateOverride } from './open-store.ts';
import { openNotifiers } from './open-notifiers.ts';
import { openParts } from './opened-parts.ts';
import { openProposals } from './open-proposals.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';
import { isDeadWriter, ownWriter } from './writer.ts';

/** Fewer records are decoded faster than a cache of them is read. */
const worthKeeping = 500;

/** A factory directory with everything that works on it. */
export interface Factory {
  readonly config: FactoryConfig;
  readonly warnings: readonly Problem[];
  readonly deps: EngineDeps;
  readonly log: ReturnType<typeof createLog>;
  cycle(options: CycleOptions): Promise<CycleReport>;
  /**
   * Reads the configuration again and goes by it from now on: for the loop, between its cycles. The problems are those of
   * builders that cannot be opened.
   */
  reload(): Promise<
    | { readonly ok: true; readonly value: FactoryConfig; readonly problems: readonly Problem[] }
    | { readonly ok: false; readonly error: readonly Problem[] }
  >;
  /** What a cycle would do: nothing is written, nothing is started. `offline` asks nobody. */
  rehearse(options: { readonly offline: boolean }): Promise<CycleReport>;
  /** Whether each CI system in use answers and takes its credential. */
  checkProviders(): Promise<readonly ProviderCheck[]>;
  /** The newest records, whichever engine owns them. */
  read(): Promise<FactoryState>;
  /** A person's change of the state, as one commit. */
  change(subject: string, change: (state: FactoryState) => Changed): Promise<void>;
  close(): Promise<void>;
}

export async function openFactory(
  options: GlobalOptions,
  io: Io,
  override: StateOverride = {},
  role: Pick<EngineDeps, 'isServer'> = {},
): Promise<Factory> {
  const loaded = await loadConfig(options.dir);
  if (!loaded.ok) throw new ProblemsError(loaded.error);
  const config = loaded.value;
  const places = placesOf(options.dir, io);
  const clock = clockOf(io);
  const log = createLog(io, options.logLevel);
  const parts = await openParts(options, io, config, override);
  const sources = createSources({
    factoryDir: resolve(io.cwd, options.dir),
    cacheDir: join(places.git, 'sources'),
    clock,
    environment: io.env,
    baseUrls: sourceAddresses(config.settings.providers),
    token: ({ provider, url }) => proposals.sourceToken(config.images, provider, url),
  });
  const own = { writer: await ownWriter(), sightings: fileSightings(join(places.own, 'sightings.json')) };
  let { settings } = config;
  const notifiers = openNotifiers(options.dir, () => settings, io);
  const proposals = openProposals(
    options.dir,
    () => settings,
    () => sourceAddresses(settings.providers),
    io,
  );
  const deps: EngineDeps = {
    // Asked anew for each cycle: a change of factory.yaml opens others.
    get store() {
      return parts.store;
    },
    get registry() {
      return parts.registry;
    },
    sources,
    builderFor: (provider) => parts.builderFor(provider),
    notifiers,
    proposals,
    clock,
    log,
    ...own,
    ...role,
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

  async function cycle(cycleOptions: CycleOptions): Promise<CycleReport> {
    const acts = (cycleOptions.upTo ?? 'all') === 'all';
    const found = acts && cycleOptions.dry ? await parts.findBuilders() : undefined;
    const problems = found ? found.problems : acts ? await parts.openBuilders() : [];
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
    async reload() {
      try {
        const loaded = await loadConfig(options.dir);
        if (!loaded.ok) return loaded;
        await parts.follow(loaded.value);
        await notifiers.close();
        await proposals.close();
        settings = loaded.value.settings;
        return { ok: true, value: loaded.value, problems: await parts.openBuilders() };
      } catch (thrown) {
        return { ok: false, error: [problemOf(thrown)] };
      }
    },
    rehearse: ({ offline }) => cycle(offline ? { dry: true, offline: true } : { dry: true }),
    checkProviders: async () => (await parts.openCi()).check(),
    async read() {
      const records = openRecords({ store: parts.store, dry: true });
      await records.load();
      return records.state;
    },
    async change(subject, change) {
      const records = openRecords({ store: parts.store, dry: false });
      await records.load();
      await records.transact(subject, change);
    },
    async close() {
      sources.close();
      await notifiers.close();
      await parts.close();
    },
  };
}

/** Where `owner/name` is read from: the web address of the forge whose API factory.yaml names. */
function sourceAddresses(providers: Settings['providers']): Readonly<Partial<Record<Provider, string>>> {
  return Object.fromEntries(
    everyProvider.flatMap((provider) => {
      const address = forgeAddress(provider, providers);
      return address === undefined ? [] : [[provider, address]];
    }),
  );
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
