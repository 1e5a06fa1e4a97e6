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
  find(root: string, paths: readonly string[]): Promise<FoundEntries>;
}

export interface FoundEntries {
  /** By path, and for all folders on the way as far as they are there; `.` is the root. */
  readonly entries: ReadonlyMap<string, TreeEntry | undefined>;
  /** Was a symbolic link met? Then what is missing may be behind it. */
  readonly hasLinks: boolean;
}

/** What is looked for below a folder, by name; undefined where nothing is looked for below that. */
interface Way extends Map<string, Way | undefined> {}

interface Step {
  readonly path: string;
  readonly id: string;
  readonly below: Way;
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

  async function find(root: string, paths: readonly string[]): Promise<FoundEntries> {
    const found = new Map<string, TreeEntry | undefined>([['.', { mode: treeMode, id: root }]]);
    let hasLinks = false;
    let level: readonly Step[] = [{ path: '', id: root, below: wayTo(paths) }];
    while (level.length > 0) {
      await load(level.map(({ id }) => id));
      const next: Step[] = [];
      for (const { path, id, below } of level) {
        const folder = folders.get(id);
        for (const [name, way] of below) {
          const inner = path === '' ? name : `${path}/${name}`;
          const entry = folder?.get(name);
          found.set(inner, entry);
          if (entry?.mode === linkMode) hasLinks = true;
          if (entry?.mode === treeMode && way) next.push({ path: inner, id: entry.id, below: way });
        }
      }
      level = next;
    }
    return { entries: found, hasLinks };
  }

  return { folder: (id) => folders.get(id), load, find };
}

/** The paths as one tree, so that what they share is looked at once. */
function wayTo(paths: readonly string[]): Way {
  const root: Way = new Map();
  for (const path of paths) {
    if (path === '.') continue;
    let way = root;
    const names = path.split('/');
    const last = names.pop() ?? '';
    for (const name of names) {
      let inner = way.get(name);
      if (inner === undefined) {
        inner = new Map();
        way.set(name, inner);
      }
      way = inner;
    }
    if (!way.has(last)) way.set(last, undefined);
  }
  return root;
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
 * The id of a folder's content without some paths in it: what the factory writes there itself must not look like a
 * change of the image. All folders on the way must be loaded.
 */
export function idWithout(walk: TreeWalk, id: string, excluded: readonly (readonly string[])[]): string {
  const folder = walk.folder(id);
  const below = Map.groupBy(excluded, ([name = '']) => name);
  if (folder === undefined || ![...below.keys()].some((name) => folder.has(name))) return id;
  const lines = [...folder].flatMap(([name, { mode, id: ownId }]) => {
    const inside = below.get(name);
    if (inside === undefined) return [`${mode} ${ownId} ${name}`];
    const rest = inside.map(([, ...others]) => others);
    return mode !== treeMode || rest.some((others) => others.length === 0)
      ? []
      : [`${mode} ${idWithout(walk, ownId, rest)} ${name}`];
  });
  return hash('sha1', lines.join('\0'));
}
