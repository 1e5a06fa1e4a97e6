import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Flags } from './flags.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import type { StateOverride } from './open-store.ts';

/** The variable with the token for the repository of the factory directory. */
const tokenVariable = 'FACTORY_GIT_TOKEN';

/** Where a Job works: a factory directory, and what is said of its state besides factory.yaml. */
export interface JobPlace {
  readonly options: GlobalOptions;
  readonly io: Io;
  readonly override: StateOverride;
  /** Brings a clone to what its branch is now; nothing where the directory is somebody else's to change. */
  refresh(): Promise<void>;
}

/**
 * Runs a command where a Job's flags say. `--git-repo` names the repository that holds the factory directory: it is cloned
 * for the command, and what factory.yaml says there about the state holds. Where `--image-factory-dir` is a factory
 * directory of this machine already, as the older tool's Jobs have mounted one, the repository keeps the state instead.
 */
export async function atJobPlace<T>(
  options: GlobalOptions,
  io: Io,
  flags: Flags,
  work: (place: JobPlace) => Promise<T>,
): Promise<T> {
  const repository = textOf(flags, 'gitRepo');
  const branch = textOf(flags, 'gitBranch');
  const said = textOf(flags, 'imageFactoryDir');
  const here = { ...options, dir: said ?? options.dir };
  if (repository === undefined || isFactory(resolve(io.cwd, here.dir))) {
    const override = {
      ...(repository === undefined ? {} : { remote: repository }),
      ...(branch === undefined ? {} : { branch }),
    };
    return work({ options: here, io, override, refresh: async () => undefined });
  }
  const folder = await mkdtemp(join(io.env['TMPDIR'] ?? tmpdir(), 'image-factory-job-'));
  try {
    const clone = join(folder, 'repository');
    const { cloneHead, refreshClone } = await import('@image-factory/adapters/git/clone.ts');
    const wanted = {
      url: repository,
      branch,
      into: clone,
      token: io.env[tokenVariable],
      environment: io.env,
    };
    const config = await cloneHead(wanted);
    const dir = inside(clone, said ?? '.');
    return await work({
      options: { ...options, dir },
      io: { ...io, env: withGitConfig(io.env, config) },
      override: {},
      refresh: () => refreshClone(wanted),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

function isFactory(dir: string): boolean {
  return existsSync(join(dir, 'images.yaml')) || existsSync(join(dir, 'images.d'));
}

function inside(clone: string, dir: string): string {
  const path = resolve(clone, dir);
  const way = relative(clone, path);
  if (!isAbsolute(dir) && way !== '..' && !way.startsWith('../')) return path;
  throw new FactoryError({
    code: 'USAGE',
    message: `--image-factory-dir ${dir} is neither a factory directory here nor a folder of the repository`,
    hint: 'Write its path within the repository: platform/image-factory.',
  });
}

/** The state and the sources at the same server are reached with the same token. */
function withGitConfig(env: Io['env'], config: readonly (readonly [string, string])[]): Io['env'] {
  const first = Number.parseInt(env['GIT_CONFIG_COUNT'] ?? '0', 10) || 0;
  const next: Record<string, string | undefined> = { ...env };
  for (const [index, [key, value]] of config.entries()) {
    next[`GIT_CONFIG_KEY_${first + index}`] = key;
    next[`GIT_CONFIG_VALUE_${first + index}`] = value;
  }
  if (config.length > 0) next['GIT_CONFIG_COUNT'] = String(first + config.length);
  return next;
}
