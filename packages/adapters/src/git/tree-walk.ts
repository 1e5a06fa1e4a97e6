import { hash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import type { ObjectReader } from './object-reader.ts';
import { GitFailure } from './process.ts';

export interface TreeEntry {
  readonly mode: string;
  readonly id: string;
}

/** One folder: what it holds, by name. */
export type Folder = ReadonlyMap<string, TreeEntry>;

export const treeMode = '40000';
export const linkMode = '120000';
export const submoduleMode = '160000';

/** A larger folder (about 400,000 files in one) is taken for a mistake. */
const largestTree = 16 * 1024 * 1024;
/** Folders kept in memory; they are found by their content's id, so they never grow old. */
const mostFolders = 60_000;

/** Finds paths in commits by reading only the folders that are on the way, each once, all of one depth together. */
export interface TreeWalk {
  /** The folder with this tree id, read before by `load`. */
  folder(id: string): Folder | undefined;
  /** Reads these folders if they are not known. */
  load(ids: Iterable<string>): Promise<void>;
  /** The entries at the paths (`.` is the root): undefined where there is none. */
  find(root: string, paths: readonly string[]): Promise<Map<string, TreeEntry | undefined>>;
}

export function createTreeWalk(reader: ObjectReader): TreeWalk {
  const folders = new Map<string, Folder>();

  async function load(ids: Iterable<string>): Promise<void> {
    const wanted = [...new Set(ids)].filter((id) => !folders.has(id));
    if (folders.size + wanted.length > mostFolders) folders.clear();
    const answers = await reader.read(wanted, largestTree);
    for (const [index, id] of wanted.entries()) {
      const answer = answers[index];
      if (answer?.kind !== 'object' || answer.type !== 'tree')
        throw new GitFailure('exit', 'cat-file', `folder ${id} is ${answer?.kind ?? 'missing'}`);
      folders.set(id, parseTree(answer.bytes, id.length / 2));
    }
  }

  async function find(root: string, paths: readonly string[]): Promise<Map<string, TreeEntry | undefined>> {
    const found = new Map<string, TreeEntry | undefined>([['.', { mode: treeMode, id: root }]]);
    const parts = paths.map((path) => (path === '.' ? [] : path.split('/')));
    let open = parts.map((names) => ({ names, id: root as string | undefined, path: '' }));
    for (let depth = 0; ; depth += 1) {
      open = open.filter(({ names, id }) => id !== undefined && names.length > depth);
      if (open.length === 0) break;
      await load(open.flatMap(({ id }) => id ?? []));
      for (const step of open) {
        const name = step.names[depth] ?? '';
        const entry = folders.get(step.id ?? '')?.get(name);
        step.path = step.path === '' ? name : `${step.path}/${name}`;
        found.set(step.path, entry);
        step.id = entry?.mode === treeMode ? entry.id : undefined;
      }
    }
    return found;
  }

  return { folder: (id) => folders.get(id), load, find };
}

/** A tree object: `<mode> <name>\0<id>` again and again. */
function parseTree(bytes: Buffer, idLength: number): Folder {
  const entries = new Map<string, TreeEntry>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const zero = bytes.indexOf(0, space);
    if (space === -1 || zero === -1) throw new GitFailure('exit', 'cat-file', 'a folder cannot be read');
    const end = zero + 1 + idLength;
    entries.set(bytes.toString('utf8', space + 1, zero), {
      mode: bytes.toString('latin1', at, space),
      id: bytes.toString('hex', zero + 1, end),
    });
    at = end;
  }
  return entries;
}

/**
 * The id of a folder's content without one path in it: what the factory writes there itself must not look like a
 * change of the image. All folders on the way must be loaded.
 */
export function idWithout(walk: TreeWalk, id: string, excluded: readonly string[]): string {
  const [name = '', ...rest] = excluded;
  const folder = walk.folder(id);
  const entry = folder?.get(name);
  if (folder === undefined || entry === undefined) return id;
  const lines = [...folder].flatMap(([other, { mode, id: otherId }]) => {
    if (other !== name) return [`${mode} ${otherId} ${other}`];
    return rest.length === 0 || mode !== treeMode
      ? []
      : [`${mode} ${idWithout(walk, otherId, rest)} ${other}`];
  });
  return hash('sha1', lines.join('\0'));
}
