import type { CveProof } from '../ports/proofs.ts';
import type { FactoryState } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { Scenario } from './types.ts';
import { digestOf, slugOf } from './world.ts';

/** What a scanner would prove now about the digests that the ledgers know. */
export function proofsOf(
  scenario: Scenario,
  state: FactoryState,
  now: Instant,
): ReadonlyMap<string, readonly CveProof[]> {
  const proofs = new Map<string, CveProof[]>();
  for (const flaw of scenario.flaws ?? []) {
    const base = scenario.bases.find(({ reference }) => reference === flaw.base);
    if (!base || flaw.knownAt > now) continue;
    const fixedAt =
      base.published.find(({ digest }) => digest === flaw.fixedIn)?.at ?? Number.POSITIVE_INFINITY;
    const fixed = new Set(
      base.published.filter(({ at }) => at >= fixedAt).map(({ digest }) => digestOf(digest)),
    );
    const known = state.bases.get(slugOf(flaw.base))?.ledger.map(({ digest }) => digest) ?? [];
    const list = known.flatMap((presentIn) =>
      fixed.has(presentIn)
        ? []
        : known
            .filter((digest) => fixed.has(digest))
            .map((absentFrom) => ({ id: flaw.id, severity: 'critical' as const, presentIn, absentFrom })),
    );
    proofs.set(slugOf(flaw.base), [...(proofs.get(slugOf(flaw.base)) ?? []), ...list]);
  }
  return proofs;
}
