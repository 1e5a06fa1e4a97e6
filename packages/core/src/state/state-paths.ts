/** Paths of the state's files, relative to its root. */
export const enginePath = 'engine.yaml';

export function imagePath(name: string): string {
  return `images/${name}.yaml`;
}

export function basePath(name: string): string {
  return `base-images/${name}.yaml`;
}

export function intentPath(image: string): string {
  return `intents/${image}.yaml`;
}

/** Where the file of an image that is no longer enrolled, or of a base that no image uses, waits for its return. */
export function archivePath(path: string): string {
  return `_archive/${path}`;
}

export function ledgerArchivePath(base: string): string {
  return `_archive/ledgers/${base}.jsonl`;
}

/** Old entries of an external image's ledger. */
export function imageLedgerArchivePath(image: string): string {
  return `_archive/image-ledgers/${image}.jsonl`;
}

export function rebuildArchivePath(image: string): string {
  return `_archive/rebuilds/${image}.jsonl`;
}

export type RecordKind = 'image' | 'base' | 'intent' | 'engine';

const kinds: Readonly<Record<string, RecordKind>> = {
  images: 'image',
  'base-images': 'base',
  intents: 'intent',
};

/** What a path of the state holds, and the name that its record must have; undefined for files that are no records. */
export function recordAt(path: string): { readonly kind: RecordKind; readonly name: string } | undefined {
  if (path === enginePath) return { kind: 'engine', name: 'engine' };
  const slash = path.indexOf('/');
  if (
    slash === -1 ||
    !path.endsWith('.yaml') ||
    path.endsWith('.example.yaml') ||
    path.includes('/', slash + 1)
  )
    return undefined;
  const kind = kinds[path.slice(0, slash)];
  return kind && { kind, name: path.slice(slash + 1, -'.yaml'.length) };
}
