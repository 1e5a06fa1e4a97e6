import { dirname, isAbsolute, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { GitFailure, runGit } from './process.ts';
import { ownGitDir } from './source-location.ts';

/**
 * Where the factory directory's own repository is pushed to: its `origin`, or itself when it has none. This is what
 * `state.remote` means when it is not set. Undefined when the factory directory stands in no repository.
 */
export async function ownRemote(factoryDir: string, environment: Environment): Promise<string | undefined> {
  const gitDir = ownGitDir(factoryDir);
  if (gitDir === undefined) return undefined;
  const origin = await line(['config', '--get', 'remote.origin.url'], gitDir, environment);
  if (origin !== undefined) {
    const isPath = !origin.includes(':') && !isAbsolute(origin);
    return isPath ? resolve(dirname(gitDir), origin) : origin;
  }
  // A linked work tree has a small folder of its own; the repository is elsewhere.
  const common = await line(['rev-parse', '--git-common-dir'], gitDir, environment);
  return common === undefined ? undefined : resolve(gitDir, common);
}

async function line(
  args: readonly string[],
  gitDir: string,
  environment: Environment,
): Promise<string | undefined> {
  try {
    const { stdout } = await runGit(args, { gitDir, cwd: dirname(gitDir), environment });
    return stdout.toString('utf8').trim() || undefined;
  } catch (error) {
    if (error instanceof GitFailure && error.reason === 'exit') return undefined;
    throw error;
  }
}
