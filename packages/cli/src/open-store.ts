import { isAbsolute, join, resolve } from 'node:path';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Io } from './io.ts';
import { clockOf } from './system-clock.ts';

/** Where the state is kept instead of what factory.yaml says: the analysis job's flags. */
export interface StateOverride {
  readonly remote?: string;
  readonly branch?: string;
}

export type OpenStore = StateStore & { close(): void };

export async function openStore(
  dir: string,
  state: Settings['state'],
  io: Io,
  override: StateOverride = {},
): Promise<OpenStore> {
  if (state.mode === 'directory' && override.remote === undefined) {
    const { createDirectoryStateStore } = await import('@image-factory/adapters/directory/state-store.ts');
    const store = createDirectoryStateStore({
      root: join(resolve(io.cwd, dir), 'state'),
      clock: clockOf(io),
    });
    return { ...store, close: () => undefined };
  }
  const [{ createGitStateStore }, { placesOf }] = await Promise.all([
    import('@image-factory/adapters/git/state/state-store.ts'),
    import('./places.ts'),
  ]);
  const git = state.mode === 'git' ? state : undefined;
  const tokenEnv = git?.tokenEnv;
  return createGitStateStore({
    remote: override.remote ?? (await remoteOf(dir, git?.remote, io)),
    branch: override.branch ?? git?.branch ?? 'image-factory/state',
    cacheDir: placesOf(dir, io).git,
    author: git?.author ?? { name: 'Image Factory', email: 'image-factory@localhost' },
    signingKey: git?.signingKey,
    clock: clockOf(io),
    environment: io.env,
    ...(tokenEnv === undefined ? {} : { token: async () => io.env[tokenEnv] }),
  });
}

/** What `state.remote` says, a relative path from the factory directory; else the repository that it stands in. */
async function remoteOf(dir: string, said: string | undefined, io: Io): Promise<string> {
  if (said !== undefined) return said.includes(':') || isAbsolute(said) ? said : resolve(io.cwd, dir, said);
  const { ownRemote } = await import('@image-factory/adapters/git/own-remote.ts');
  const own = await ownRemote(resolve(io.cwd, dir), io.env);
  if (own !== undefined) return own;
  throw new FactoryError({
    code: 'STATE_UNREACHABLE',
    message: `state.mode is git, and ${dir} is in no git repository`,
    hint: 'Run git init there, set state.remote in factory.yaml, or use state.mode: directory.',
    subject: { kind: 'factory' },
  });
}
