import { baseReferenceOf } from './base-reference.ts';
import {
  anything,
  anyMap,
  instant,
  instantOrUnknown,
  listOf,
  optional,
  orElse,
  orEmpty,
  recordOf,
  required,
  text,
  type Codec,
} from './fields.ts';
import { selectionStrategy, toldEvent } from './image-codec.ts';
import { hold, ledgerEntry } from './ledger-codec.ts';
import { lenientDigest, noMap } from './older-fields.ts';
import type { BaseRecord, Hold } from './types.ts';

const everyHold: Codec<Hold> = {
  read: (value) => hold.read(value) ?? { reason: 'no reason given', since: 0 },
  write: hold.write,
};

/** state/base-images/<name>.yaml; the first fields in the order of the older format, ours behind them. */
export const baseCodec: Codec<BaseRecord> = recordOf<BaseRecord>({
  name: required(text),
  fullImage: required(text),
  registry: required(text),
  repository: required(text),
  tag: optional(text),
  allowTags: optional(text),
  imageSelectionStrategy: optional(selectionStrategy),
  repoURL: optional(text),
  firstDiscovered: instantOrUnknown,
  currentDigest: optional(lenientDigest),
  lastUpdated: optional(instant),
  previousDigest: optional(lenientDigest),
  rebuildEligibleAt: orElse(
    recordOf<BaseRecord['rebuildEligibleAt']>({ default: optional(instant) }),
    {},
    (value) => value.default === undefined,
  ),
  metadata: orElse(anyMap, {}, noMap),
  updateHistory: orEmpty(anything),
  managedBy: optional(text),
  holds: orEmpty(everyHold),
  toldEvents: optional(listOf(toldEvent)),
  ledger: orEmpty(ledgerEntry),
  verification: optional(anything),
  scan: optional(anything),
});

/**
 * The fields of a base file with what older and hand-written files leave out: the parts of the reference come from
 * `fullImage`, or that from them, and a single `hold` counts as one more of `holds`.
 */
export function completeBase(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const completed = { ...raw, ...baseReferenceOf(raw) };
  const single = raw['hold'];
  if (single === undefined || single === null || single === false) return completed;
  const others: unknown = raw['holds'] ?? [];
  return { ...completed, holds: Array.isArray(others) ? [single, ...(others as unknown[])] : others };
}
