import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Sightings } from '@image-factory/engine/deps.ts';

/** Sightings in one small file; losing it only means waiting longer before an intent is taken over. */
export function fileSightings(path: string): Sightings {
  const known = new Map<string, number>(read(path));

  function write(): void {
    mkdirSync(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify([...known]));
    renameSync(draft, path);
  }

  return {
    first(id, now) {
      const before = known.get(id);
      if (before !== undefined) return before;
      known.set(id, now);
      write();
      return now;
    },
    forget(id) {
      if (known.delete(id)) write();
    },
  };
}

function read(path: string): [string, number][] {
  try {
    const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(data)) return [];
    return data.filter(
      (entry): entry is [string, number] =>
        Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number',
    );
  } catch {
    return [];
  }
}
