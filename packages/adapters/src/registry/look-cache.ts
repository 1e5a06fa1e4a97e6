import type { Sighting } from '@image-factory/core/ports/registry.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Instant } from '@image-factory/core/time.ts';

/** What is remembered of one tag between looks. Losing it costs requests, never correctness. */
export interface RememberedLook {
  readonly digest: Digest;
  readonly mediaType?: string;
  /** As the registry wrote it: it need not be the digest. */
  readonly etag?: string;
  /** When the last look was answered, whatever it saw. */
  readonly askedAt: Instant;
  /** When the last look that saw the digest began to ask: later than that nothing is known. */
  readonly lastSeenAt: Instant;
  /** When the last look began to ask that was answered in full, not with "unchanged". */
  readonly fullAt: Instant;
  /** The last look found no such tag. */
  readonly absent?: true;
  readonly previous?: Sighting;
}

/** What is remembered of the tags of one repository. */
export interface RememberedTags {
  readonly askedAt: Instant;
  readonly tags: readonly string[];
}

/** Keeps lists of tags by `registry/repository`. They can be long, so that they are read one by one. */
export interface TagLists {
  get(key: string): Promise<RememberedTags | undefined>;
  set(key: string, list: RememberedTags): Promise<void>;
}

/** Keeps looks by `registry/repository:tag`. */
export interface LookCache {
  readonly tagLists: TagLists;
  get(key: string): RememberedLook | undefined;
  set(key: string, look: RememberedLook): void;
  /** Makes what was set durable, where that is not done already. */
  flush(): Promise<void>;
}

/** For one process only. */
export function createMemoryLookCache(): LookCache {
  const looks = new Map<string, RememberedLook>();
  const lists = new Map<string, RememberedTags>();
  return {
    tagLists: {
      get: async (key) => lists.get(key),
      set: async (key, list) => void lists.set(key, list),
    },
    get: (key) => looks.get(key),
    set: (key, look) => void looks.set(key, look),
    flush: () => Promise.resolve(),
  };
}
