import type { ManagedGraph } from '../graph/managed.ts';
import type { Provider } from '../enrolment/types.ts';
import { day } from '../time.ts';
import type { Assessment } from './assess.ts';
import { outcomesOf, startsOfTheDay, type ChangeRecord } from './failures.ts';
import type { Standing } from './parents.ts';
import type { PlanInput, Reason } from './types.ts';

const criticalityRank = { high: 0, normal: 1, low: 2 };

/**
 * Limits that an image meets whatever else starts: its starts of the day, a halted change, the spent cap of unknown
 * evidence. They can last long, so children do not wait for a parent that meets one.
 */
export function ownLimits(
  assessments: readonly Assessment[],
  { settings, state, now }: PlanInput,
): (assessment: Assessment) => Reason | undefined {
  const { limits, waves } = settings;
  const ready = assessments.filter(
    ({ due, blockedBy, intent, startAt }) =>
      due.length > 0 && blockedBy.length === 0 && !intent && startAt <= now,
  );
  const changes = new Set(ready.flatMap((assessment) => changesOf(assessment)));
  const outcomes = outcomesOf(changes, state.images.values());
  const unknown = ready.some(isUnknownOnly) ? unknownStarts({ state, now }) : [];

  return (assessment) => {
    const { record, request } = assessment;
    if (request) return undefined;
    const today = record ? startsOfTheDay(record, now) : [];
    if (today.length >= limits.perImageAndDay) {
      const oldest = today[today.length - limits.perImageAndDay] ?? now;
      return { code: 'daily-limit', detail: String(limits.perImageAndDay), until: oldest + day };
    }
    const halted = changesOf(assessment).find((change) => halts(outcomes.get(change), waves));
    if (halted !== undefined) return { code: 'wave-halted', detail: halted };
    if (isUnknownOnly(assessment) && unknown.length >= limits.unknownEvidencePerDay) {
      return unknownLimit(unknown, limits.unknownEvidencePerDay, now);
    }
    return undefined;
  };
}

/**
 * Which of the startable images start in this cycle, in order: emergency, criticality, depth, age, name. The others get
 * the limit that holds them back. Images that are not startable are not in the answer.
 */
export function admit(
  standings: readonly Standing[],
  input: PlanInput,
  graph: ManagedGraph,
): ReadonlyMap<string, Reason | undefined> {
  const admitted = new Map<string, Reason | undefined>();
  const startable = standings.filter((standing) => standing.startable);
  if (startable.length === 0) return admitted;

  const { settings, state, now } = input;
  const { limits } = settings;
  const canaries = new Set(settings.waves.canaries);
  const perProvider = new Map<string, number>();
  for (const { provider } of state.intents.values())
    perProvider.set(provider, (perProvider.get(provider) ?? 0) + 1);
  let running = state.intents.size;
  let started = input.facts.started ?? 0;
  const unknown = startable.some(({ assessment }) => isUnknownOnly(assessment)) ? unknownStarts(input) : [];
  const canariesBusy = canariesAtWork(standings, canaries);

  function limitOf({ assessment }: Standing): Reason | undefined {
    const { enrolment, record, due, request } = assessment;
    const provider: Provider = enrolment.source.provider;
    if (running >= limits.concurrent) return { code: 'concurrency-limit', detail: String(limits.concurrent) };
    const cap = limits.perProvider[provider];
    if (cap !== undefined && (perProvider.get(provider) ?? 0) >= cap) {
      return { code: 'provider-limit', detail: `${provider}: ${cap}` };
    }
    if (started >= limits.perCycle) return { code: 'cycle-limit', detail: String(limits.perCycle) };
    if (request) return undefined;
    if (!canaries.has(enrolment.name) && record?.content && !assessment.emergency) {
      const waits = due.find(({ base, to }) => base !== undefined && canariesBusy.has(`${base}@${to ?? ''}`));
      if (waits)
        return { code: 'waits-for-canaries', ...(waits.base === undefined ? {} : { base: waits.base }) };
    }
    if (isUnknownOnly(assessment) && unknown.length >= limits.unknownEvidencePerDay) {
      return unknownLimit(unknown, limits.unknownEvidencePerDay, now);
    }
    return undefined;
  }

  for (const standing of startable.toSorted((a, b) => compare(a, b, graph))) {
    const { enrolment } = standing.assessment;
    const reason = limitOf(standing);
    admitted.set(enrolment.name, reason);
    if (reason) continue;
    running++;
    started++;
    perProvider.set(enrolment.source.provider, (perProvider.get(enrolment.source.provider) ?? 0) + 1);
    if (isUnknownOnly(standing.assessment)) unknown.push(now);
  }
  return admitted;
}

/** What a rebuild would bring in that is not inside yet. First builds bring in nothing new. */
function changesOf({ record, due }: Assessment): string[] {
  if (!record?.content) return [];
  return due.flatMap(({ base, to }) => (base === undefined || to === undefined ? [] : [`${base}@${to}`]));
}

function isUnknownOnly({ due }: Assessment): boolean {
  return due.length > 0 && due.every(({ code }) => code === 'evidence-unknown');
}

/** Starts of the last 24 hours for unknown evidence alone. */
function unknownStarts({ state, now }: Pick<PlanInput, 'state' | 'now'>): number[] {
  const starts: number[] = [];
  for (const { rebuilds } of state.images.values()) {
    for (const { reason, startedAt } of rebuilds) {
      if (reason === 'evidence-unknown' && startedAt > now - day) starts.push(startedAt);
    }
  }
  for (const { reason, createdAt } of state.intents.values())
    if (reason === 'evidence-unknown') starts.push(createdAt);
  return starts;
}

function unknownLimit(starts: readonly number[], cap: number, now: number): Reason {
  const oldest = starts.toSorted((a, b) => b - a)[cap - 1] ?? now;
  return { code: 'unknown-evidence-limit', detail: String(cap), until: oldest + day };
}

function compare(a: Standing, b: Standing, graph: ManagedGraph): number {
  const left = a.assessment;
  const right = b.assessment;
  return (
    Number(right.emergency) - Number(left.emergency) ||
    criticalityRank[left.enrolment.criticality] - criticalityRank[right.enrolment.criticality] ||
    (graph.nodes.get(left.enrolment.name)?.depth ?? 0) -
      (graph.nodes.get(right.enrolment.name)?.depth ?? 0) ||
    left.dueSince - right.dueSince ||
    (left.enrolment.name < right.enrolment.name ? -1 : 1)
  );
}

/**
 * Changes that a canary still has to prove: it is due for them, or building them. One that failed for good says no to
 * the change; one that a person or its settings keep from starting, or that waits for a parent, has nothing to say.
 */
function canariesAtWork(standings: readonly Standing[], canaries: ReadonlySet<string>): ReadonlySet<string> {
  const changes = new Set<string>();
  if (canaries.size === 0) return changes;
  for (const { assessment, notes } of standings) {
    if (!canaries.has(assessment.enrolment.name)) continue;
    for (const pin of assessment.intent?.pins ?? []) changes.add(`${pin.base}@${pin.digest}`);
    const silenced = assessment.blockedBy.some(({ code }) => !verdictOfCanary.has(code));
    if (silenced || notes.some(({ code }) => code === 'waits-for-parent')) continue;
    for (const change of changesOf(assessment)) changes.add(change);
  }
  return changes;
}

/** What keeps a canary from starting and still speaks about the change. */
const verdictOfCanary: ReadonlySet<Reason['code']> = new Set([
  'back-off',
  'stopped-after-failures',
  'base-drift',
  'frozen',
]);

function halts(record: ChangeRecord | undefined, waves: PlanInput['settings']['waves']): boolean {
  if (!record) return false;
  const ended = record.succeeded + record.failed;
  return ended >= waves.minBuilds && record.failed / ended > waves.maxFailureRatio;
}
