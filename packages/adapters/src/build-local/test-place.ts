import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installed } from '@image-factory/testing/installed.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { onTestFinished } from 'vitest';
import { createRemoteCommits, type RemoteCommits } from '../git/remote-commits.ts';
import { gitCheckout } from './checkout.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';
import type { TestRegistry } from './test-registry.ts';

/** The real builder and the real registry are here; outside of CI tests that need them are skipped where they are not. */
export const hasBuildah = await installed('buildah', 'docker-registry');

export function environment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root' };
}

/** A folder that is gone after the test. */
export async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-factory-build-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A git repository with one commit of these files. */
export async function repository(
  files: Readonly<Record<string, string>>,
): Promise<{ path: string; commit: string }> {
  const path = await temporary();
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
      env: { ...environment(), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    }).trim();
  git('init', '-q', '-b', 'main');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  git('add', '-A');
  git('commit', '-q', '-m', 'test');
  return { path, commit: git('rev-parse', 'HEAD') };
}

export function remoteCommits(
  workDir: string,
  token?: (remote: { readonly url: string }) => Promise<string | undefined>,
): RemoteCommits {
  const cacheDir = join(workDir, 'git');
  return createRemoteCommits({ cacheDir, clock: realClock, environment: environment(), token });
}

/** Options of a builder that works below this folder and pushes to this registry. */
export function builderOptions(
  workDir: string,
  registry: TestRegistry,
  fields: Partial<LocalBuilderOptions> = {},
): LocalBuilderOptions {
  return {
    tool: 'buildah',
    workDir,
    logDir: join(workDir, 'logs'),
    concurrency: 2,
    timeout: 60_000,
    clock: realClock,
    checkout: gitCheckout({
      baseDir: workDir,
      workDir: join(workDir, 'tmp'),
      environment: environment(),
      remotes: remoteCommits(workDir),
    }),
    registries: { [registry.host]: { insecure: true } },
    registry: registry.port,
    environment: environment(),
    ...fields,
  };
}
