import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { hour } from '@image-factory/core/time.ts';
import { tryLock, type ProcessLock } from '../directory/process-lock.ts';
import type { Environment } from './environment.ts';
import { runGit } from './process.ts';

/** A bare repository that one process uses alone; it holds nothing that could not be fetched again. */
export interface CacheSlot {
  readonly gitDir: string;
  /** A file that outlives the repository when it is thrown away. */
  note(name: string): string;
  /** Makes the repository if it is not there. */
  prepare(): Promise<void>;
  /** Throws the repository away and makes an empty one. */
  recreate(): Promise<void>;
  release(): void;
}

/** More processes than this at once on one cache are taken for a mistake. */
const mostSlots = 64;
/** A holder on another machine that has not shown itself for so long has ended. */
const foreignPatience = hour;

/**
 * The first free repository for this remote. Two processes never share one: git's own locks in it would make them
 * fail at random, and a lock left by a killed git would stop both.
 */
export function takeSlot(
  cacheDir: string,
  key: string,
  remote: string,
  clock: Clock,
  environment: Environment,
): CacheSlot {
  const folder = join(cacheDir, createHash('sha256').update(key).digest('hex').slice(0, 20));
  let current = firstFree(folder, clock);
  function stillOurs(): void {
    if (!current.lock.held()) current = firstFree(folder, clock);
    current.lock.touch();
  }
  async function make(): Promise<void> {
    const { gitDir } = current;
    mkdirSync(gitDir, { recursive: true, mode: 0o700 });
    await runGit(
      ['init', '--bare', '--quiet', '--template=', '--initial-branch=none', '--end-of-options', gitDir],
      { environment, cwd: gitDir },
    );
    // Nothing here needs to survive a power cut: it is a cache.
    await runGit(['config', 'core.fsync', 'none'], { environment, gitDir });
    await runGit(['config', 'remote.origin.url', remote], { environment, gitDir });
    writeFileSync(join(gitDir, 'made'), '');
  }
  return {
    get gitDir() {
      return current.gitDir;
    },
    note: (name) => join(folder, name),
    async prepare() {
      stillOurs();
      // Written last: a repository without it was left half made.
      if (existsSync(join(current.gitDir, 'made'))) return;
      rmSync(current.gitDir, { recursive: true, force: true });
      await make();
    },
    async recreate() {
      stillOurs();
      rmSync(current.gitDir, { recursive: true, force: true });
      await make();
    },
    release() {
      current.lock.release();
    },
  };
}

function firstFree(folder: string, clock: Clock): { gitDir: string; lock: ProcessLock } {
  for (let number = 0; number < mostSlots; number += 1) {
    const lock = tryLock(
      join(folder, `${number}.lock`),
      ({ touched }) => clock.now() - touched > foreignPatience,
    );
    if (lock === undefined) continue;
    const gitDir = join(folder, `${number}.git`);
    // Left by a git that was killed; nobody else is in here.
    for (const name of ['shallow.lock', 'packed-refs.lock', 'config.lock', 'HEAD.lock'])
      rmSync(join(gitDir, name), { force: true });
    return { gitDir, lock };
  }
  throw new Error(`all ${mostSlots} repositories in ${folder} are in use`);
}
