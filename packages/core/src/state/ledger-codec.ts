import type { PlatformName } from '../reference/types.ts';
import { isMap } from './data-equal.ts';
import {
  count,
  digest,
  instant,
  instantOrUnknown,
  listOf,
  mapOf,
  onlyTrue,
  optional,
  recordOf,
  required,
  text,
  type Codec,
  type OptionalCodec,
} from './fields.ts';
import type { Hold, LedgerEntry, PlatformContent } from './types.ts';

export const platformContents = mapOf<PlatformContent, PlatformName>(
  recordOf<PlatformContent>({
    digest: required(digest),
    diffIds: required(listOf(digest)),
    config: required(text),
    onBuild: optional(listOf(text)),
  }),
);

export const ledgerEntry: Codec<LedgerEntry> = recordOf<LedgerEntry>({
  digest: required(digest),
  tag: optional(text),
  firstSeen: required(instant),
  appeared: required(instant),
  previousLastSeenAt: optional(instant),
  settledAt: optional(instant),
  lastSeenAt: optional(instant),
  replacedAt: optional(instant),
  stood: optional(count),
  baseline: optional(onlyTrue),
  withdrawnAt: optional(instant),
  publishedAt: optional(instant),
  equalTo: optional(digest),
  goneAt: optional(instant),
  refused: optional(text),
  retagged: optional(onlyTrue),
  platforms: optional(platformContents),
});

const strictHold = recordOf<Hold>({
  reason: required(text),
  by: optional(text),
  since: instantOrUnknown,
  until: optional(instant),
  digest: optional(digest),
});

/**
 * A hold may be written by hand in a hurry: `hold: reason in words`, `hold: true`, or a mapping without `since` or
 * `reason`. All of them stop; only `false` and nothing at all mean that there is none. What cannot be understood (an `until` that is no date) makes the file unreadable, which
 * stops as well; it never means "no hold".
 */
export const hold: OptionalCodec<Hold> = {
  read(value) {
    if (value === false) return undefined;
    if (value === true) return { reason: 'no reason given', since: 0 };
    if (typeof value === 'string') return { reason: value, since: 0 };
    if (!isMap(value)) return strictHold.read(value);
    return strictHold.read({ ...value, reason: value['reason'] ?? 'no reason given' });
  },
  write: strictHold.write,
};
