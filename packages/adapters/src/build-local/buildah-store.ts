import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface BuildahStoreOptions {
  readonly workDir: string;
  /** `own`: images and settings below workDir; `user`: those of the user who runs the factory. */
  readonly storage: 'own' | 'user';
  readonly insecureRegistries: readonly string[];
  readonly authFile: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Does no other process build in this store? */
  readonly idle: () => Promise<boolean>;
}

export interface BuildahStore {
  /** In front of every subcommand. */
  readonly globalArgs: readonly string[];
  /** Behind every subcommand that talks to a registry. */
  readonly transferArgs: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Removes what killed and failed builds left. Only while nothing else builds; elsewhere it does nothing. */
  tidy(): Promise<void>;
}

/** Containers and images of earlier builds beyond this number are removed rather than kept for speed. */
const mostImages = 200;

/**
 * Prepares buildah's storage. Overlay is tried first because it copies nothing; vfs works anywhere. Each driver has
 * a root of its own: a store cannot change its driver.
 */
export async function prepareBuildahStore(options: BuildahStoreOptions): Promise<BuildahStore> {
  const temporary = join(options.workDir, 'tmp');
  const settings = join(options.workDir, 'buildah');
  await mkdir(temporary, { recursive: true });
  await mkdir(settings, { recursive: true });
  const environment = { ...options.environment, TMPDIR: temporary };
  const transferArgs = options.authFile ? ['--authfile', options.authFile] : [];
  const policy = await policyArgs(settings, options.environment['HOME']);
  if (options.storage === 'user') {
    return { globalArgs: [], transferArgs: [...transferArgs, ...policy], environment, tidy: async () => {} };
  }

  const registriesFile = join(settings, 'registries.conf');
  const emptyDirectory = join(settings, 'registries.conf.d');
  await mkdir(emptyDirectory, { recursive: true });
  await writeFile(registriesFile, registriesConf(options.insecureRegistries));
  const withRegistries = ['--registries-conf', registriesFile, '--registries-conf-dir', emptyDirectory];
  const overlay = rootArgs(settings, 'overlay');
  const usable = await buildah([...overlay, 'info'], environment).then(
    () => true,
    () => false,
  );
  const globalArgs = [...(usable ? overlay : rootArgs(settings, 'vfs')), ...withRegistries];
  const store: BuildahStore = {
    globalArgs,
    transferArgs: [...transferArgs, ...policy],
    environment,
    async tidy() {
      if (await options.idle()) await removeLeftovers(globalArgs, environment);
    },
  };
  await store.tidy();
  return store;
}

function rootArgs(settings: string, driver: 'overlay' | 'vfs'): readonly string[] {
  return [
    '--root',
    join(settings, driver),
    '--runroot',
    join(settings, `${driver}-run`),
    '--storage-driver',
    driver,
    // Else the driver mounts its folder onto itself, and of two builds that end at once neither takes the mount away.
    ...(driver === 'overlay' ? ['--storage-opt', 'overlay.skip_mount_home=true'] : []),
  ];
}

/** Insecure is said per registry here, so that a public base is still read over verified TLS. */
function registriesConf(insecure: readonly string[]): string {
  const entries = insecure.map(
    (domain) => `[[registry]]\nlocation = ${JSON.stringify(domain)}\ninsecure = true\n`,
  );
  return ['unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n', ...entries].join(
    '\n',
  );
}

/** Without any trust policy on the machine buildah refuses to read images; the one given then accepts all, as docker does. */
async function policyArgs(settings: string, home: string | undefined): Promise<readonly string[]> {
  const places = [
    '/etc/containers/policy.json',
    ...(home ? [join(home, '.config/containers/policy.json')] : []),
  ];
  for (const place of places) {
    const found = await access(place).then(
      () => true,
      () => false,
    );
    if (found) return [];
  }
  const own = join(settings, 'policy.json');
  await writeFile(own, '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  return ['--signature-policy', own];
}

async function removeLeftovers(
  globalArgs: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const quietly = (args: readonly string[]) => buildah([...globalArgs, ...args], environment).catch(() => '');
  await quietly(['rm', '--all']);
  await quietly(['rmi', '--prune']);
  const images = (await quietly(['images', '-q'])).split('\n').filter((line) => line !== '');
  if (images.length > mostImages) await quietly(['rmi', '--all', '--force']);
}

async function buildah(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const result = await promisify(execFile)('buildah', args, {
    env: environment,
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  return result.stdout;
}
