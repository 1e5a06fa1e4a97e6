import { planOf } from '@image-factory/core/plan/plan.ts';
import { reasonText } from '@image-factory/core/plan/reason-text.ts';
import type { Decision, Plan } from '@image-factory/core/plan/types.ts';
import type { Run } from '@image-factory/core/ports/builder.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { closeIntent, intentOf, isOpen, mayOpen, withIntent } from '@image-factory/core/rebuild/transitions.ts';
import type { Event, FactoryState, Intent } from '@image-factory/core/state/types.ts';
import { minute, second } from '@image-factory/core/time.ts';
import type { CycleRun } from './cycle-run.ts';
import { enterGone } from './enter.ts';
import { endOfRun, pollRun, type EndedRun, type OpenRun } from './follow.ts';
import { inParallel } from './pool.ts';

/** Only the writer of an intent may start its run, and only so long after writing it (brief 4.4). */
const startWithin = minute;
/** How often runs are asked how they are. */
const pollEvery = second / 4;
const pollEveryRemote = 10 * second;

/** Starts what is due, follows it, and starts what becomes startable by it, until nothing more is to be done now. */
export async function act(run: CycleRun, adopted: readonly OpenRun[]): Promise<void> {
  const open = new Map(adopted.map((found) => [found.intent.image, found]));
  for (;;) {
    if (run.signal?.aborted) await cancelInProcess(run, open);
    else for (const started of await startDue(run)) open.set(started.intent.image, started);
    const ended = await pollAll(run, open);
    if (ended.length > 0) {
      await recordEnds(run, ended);
      continue;
    }
    const waiting = [...open.values()].filter((found) => run.follow || found.builder.capabilities().inProcess);
    if (waiting.length === 0) return;
    run.deps.log.progress(`${waiting.length} rebuilds running: ${waiting.map(({ intent }) => intent.image).join(', ')}`);
    const quick = waiting.some(({ builder }) => builder.capabilities().inProcess);
    await run.deps.clock.sleep(quick ? pollEvery : pollEveryRemote);
    run.now = run.time();
  }
}

/** The plan on the newest state, with the looks by digest that due images need (brief 4.3.1). */
export async function planNow(run: CycleRun): Promise<Plan> {
  for (;;) {
    const facts = { ...run.input.facts, gone: new Set([...run.gone, ...run.unasked]) };
    const plan = planOf({ ...run.input, facts, state: run.records.state, now: run.now });
    const unasked = unaskedPins(run, plan);
    if (unasked.size === 0) return plan;
    const before = run.gone.size;
    await inParallel([...unasked], 16, async ([name, { reference, digest }]) => {
      run.servedAt.add(name);
      try {
        if (!(await run.deps.registry.serves(reference, digest, run.signal))) run.gone.add(name);
      } catch (thrown) {
        // A registry that cannot be asked is no proof that the digest is gone: it is only not built with in this cycle.
        run.problems.push(problemOf(thrown, { kind: 'base', name: name.slice(0, name.indexOf('@')) }));
        run.unasked.add(name);
      }
    });
    if (run.gone.size > before && !run.dry) {
      await run.records.transact('Record digests that are no longer served', (state) => enterGone(state, run.gone, run.now));
    }
  }
}

function unaskedPins(run: CycleRun, plan: Plan): Map<string, { reference: { domain: string; path: string }; digest: Intent['pins'][number]['digest'] }> {
  const unasked = new Map<string, { reference: { domain: string; path: string }; digest: Intent['pins'][number]['digest'] }>();
  for (const decision of plan.decisions) {
    if (decision.action !== 'start') continue;
    for (const pin of decision.pins) {
      const name = `${pin.base}@${pin.digest}`;
      const base = run.records.state.bases.get(pin.base);
      if (base && !run.servedAt.has(name)) {
        unasked.set(name, { reference: { domain: base.registry, path: base.repository }, digest: pin.digest });
      }
    }
  }
  return unasked;
}

async function startDue(run: CycleRun): Promise<OpenRun[]> {
  // Every transaction has a time of its own: the audit log is ordered by it.
  run.now = run.time();
  const plan = await planNow(run);
  run.plan = plan;
  const allowed = plan.starts.filter((name) => run.startOnly === undefined || run.startOnly.has(name));
  const due = allowed.flatMap((name) => plan.decisions.find(({ image }) => image === name) ?? []);
  const wanted = due.flatMap((decision) => wantedOf(run, decision));
  if (wanted.length === 0) return [];

  const names = wanted.map(({ image }) => image);
  await run.records.transact(`Start ${counted(names.length, 'rebuild')}: ${listed(names)}`, (before) => {
    let state = before;
    const events: Event[] = [];
    for (const intent of wanted) {
      if (!mayOpen(state, intent)) continue;
      state = withIntent(state, intent);
      // In full: of a person's request the words are to be found afterwards.
      const cause = due.find(({ image }) => image === intent.image)?.due[0];
      const text = `rebuild of ${intent.image} decided: ${cause ? reasonText(cause) : intent.reason}`;
      events.push({ at: run.now, type: 'intent', image: intent.image, text, data: { key: intent.key, attempt: intent.attempt } });
    }
    return { state, events };
  });
  const writtenAt = run.deps.clock.monotonic();
  const ours = wanted.filter((intent) => isOpen(run.records.state, intent));
  for (const intent of ours) run.requests.delete(intent.image);
  return startAll(run, ours, writtenAt);
}

function wantedOf(run: CycleRun, decision: Decision): Intent[] {
  const enrolment = run.managed.get(decision.image);
  if (!enrolment) return [];
  if (!run.deps.builderFor(enrolment.source.provider)) {
    run.missingBuilder(enrolment);
    return [];
  }
  const intent = intentOf(decision, enrolment, {
    now: run.now,
    writer: run.deps.writer,
    epoch: run.records.state.engine?.epoch ?? 1,
    commit: run.input.facts.sources.get(decision.image)?.commit,
    requestedBy: run.requests.get(decision.image)?.by,
  });
  return intent ? [intent] : [];
}

/** Starts the runs of intents that are committed under our name, and commits the run ids. */
export async function startAll(run: CycleRun, intents: readonly Intent[], writtenAt: number): Promise<OpenRun[]> {
  const failed: EndedRun[] = [];
  const opened = await inParallel(intents, 16, async (intent): Promise<OpenRun[]> => {
    const enrolment = run.managed.get(intent.image);
    const builder = enrolment && run.deps.builderFor(enrolment.source.provider);
    const record = run.records.state.images.get(intent.image);
    if (!enrolment || !builder || !record || run.deps.clock.monotonic() - writtenAt > startWithin) return [];
    run.deps.log.info(`starting the rebuild of ${intent.image} (${intent.reason})`);
    try {
      const started = await builder.start(
        {
          key: intent.key,
          attempt: intent.attempt,
          image: enrolment,
          pins: intent.pins,
          dependencies: record.dependencies,
          platforms: intent.platforms,
          commit: intent.commit,
          reason: intent.reason,
        },
        run.signal,
      );
      run.started.push(intent.image);
      return [{ intent, enrolment, builder, run: started }];
    } catch (thrown) {
      const problem = problemOf(thrown, { kind: 'image', name: intent.image });
      run.problems.push(problem);
      const found = await builder.find(enrolment, intent.key, intent.attempt).catch(() => undefined);
      if (found) return [{ intent, enrolment, builder, run: found }];
      // A refusal of our own process cannot have left a run behind; anything else is looked for again later.
      const surely = builder.capabilities().inProcess || problem.code.startsWith('BUILDER_');
      if (surely) failed.push({ intent, enrolment, end: { outcome: 'failure', error: problem.message } });
      return [];
    }
  });
  const open = opened.flat();
  if (open.length > 0) await recordRuns(run, open);
  if (failed.length > 0) await recordEnds(run, failed);
  return open;
}

/** Commits which runs belong to which intents. */
export async function recordRuns(run: CycleRun, open: readonly OpenRun[]): Promise<void> {
  run.now = run.time();
  const names = open.map(({ intent }) => intent.image);
  await run.records.transact(`Record the ${names.length === 1 ? 'run' : 'runs'} of ${listed(names)}`, (before) => {
    let state = before;
    const events: Event[] = [];
    for (const { intent, run: started } of open) {
      const current = state.intents.get(intent.image);
      if (current?.key !== intent.key || current.attempt !== intent.attempt || current.run) continue;
      state = withIntent(state, { ...current, run: runOf(started, run.now) });
      const text = `run ${started.id} of ${intent.image} started`;
      events.push({ at: run.now, type: 'run-started', image: intent.image, text, data: { run: started.id, key: intent.key } });
    }
    return { state, events };
  });
}

function runOf(started: Run, now: number): NonNullable<Intent['run']> {
  return { id: started.id, startedAt: now, ...(started.url === undefined ? {} : { url: started.url }) };
}

async function pollAll(run: CycleRun, open: Map<string, OpenRun>): Promise<EndedRun[]> {
  const ended = await inParallel([...open.values()], 16, async (found): Promise<EndedRun[]> => {
    const now = await pollRun(run, found);
    if (now === 'lost') open.delete(found.intent.image);
    if (now === 'lost' || now.status === 'running') return [];
    open.delete(found.intent.image);
    return [{ intent: found.intent, enrolment: found.enrolment, end: await endOfRun(run, found, now) }];
  });
  return ended.flat();
}

async function recordEnds(run: CycleRun, ended: readonly EndedRun[]): Promise<void> {
  run.now = run.time();
  const names = ended.map(({ intent }) => intent.image);
  await run.records.transact(`Record the outcome of ${listed(names)}`, (before) => {
    let state: FactoryState = before;
    const events: Event[] = [];
    for (const { intent, enrolment, end } of ended) {
      const after = closeIntent(state, enrolment, intent, end, run.now, run.input.settings.timing.settle);
      if (after === state) continue;
      state = after;
      const rebuild = state.images.get(intent.image)?.rebuilds.at(-1);
      const text = `rebuild of ${intent.image} ended: ${rebuild?.outcome ?? end.outcome}${rebuild?.error ? ` (${rebuild.error})` : ''}`;
      events.push({ at: run.now, type: 'rebuild-ended', image: intent.image, text, data: { key: intent.key, outcome: rebuild?.outcome } });
    }
    return { state, events };
  });
  for (const { intent } of ended) {
    const rebuild = run.records.state.images.get(intent.image)?.rebuilds.at(-1);
    if (!rebuild) continue;
    run.ended.push({ image: intent.image, rebuild });
    run.deps.log.info(`rebuild of ${intent.image}: ${rebuild.outcome}${rebuild.digest ? ` ${rebuild.digest}` : ''}`);
    run.deps.sightings.forget(`${intent.key}/${intent.attempt}`);
  }
}

/** A stop was asked for: builds that live in this process end with it, so they end in order. */
async function cancelInProcess(run: CycleRun, open: ReadonlyMap<string, OpenRun>): Promise<void> {
  for (const found of open.values()) {
    if (!found.builder.capabilities().inProcess || found.cancelled) continue;
    found.cancelled = true;
    await found.builder.cancel(found.enrolment, found.run.id).catch((thrown: unknown) => run.problems.push(problemOf(thrown)));
  }
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
