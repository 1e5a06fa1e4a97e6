import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join, posix, sep } from 'node:path';
import type { TarEntry } from './tar.ts';

export interface CopyArguments {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly owner: readonly [number, number] | undefined;
  readonly mode: number | undefined;
  /** One time for all files, in seconds; undefined keeps theirs. */
  readonly time: number | undefined;
  /** Is the path, without leading slash, a directory in the stage? Asked only where it decides. */
  readonly isDirectory: (path: string) => Promise<boolean>;
}

/** Files below one source, by path relative to it; the source itself has the empty path. Undefined: it does not exist. */
export type ReadSource = (source: string) => Promise<readonly TarEntry[] | undefined>;

/**
 * The entries that a COPY adds. The contents of a directory are copied, not itself; parents of the destination are left
 * to whoever unpacks the layer, because an entry for a directory of the base would change its owner and mode.
 */
export async function copyEntries(copy: CopyArguments, read: ReadSource): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = [];
  const wanted = copy.destination.replace(/^\/+|\/+$/g, '');
  let intoDirectory = copy.destination.endsWith('/') || copy.sources.length > 1;
  for (const source of copy.sources) {
    const found = await read(source);
    if (!found) throw new Error(`"${source}" does not exist`);
    const single = found.length === 1 && found[0]?.path === '' && found[0].type !== 'directory';
    if (single && !intoDirectory) intoDirectory = await copy.isDirectory(wanted);
    const root = single && intoDirectory ? posix.join(wanted, basename(source)) : wanted;
    for (const entry of found) {
      const path = posix.join(root, entry.path);
      if (entry.path === '' && entry.type === 'directory') continue;
      const [uid, gid] = copy.owner ?? [entry.uid, entry.gid];
      const mode = entry.type === 'symlink' ? entry.mode : (copy.mode ?? entry.mode);
      entries.push({ ...entry, path, uid, gid, mode, mtime: copy.time ?? entry.mtime });
    }
  }
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

const mostBytes = 512 * 1024 * 1024;

/** Reads from the build context. Links are copied as links and never followed out of it. */
export function contextSource(context: string): ReadSource {
  let bytes = 0;

  async function collect(path: string, relative: string, entries: TarEntry[]): Promise<void> {
    const found = await lstat(path);
    const common = {
      path: relative,
      mode: found.mode & 0o777,
      uid: 0,
      gid: 0,
      mtime: Math.floor(found.mtimeMs / 1000),
    };
    if (found.isSymbolicLink()) {
      entries.push({
        ...common,
        type: 'symlink',
        mode: 0o777,
        link: await readlink(path),
        content: Buffer.alloc(0),
      });
    } else if (found.isDirectory()) {
      entries.push({ ...common, type: 'directory', link: '', content: Buffer.alloc(0) });
      for (const name of (await readdir(path)).toSorted())
        await collect(join(path, name), posix.join(relative, name), entries);
    } else if (found.isFile()) {
      bytes += found.size;
      if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes are copied`);
      entries.push({ ...common, type: 'file', link: '', content: await readFile(path) });
    }
  }

  return async (source) => {
    const real = await realpath(join(context, posix.join('/', source))).catch(() => undefined);
    if (real === undefined) return undefined;
    if (real !== context && !real.startsWith(context + sep))
      throw new Error(`"${source}" leads out of the build context`);
    const entries: TarEntry[] = [];
    await collect(real, '', entries);
    return entries;
  };
}

/** Reads from the files of another stage or image. */
export function stageSource(files: ReadonlyMap<string, TarEntry>): ReadSource {
  return async (source) => {
    const path = posix.join('/', source).replace(/^\/+|\/+$/g, '');
    const self = files.get(path);
    if (self && self.type !== 'directory') return [{ ...self, path: '' }];
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...files.values()].filter((entry) => entry.path.startsWith(prefix) && entry.path !== path);
    if (!self && below.length === 0) return undefined;
    const root: TarEntry = self ?? {
      path,
      type: 'directory',
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: 0,
      link: '',
      content: Buffer.alloc(0),
    };
    return [
      { ...root, path: '' },
      ...below.map((entry) => ({ ...entry, path: entry.path.slice(prefix.length) })),
    ];
  };
}
