import type { Digest } from '../reference/types.ts';
import type { BaseRecord } from '../state/types.ts';
import type { Instant } from '../time.ts';

/** A base record after its tag moved: the fields that the older format keeps beside the ledger follow it. */
export function moved(
  base: BaseRecord,
  ledger: BaseRecord['ledger'],
  digest: Digest,
  at: Instant,
): BaseRecord {
  if (base.currentDigest === digest) return { ...base, ledger };
  const first = base.currentDigest === undefined;
  return {
    ...base,
    ledger,
    currentDigest: digest,
    ...(base.currentDigest === undefined ? {} : { previousDigest: base.currentDigest }),
    ...(first ? {} : { lastUpdated: at }),
  };
}
