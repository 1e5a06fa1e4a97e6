import { digestsInUse, keptEntries, trimState } from '../state/trim.ts';
import type { FactoryState } from '../state/types.ts';
import { day, type Duration } from '../time.ts';

/** As the engine keeps them: what may still become a candidate stays in the ledger. */
const longestUse: Duration = 60 * day;

/** Old entries of a ledger go once there are many of them: not at every push, which would cost more than it saves. */
export function trimLedger(state: FactoryState, name: string): FactoryState {
  const ledger = state.bases.get(name)?.ledger ?? [];
  const oldest = ledger[Math.floor(keptEntries / 2)];
  const newest = ledger.at(-1);
  if (!newest || !oldest || ledger.length <= 1.5 * keptEntries) return state;
  if (oldest.appeared > newest.appeared - longestUse) return state;
  const inUse = digestsInUse(state);
  const recent = new Set(
    ledger.filter(({ appeared }) => appeared > newest.appeared - longestUse).map(({ digest }) => digest),
  );
  return trimState(state, (base, digest) => base !== name || recent.has(digest) || inUse(base, digest));
}
