import { resolve } from 'node:path';
import type { Api } from '@image-factory/adapters/ci-http/api.ts';
import type { SecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import type {
  FactoryConfig,
  ManagedEnrolment,
  Provider,
  Settings,
} from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import type { Io } from './io.ts';
import { clockOf } from './system-clock.ts';

export interface CiBuilders {
  builderFor(provider: Provider): Builder | undefined;
  /** Whether each provider in use answers and takes its credential; asks it about one of its images. */
  check(): Promise<readonly ProviderCheck[]>;
  close(): Promise<void>;
}

export interface ProviderCheck {
  readonly provider: Provider;
  readonly images: number;
  readonly problem: Problem | undefined;
}

interface CiBuilder {
  readonly builder: Builder;
  check(image: ManagedEnrolment): Promise<void>;
}

interface Surroundings {
  readonly settings: Settings['providers'];
  readonly clock: Clock;
  readonly secrets: SecretSource;
  readonly registry: Pick<Registry, 'look' | 'describe'>;
  readonly environment: Io['env'];
  /** Address of the factory directory's repository; undefined: it was pushed nowhere. */
  readonly ownRepository: string | undefined;
  /** One for each server; they are closed together. */
  api(provider: Provider, url: string, ca: string | undefined): Api;
}

/** No run has this key. */
const unknownKey = '0'.repeat(32);

/** What starts builds at the CI systems that enrolled images use; nobody is asked yet. */
export async function openCiBuilders(
  dir: string,
  { images, settings }: FactoryConfig,
  registry: Pick<Registry, 'look' | 'describe'>,
  io: Io,
): Promise<CiBuilders> {
  const used = imagesByProvider(images);
  const apis = new Map<string, Api>();
  const opened = new Map<Provider, CiBuilder>();
  if (startableProviders({ images, settings }).length > 0) {
    const [{ createApi }, { createSecretSource }] = await Promise.all([
      import('@image-factory/adapters/ci-http/api.ts'),
      import('@image-factory/adapters/secrets/secret-source.ts'),
    ]);
    const baseDir = resolve(io.cwd, dir);
    const clock = clockOf(io);
    const surroundings: Surroundings = {
      settings: settings.providers,
      clock,
      registry,
      secrets: createSecretSource({ baseDir, environment: io.env }),
      environment: io.env,
      ownRepository: await ownAddress(baseDir, images, io),
      api(provider, url, ca) {
        const name = `${provider} ${url}`;
        const api =
          apis.get(name) ??
          createApi({ provider, url, ca: ca === undefined ? undefined : resolve(baseDir, ca), clock });
        apis.set(name, api);
        return api;
      },
    };
    for (const provider of startableProviders({ images, settings })) {
      const builder = await openBuilder(provider, surroundings);
      if (builder) opened.set(provider, builder);
    }
  }

  return {
    builderFor: (provider) => opened.get(provider)?.builder,
    async check() {
      const checks: ProviderCheck[] = [];
      for (const [provider, { check }] of opened) {
        const [image, ...others] = used.get(provider) ?? [];
        if (!image) continue;
        const problem = await check(image).then(
          () => undefined,
          (thrown: unknown) => problemOf(thrown),
        );
        checks.push({ provider, images: 1 + others.length, problem });
      }
      return checks;
    },
    async close() {
      for (const api of apis.values()) await api.close();
    },
  };
}

/** Only where an image's workflow is in that repository; without what would be a credential. */
async function ownAddress(
  baseDir: string,
  images: FactoryConfig['images'],
  io: Io,
): Promise<string | undefined> {
  const isAsked = images.some(
    (image) => image.kind === 'managed' && (image.source.workflowRepo ?? image.source.repo) === '.',
  );
  if (!isAsked) return undefined;
  const { ownRemote } = await import('@image-factory/adapters/git/own-remote.ts');
  const remote = await ownRemote(baseDir, io.env);
  // A path is at no forge.
  if (remote === undefined || !/^[a-z+]+:\/\/|^[\w.-]+@[\w.-]+:/i.test(remote) || remote.startsWith('file:'))
    return undefined;
  return remote.replace(/^(https?:\/\/)[^/@]*@/i, '$1');
}

/** Providers of enrolled images whose builds could be started as factory.yaml is. */
export function startableProviders({ images, settings }: FactoryConfig): readonly Provider[] {
  return [...imagesByProvider(images).keys()].filter(
    (provider) => provider !== 'local' && settings.providers[provider] !== undefined,
  );
}

function imagesByProvider(
  images: FactoryConfig['images'],
): ReadonlyMap<Provider, readonly ManagedEnrolment[]> {
  const managed = images.filter((image) => image.kind === 'managed');
  return Map.groupBy(managed, ({ source }) => source.provider);
}

/** Only what is used is loaded. */
async function openBuilder(provider: Provider, surroundings: Surroundings): Promise<CiBuilder | undefined> {
  const { settings, clock, secrets, registry, environment, ownRepository, api } = surroundings;
  switch (provider) {
    case 'github': {
      const { createGithub } = await import('@image-factory/adapters/github/github.ts');
      const { github } = settings;
      const builder = createGithub({
        settings: github,
        api: api(provider, github.url, github.ca),
        secrets,
        clock,
        environment,
        ownRepository,
      });
      return {
        builder,
        async check(image) {
          await builder.find(image, unknownKey, 1);
        },
      };
    }
    case 'gitlab': {
      const { createGitlab } = await import('@image-factory/adapters/gitlab/create-gitlab.ts');
      const { gitlab } = settings;
      const builder = createGitlab({
        settings: gitlab,
        api: api(provider, gitlab.url, gitlab.ca),
        secrets,
        clock,
        ownRepository,
      });
      return { builder, check: (image) => builder.check(image) };
    }
    case 'gitea':
    case 'forgejo': {
      const forge = settings[provider];
      if (!forge) return undefined;
      const { createGitea } = await import('@image-factory/adapters/gitea/create-gitea.ts');
      const builder = createGitea({
        provider,
        settings: forge,
        api: api(provider, forge.url, forge.ca),
        secrets,
        clock,
        ownRepository,
      });
      return { builder, check: (image) => builder.check(image) };
    }
    case 'webhook': {
      const { webhook } = settings;
      if (!webhook) return undefined;
      const { createWebhook } = await import('@image-factory/adapters/webhook/create-webhook.ts');
      const builder = createWebhook({
        settings: webhook,
        apiFor: (address) => api(provider, new URL(address.replace(/[?{].*$/, '')).origin, webhook.ca),
        secrets,
        clock,
        registry,
      });
      return { builder, check: () => builder.check() };
    }
    case 'local':
      return undefined;
  }
}
