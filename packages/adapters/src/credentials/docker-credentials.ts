import { join } from 'node:path';
import type { Credential, CredentialSource } from '@image-factory/core/ports/credentials.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { WatchedConfigFile, type ConfigFile } from './config-file.ts';
import { askHelper } from './helper.ts';
import { matchingCredentials } from './match-key.ts';

export interface DockerCredentialsOptions {
  /** Variables that say where files are, and what helpers run with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  readonly clock: Clock;
  /** Further files, tried first: a Kubernetes secret that is mounted, for instance. */
  readonly files?: readonly string[];
  /** @default 10 s */
  readonly helperTimeout?: Duration;
}

/** A helper's answer is used for so long: cloud tokens live hours, but people rotate theirs at once. */
const rememberedFor = 5 * minute;
/** Files are looked at again after this. */
const filesTrustedFor = 2 * second;
/** Being refused for many repositories at once asks the helper once. */
const refreshedAtMost = 5 * second;

interface Remembered {
  readonly askedAt: number;
  readonly answer: Promise<Credential | undefined>;
}

/** The files that are looked into, the first that knows a registry counts. */
function credentialFiles(
  environment: Readonly<Record<string, string | undefined>>,
  homeFolder: string,
): readonly string[] {
  const docker = environment['DOCKER_CONFIG'] || join(homeFolder, '.docker');
  const configHome = environment['XDG_CONFIG_HOME'] || join(homeFolder, '.config');
  const runtime = environment['XDG_RUNTIME_DIR'];
  const files = [
    join(docker, 'config.json'),
    environment['REGISTRY_AUTH_FILE'],
    runtime ? join(runtime, 'containers', 'auth.json') : undefined,
    join(configHome, 'containers', 'auth.json'),
  ];
  return [...new Set(files.filter((file) => file !== undefined && file !== ''))] as string[];
}

/**
 * Credentials as `docker login` and `podman login` leave them. In each file a helper for the registry goes before the
 * store for all, and that before what is written in the file itself.
 */
export function createDockerCredentials(options: DockerCredentialsOptions): CredentialSource {
  const { environment, homeFolder, clock } = options;
  const paths = [...(options.files ?? []), ...credentialFiles(environment, homeFolder)];
  const files = paths.map((path) => new WatchedConfigFile(path));
  const remembered = new Map<string, Remembered>();
  let current: { readonly readAt: number; readonly configs: Promise<readonly ConfigFile[]> } | undefined;
  let versions = '';

  /** All files. When one of them changed, what helpers said before is forgotten with it. */
  function configs(refresh: boolean): Promise<readonly ConfigFile[]> {
    const now = clock.monotonic();
    const trusted = refresh ? 0 : filesTrustedFor;
    if (current && now - current.readAt < trusted) return current.configs;
    const reading = Promise.all(files.map((file) => file.read())).then((read) => {
      const newer = read.map(({ version }) => version).join('|');
      if (newer !== versions) remembered.clear();
      versions = newer;
      return read.map(({ config }) => config);
    });
    current = { readAt: now, configs: reading };
    reading.catch(() => {
      current = undefined;
    });
    return reading;
  }

  function fromHelper(name: string, server: string, refresh: boolean): Promise<Credential | undefined> {
    const key = `${name} ${server}`;
    const now = clock.monotonic();
    const known = remembered.get(key);
    if (known && now - known.askedAt < (refresh ? refreshedAtMost : rememberedFor)) return known.answer;
    const timeout = options.helperTimeout === undefined ? {} : { timeout: options.helperTimeout };
    const answer = askHelper(name, server, { environment, ...timeout });
    const entry: Remembered = { askedAt: now, answer };
    remembered.set(key, entry);
    answer.catch(() => {
      if (remembered.get(key) === entry) remembered.delete(key);
    });
    return answer;
  }

  async function fromConfig(
    config: ConfigFile,
    registry: string,
    repository: string,
    refresh: boolean,
  ): Promise<readonly Credential[]> {
    const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
    const helper = helperFor(config, registry, server);
    if (helper) {
      const credential = await fromHelper(helper, server, refresh);
      return credential ? [credential] : [];
    }
    const stored = config.credsStore ? await fromHelper(config.credsStore, server, refresh) : undefined;
    const written = matchingCredentials(config.auths, registry, repository);
    return stored ? [stored, ...written] : written;
  }

  return {
    async find(registry, repository, { refresh = false, signal } = {}) {
      for (const config of await configs(refresh)) {
        signal?.throwIfAborted();
        const found = await fromConfig(config, registry, repository, refresh);
        if (found.length > 0) return found;
      }
      return [];
    },
  };
}

function helperFor(config: ConfigFile, registry: string, server: string): string | undefined {
  const names =
    registry === 'docker.io' ? [server, 'index.docker.io', 'docker.io'] : [registry, `https://${registry}`];
  return names.map((name) => config.credHelpers.get(name)).find((helper) => helper);
}
