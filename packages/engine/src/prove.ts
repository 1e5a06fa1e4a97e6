import type { CveProof } from '@image-factory/core/ports/proofs.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { BaseRecord } from '@image-factory/core/state/types.ts';
import { noteProblem, type CycleRun } from './cycle-run.ts';
import { inParallel } from './pool.ts';

const proofsAtOnce = 8;

interface Question {
  readonly base: string;
  readonly running: Digest;
  readonly newest: Digest;
}

/** Asks the scanner what the newest digest of a base would remove; facts of the cycle, never state. */
export async function prove(run: CycleRun): Promise<void> {
  const { prover } = run.deps;
  if (!prover) return;
  await inParallel(questionsOf(run), proofsAtOnce, async ({ base, running, newest }) => {
    try {
      const proven: readonly CveProof[] = await prover.prove(base, running, newest, run.signal);
      if (proven.length > 0) run.proofs.set(base, [...(run.proofs.get(base) ?? []), ...proven]);
    } catch (thrown) {
      noteProblem(run, thrown, { kind: 'base', name: base });
    }
  });
}

/** One question per base and digest that runs, however many images contain it. */
function questionsOf(run: CycleRun): readonly Question[] {
  const questions = new Map<string, Question>();
  for (const name of run.managed.keys()) {
    const record = run.records.state.images.get(name);
    for (const [base, { digest: running }] of Object.entries(record?.builtFrom ?? {})) {
      const newest = newestAcceptable(run.records.state.bases.get(base));
      if (newest && newest !== running) questions.set(`${base} ${running}`, { base, running, newest });
    }
  }
  return [...questions.values()];
}

/** Settled, served, not withdrawn, not refused; matured or not (brief 4.3.7). */
function newestAcceptable(base: BaseRecord | undefined): Digest | undefined {
  return base?.ledger.findLast(
    ({ settledAt, withdrawnAt, refused, goneAt }) =>
      settledAt !== undefined && withdrawnAt === undefined && refused === undefined && goneAt === undefined,
  )?.digest;
}
