import { hash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { blobId } from './blob-id.ts';

/** What a folder holds, as one id: equal names, modes and contents, equal id. */
interface Content {
  readonly id: string;
  readonly files: number;
  readonly bytes: number;
}

/** Ids of folders and files below one root, remembered by size and times from one look to the next. */
export interface ContentTree {
  /** Undefined: more than 20,000 files or 256 MiB, which is not read on every look. */
  folderId(path: string): string | undefined;
  fileId(path: string, stats: Stats): string;
  /** Forgets what was looked at; file ids are kept. */
  startLook(): void;
}

const mostFiles = 20_000;
const mostBytes = 256 * 1024 * 1024;

/** `excluded` is a path below the root that is no content: the factory's own state. */
export function createContentTree(root: string, excluded: string | undefined): ContentTree {
  const blobs = new Map<string, { readonly stamp: string; readonly id: string }>();
  let folders = new Map<string, Content | undefined>();

  function fileId(path: string, stats: Stats): string {
    const stamp = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    const known = blobs.get(path);
    if (known?.stamp === stamp) return known.id;
    const id = blobId(readFileSync(join(root, path)));
    // What changed within the last two seconds may change again without a new time.
    if (stats.ctimeMs < Date.now() - 2000) blobs.set(path, { stamp, id });
    else blobs.delete(path);
    return id;
  }

  function folder(path: string, left: { files: number; bytes: number }): Content | undefined {
    if (folders.has(path)) {
      const known = folders.get(path);
      if (known !== undefined) take(left, known);
      return left.files < 0 || left.bytes < 0 ? undefined : known;
    }
    const before = { ...left };
    const lines: string[] = [];
    const entries = readdirSync(join(root, path), { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    for (const entry of entries) {
      const inner = path === '.' ? entry.name : `${path}/${entry.name}`;
      if (entry.name === '.git' || inner === excluded) continue;
      const line = entry.isDirectory() ? folderLine(inner, left) : entryLine(inner, left);
      if (line === undefined || left.files < 0 || left.bytes < 0) return undefined;
      lines.push(`${line} ${entry.name}`);
    }
    const content = {
      id: hash('sha1', lines.join('\0')),
      files: before.files - left.files,
      bytes: before.bytes - left.bytes,
    };
    folders.set(path, content);
    return content;
  }

  function folderLine(path: string, left: { files: number; bytes: number }): string | undefined {
    const content = folder(path, left);
    return content && `folder ${content.id}`;
  }

  function entryLine(path: string, left: { files: number; bytes: number }): string | undefined {
    const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
    // Gone since the folder was listed.
    if (stats === undefined) return 'gone';
    take(left, { files: 1, bytes: stats.isFile() ? stats.size : 0 });
    if (left.files < 0 || left.bytes < 0) return undefined;
    if (stats.isSymbolicLink()) return `link ${blobId(readlinkSync(join(root, path)))}`;
    return stats.isFile()
      ? `${(stats.mode & 0o100) === 0 ? 'file' : 'program'} ${fileId(path, stats)}`
      : 'special';
  }

  return {
    fileId,
    folderId: (path) => folder(path, { files: mostFiles, bytes: mostBytes })?.id,
    startLook() {
      folders = new Map();
    },
  };
}

function take(
  left: { files: number; bytes: number },
  used: { readonly files: number; readonly bytes: number },
): void {
  left.files -= used.files;
  left.bytes -= used.bytes;
}
