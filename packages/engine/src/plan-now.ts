import { planOf } from '@image-factory/core/plan/plan.ts';
import type { Plan, Reason } from '@image-factory/core/plan/types.ts';
import type { FactoryState, Pin } from '@image-factory/core/state/types.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { enterGone } from './enter-gone.ts';
import { inParallel } from './pool.ts';

const looksAtOnce = 16;

/** `starts`: only images that this cycle may start take places of the limits. `report`: as the next one would start them. */
export type Purpose = 'starts' | 'report';

/** The plan on the newest state, with the looks by digest that due images need (brief 4.3.1). */
export async function planNow(run: CycleRun, purpose: Purpose): Promise<Plan> {
  for (;;) {
    const plan = planOn(run, run.records.state, purpose);
    if (keepBack(run, plan)) continue;
    const unasked = unaskedPins(run, plan);
    if (unasked.size === 0 || isStopped(run)) return plan;
    await askWhetherServed(run, unasked);
  }
}

/** The plan on this state with what this cycle has found out so far: pure, so that it can be made again on newer records. */
export function planOn(run: CycleRun, state: FactoryState, purpose: Purpose): Plan {
  const { sources, gone, proofs, requests, notNow, started, startOnly, settings, now } = run;
  const facts = { sources, gone, proofs, provenance: [], requests, notNow, started: started.length };
  const mayStart = (name: string): boolean =>
    startOnly === undefined || (startOnly.has(name) && !started.includes(name));
  const images =
    purpose === 'report' || startOnly === undefined
      ? run.images
      : run.images.map((image) =>
          image.kind === 'managed' && !mayStart(image.name) ? { ...image, autoRebuild: false } : image,
        );
  return planOf({ settings, images, state, facts, now });
}

/** Images that would be built with a digest nobody could ask about do not start in this cycle, nor with an older digest. */
function keepBack(run: CycleRun, plan: Plan): boolean {
  const before = run.notNow.size;
  for (const { image, pins } of plan.decisions) {
    const pin = pins.find((each) => run.silent.has(nameOf(each)));
    if (!pin || run.notNow.has(image)) continue;
    const reason: Reason = { code: 'registry-silent', base: pin.base, to: pin.digest };
    run.notNow.set(image, reason);
  }
  return run.notNow.size > before;
}

function unaskedPins(run: CycleRun, plan: Plan): ReadonlyMap<string, Pin> {
  const unasked = new Map<string, Pin>();
  for (const { action, pins } of plan.decisions) {
    if (action !== 'start') continue;
    for (const pin of pins) if (!run.asked.has(nameOf(pin))) unasked.set(nameOf(pin), pin);
  }
  return unasked;
}

async function askWhetherServed(run: CycleRun, pins: ReadonlyMap<string, Pin>): Promise<void> {
  const before = run.gone.size;
  await inParallel([...pins], looksAtOnce, async ([name, { base, digest }]) => {
    run.asked.add(name);
    const record = run.records.state.bases.get(base);
    if (!record) return;
    try {
      const reference = { domain: record.registry, path: record.repository };
      if (!(await run.deps.registry.serves(reference, digest, run.signal))) run.gone.add(name);
    } catch (thrown) {
      // A registry that cannot be asked is no proof that the digest is gone.
      noteProblem(run, thrown, { kind: 'base', name: base });
      run.silent.add(name);
    }
  });
  if (run.gone.size === before || run.dry) return;
  await run.records.transact('Record digests that are no longer served', (state) =>
    enterGone(state, run.gone, run.now),
  );
}

function nameOf({ base, digest }: Pin): string {
  return `${base}@${digest}`;
}
