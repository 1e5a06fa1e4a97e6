import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { second, type Instant } from '@image-factory/core/time.ts';
import type { RememberedTags, TagLists } from './look-cache.ts';
import { replaceFile } from './replace-file.ts';
import { isTag } from './tags.ts';

const version = 1;
const largestFile = 64 * 1024 * 1024;

/**
 * Keeps the tags of each repository in a file of its own. One that is missing, corrupt or of another version is the same
 * as none, and failures to write are no failures of the work: the registry is asked again.
 */
export function fileTagLists(folder: string, now: () => Instant): TagLists {
  const fileOf = (key: string): string =>
    join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  return {
    async get(key) {
      try {
        const file = fileOf(key);
        if ((await stat(file)).size > largestFile) return undefined;
        return listFrom(JSON.parse(await readFile(file, 'utf8')), key, now());
      } catch {
        return undefined;
      }
    },
    async set(key, list) {
      const text = JSON.stringify({ version, key, ...list });
      if (text.length > largestFile) return;
      try {
        await mkdir(folder, { recursive: true });
        await replaceFile(fileOf(key), text);
      } catch {
        // Read-only or full: see above.
      }
    },
  };
}

/** Undefined for what cannot have been written by us. A time in the future would silence the repository until then. */
function listFrom(value: unknown, key: string, now: Instant): RememberedTags | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const { askedAt, tags } = fields;
  if (fields['version'] !== version || fields['key'] !== key) return undefined;
  if (typeof askedAt !== 'number' || !(askedAt <= now + 5 * second)) return undefined;
  return Array.isArray(tags) && tags.every(isTag) ? { askedAt, tags } : undefined;
}
