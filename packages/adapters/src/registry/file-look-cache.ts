import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { day, second, type Instant } from '@image-factory/core/time.ts';
import { digestFrom, digestOf } from './digest.ts';
import type { LookCache, RememberedLook } from './look-cache.ts';
import { fileTagLists } from './file-tag-lists.ts';
import { manifestAccept } from './media-types.ts';
import { replaceFile } from './replace-file.ts';

/** Looks made with another Accept list or written in another form say nothing to this version. */
const version = digestOf(`1 ${manifestAccept}`);
const fileName = 'looks.json';
const keptFor = 30 * day;
const mostEntries = 500_000;
const largestFile = 256 * 1024 * 1024;
const longestText = 512;
const flushDelay = 5 * second;

/**
 * Keeps looks in one file of a folder, and lists of tags beside it. It is written whole, beside the old one and then in its place; a file that is
 * missing, corrupt or of another version is the same as an empty one. Processes that share the folder keep the newer
 * of two looks at a tag. Failures to write are no failures of the work: the next process asks again.
 */
export async function openFileLookCache(folder: string, now: () => Instant): Promise<LookCache> {
  const file = join(folder, fileName);
  let seen = await modification(file);
  const looks = await readLooks(file, now());
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    if (changed.size === 0) return;
    changed.clear();
    if ((await modification(file)) !== seen) {
      for (const [key, look] of await readLooks(file, now())) {
        if (look.askedAt > (looks.get(key)?.askedAt ?? Number.NEGATIVE_INFINITY)) looks.set(key, look);
      }
    }
    await mkdir(folder, { recursive: true });
    await replaceFile(file, JSON.stringify({ version, looks: Object.fromEntries(looks) }));
    seen = await modification(file);
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write).catch(() => undefined);
    return writing;
  }

  return {
    tagLists: fileTagLists(join(folder, 'tags'), now),
    get: (key) => looks.get(key),
    set(key, look) {
      looks.set(key, look);
      changed.add(key);
      timer ??= setTimeout(() => void flush(), flushDelay).unref();
    },
    flush,
  };
}

async function modification(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : '';
}

async function readLooks(file: string, now: Instant): Promise<Map<string, RememberedLook>> {
  const looks = new Map<string, RememberedLook>();
  try {
    if ((await stat(file)).size > largestFile) return looks;
    const json = JSON.parse(await readFile(file, 'utf8')) as { version?: unknown; looks?: unknown } | null;
    if (json?.version !== version || typeof json.looks !== 'object' || json.looks === null) return looks;
    for (const [key, value] of Object.entries(json.looks)) {
      const look = lookFrom(value, now);
      if (look && now - look.askedAt < keptFor && looks.size < mostEntries) looks.set(key, look);
    }
  } catch {
    // Not there, or not readable as what it should be: nothing is remembered.
    return new Map();
  }
  return looks;
}

/** Undefined for what cannot have been written by us. Times in the future would silence a tag until then. */
function lookFrom(value: unknown, now: Instant): RememberedLook | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const digest = digestFrom(fields['digest']);
  const time = (name: string): Instant | undefined => instantFrom(fields[name], now);
  const [askedAt, lastSeenAt, fullAt] = [time('askedAt'), time('lastSeenAt'), time('fullAt')];
  if (!digest || askedAt === undefined || lastSeenAt === undefined || fullAt === undefined) return undefined;
  const previous = sightingFrom(fields['previous'], now);
  const { mediaType, etag } = { mediaType: textFrom(fields['mediaType']), etag: textFrom(fields['etag']) };
  return {
    digest,
    askedAt,
    lastSeenAt,
    fullAt,
    ...(mediaType ? { mediaType } : {}),
    ...(etag ? { etag } : {}),
    ...(fields['absent'] === true ? { absent: true } : {}),
    ...(previous ? { previous } : {}),
  };
}

function sightingFrom(value: unknown, now: Instant): RememberedLook['previous'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { digest, lastSeenAt } = value as { digest?: unknown; lastSeenAt?: unknown };
  const known = digestFrom(digest);
  const seenAt = instantFrom(lastSeenAt, now);
  return known && seenAt !== undefined ? { digest: known, lastSeenAt: seenAt } : undefined;
}

function instantFrom(value: unknown, now: Instant): Instant | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value <= now + 5 * second ? value : undefined;
}

function textFrom(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= longestText && /^[\x20-\x7e]+$/.test(value)
    ? value
    : undefined;
}
