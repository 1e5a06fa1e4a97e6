import type { LedgerEntry } from '@image-factory/core/state/types.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** What stood under a tag, newest first. */
export function ledgerTable(ledger: readonly LedgerEntry[], style: Style): string {
  const rows = ledger
    .toReversed()
    .map((entry) => [
      style.when(entry.firstSeen),
      entry.tag ?? '',
      entry.digest.slice(0, 19),
      [
        entry.baseline ? 'baseline' : '',
        entry.withdrawnAt === undefined ? '' : 'withdrawn',
        entry.replacedAt === undefined ? 'stands now' : '',
        entry.equalTo === undefined ? '' : `equal to ${entry.equalTo.slice(0, 19)}`,
        entry.retagged ? 'retagged' : '',
      ]
        .filter((word) => word !== '')
        .join(', '),
    ]);
  return table(['first seen', 'tag', 'digest', 'ledger'], rows, style);
}
