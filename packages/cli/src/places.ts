import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Io } from './io.ts';

/** Folders of this machine that may be lost: what is true stands in the state. */
export interface Places {
  /** Of this factory directory alone. */
  readonly own: string;
  readonly looks: string;
  readonly git: string;
  readonly builds: string;
  readonly logs: string;
}

export function placesOf(dir: string, io: Io): Places {
  const root =
    io.env['IMAGE_FACTORY_CACHE_DIR'] ??
    join(io.env['XDG_CACHE_HOME'] ?? join(io.env['HOME'] ?? homedir(), '.cache'), 'image-factory');
  const id = createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 16);
  const own = join(resolve(io.cwd, root), id);
  return {
    own,
    looks: join(own, 'looks'),
    git: join(own, 'git'),
    builds: join(own, 'builds'),
    logs: join(own, 'logs'),
  };
}
