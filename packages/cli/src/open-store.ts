import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Io } from './io.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';

/** Where the state is kept instead of what factory.yaml says: the analysis job's flags. */
export interface StateOverride {
  readonly remote?: string;
  readonly branch?: string;
}

export type OpenStore = StateStore & { close(): void };

export async function openStore(dir: string, settings: Settings, io: Io, override: StateOverride = {}): Promise<OpenStore> {
  const { state } = settings;
  if (state.mode === 'directory' && override.remote === undefined) {
    const { createDirectoryStateStore } = await import('@image-factory/adapters/directory/state-store.ts');
    const store = createDirectoryStateStore({ root: join(resolve(io.cwd, dir), 'state'), clock: clockOf(io) });
    return { ...store, close: () => undefined };
  }
  const { createGitStateStore } = await import('@image-factory/adapters/git/state-store.ts');
  const git = state.mode === 'git' ? state : undefined;
  const tokenEnv = git?.tokenEnv;
  return createGitStateStore({
    remote: override.remote ?? git?.remote ?? (await remoteOf(dir)),
    branch: override.branch ?? git?.branch ?? 'image-factory/state',
    cacheDir: placesOf(dir, io).git,
    author: git?.author ?? { name: 'Image Factory', email: 'image-factory@localhost' },
    signingKey: git?.signingKey,
    clock: clockOf(io),
    ...(tokenEnv === undefined ? {} : { token: async () => io.env[tokenEnv] }),
  });
}

/** The repository that the factory directory stands in: where its origin is, else itself. */
async function remoteOf(dir: string): Promise<string> {
  const git = promisify(execFile);
  try {
    const origin = await git('git', ['-C', dir, 'remote', 'get-url', 'origin']).catch(() => undefined);
    if (origin) return origin.stdout.trim();
    const own = await git('git', ['-C', dir, 'rev-parse', '--path-format=absolute', '--git-common-dir']);
    return own.stdout.trim();
  } catch (cause) {
    throw new FactoryError(
      {
        code: 'STATE_UNREACHABLE',
        message: `state.mode is git, and ${dir} is in no git repository`,
        hint: 'Run git init there, set state.remote in factory.yaml, or use state.mode: directory.',
        subject: { kind: 'factory' },
      },
      { cause },
    );
  }
}
