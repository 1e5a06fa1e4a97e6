import { ledgerEntry } from './ledger-codec.ts';
import { rebuild } from './image-codec.ts';
import type { LedgerEntry, Rebuild } from './types.ts';

/**
 * Entries that left a record for good, as lines for the archive: those of `before` that `after` no longer has. An entry
 * whose timer was started anew counts as left too, so that the archive keeps its first appearance.
 */
export function leftLedgerLines(before: readonly LedgerEntry[], after: readonly LedgerEntry[]): string {
  return leftLines(
    before,
    after,
    (entry) => `${entry.digest} ${entry.tag ?? ''} ${entry.firstSeen}`,
    ledgerEntry.write,
  );
}

/** As {@link leftLedgerLines}, for rebuilds. */
export function leftRebuildLines(before: readonly Rebuild[], after: readonly Rebuild[]): string {
  return leftLines(
    before,
    after,
    (entry) => `${entry.key} ${entry.attempt} ${entry.startedAt}`,
    rebuild.write,
  );
}

function leftLines<T>(
  before: readonly T[],
  after: readonly T[],
  identity: (entry: T) => string,
  write: (entry: T) => unknown,
): string {
  if (before === after || before.length === 0) return '';
  const kept = new Set(after.map(identity));
  return before
    .filter((entry) => !kept.has(identity(entry)))
    .map((entry) => JSON.stringify(write(entry)) + '\n')
    .join('');
}
