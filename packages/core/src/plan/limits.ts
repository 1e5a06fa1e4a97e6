import type { ManagedGraph } from '../graph/managed.ts';
import type { Provider } from '../enrolment/types.ts';
import { day } from '../time.ts';
import { outcomesByPin, startsOfTheDay, type ChangeRecord } from './failures.ts';
import type { Standing } from './plan.ts';
import type { PlanInput, Reason } from './types.ts';

const criticalityRank = { high: 0, normal: 1, low: 2 };

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
  const open = [...state.intents.values()];
  const perProvider = new Map<string, number>();
  for (const intent of open) perProvider.set(intent.provider, (perProvider.get(intent.provider) ?? 0) + 1);
  let running = open.length;
  let started = 0;
  const unknownStarts: number[] = [];
  for (const record of state.images.values()) {
    for (const rebuild of record.rebuilds) {
      if (rebuild.reason === 'evidence-unknown' && rebuild.startedAt > now - day) unknownStarts.push(rebuild.startedAt);
    }
  }
  for (const intent of open) if (intent.reason === 'evidence-unknown') unknownStarts.push(intent.createdAt);
  const outcomes = outcomesByPin(state.images.values());
  const canariesBusy = canariesAtWork(standings, settings.waves.canaries);

  const judge = ({ assessment }: Standing): Reason | undefined => {
    const { enrolment, record, due, request, pins } = assessment;
    const provider: Provider = enrolment.source.provider;
    if (running >= limits.concurrent) return { code: 'concurrency-limit', detail: String(limits.concurrent) };
    const cap = limits.perProvider[provider];
    if (cap !== undefined && (perProvider.get(provider) ?? 0) >= cap) {
      return { code: 'provider-limit', detail: `${provider}: ${cap}` };
    }
    if (started >= limits.perCycle) return { code: 'cycle-limit', detail: String(limits.perCycle) };
    if (request) return undefined;
    const today = record ? startsOfTheDay(record, now) : [];
    if (today.length >= limits.perImageAndDay) {
      const oldest = today[today.length - limits.perImageAndDay] ?? now;
      return { code: 'daily-limit', detail: String(limits.perImageAndDay), until: oldest + day };
    }
    const changes = pins.map((pin) => `${pin.base}@${pin.digest}`);
    const halted = changes.find((change) => halts(outcomes.get(change), settings.waves));
    if (halted !== undefined && record?.content) return { code: 'wave-halted', detail: halted };
    const canary = settings.waves.canaries.includes(enrolment.name);
    if (!canary && record?.content && !assessment.emergency) {
      const waits = due.find(({ base, to }) => base !== undefined && canariesBusy.has(`${base}@${to ?? ''}`));
      if (waits) return { code: 'waits-for-canaries', ...(waits.base === undefined ? {} : { base: waits.base }) };
    }
    if (due.every(({ code }) => code === 'evidence-unknown') && unknownStarts.length >= limits.unknownEvidencePerDay) {
      const oldest = unknownStarts.toSorted((a, b) => b - a)[limits.unknownEvidencePerDay - 1] ?? now;
      return { code: 'unknown-evidence-limit', detail: String(limits.unknownEvidencePerDay), until: oldest + day };
    }
    return undefined;
  };

  for (const standing of startable.toSorted((a, b) => compare(a, b, graph))) {
    const { enrolment, due } = standing.assessment;
    const reason = judge(standing);
    admitted.set(enrolment.name, reason);
    if (reason) continue;
    running++;
    started++;
    perProvider.set(enrolment.source.provider, (perProvider.get(enrolment.source.provider) ?? 0) + 1);
    if (due.every(({ code }) => code === 'evidence-unknown')) unknownStarts.push(now);
  }
  return admitted;
}

function compare(a: Standing, b: Standing, graph: ManagedGraph): number {
  const left = a.assessment;
  const right = b.assessment;
  return (
    Number(right.emergency) - Number(left.emergency) ||
    criticalityRank[left.enrolment.criticality] - criticalityRank[right.enrolment.criticality] ||
    (graph.nodes.get(left.enrolment.name)?.depth ?? 0) - (graph.nodes.get(right.enrolment.name)?.depth ?? 0) ||
    left.dueSince - right.dueSince ||
    (left.enrolment.name < right.enrolment.name ? -1 : 1)
  );
}

/** Changes that a canary still has to prove: it is due for them, or building them. */
function canariesAtWork(standings: readonly Standing[], canaries: readonly string[]): ReadonlySet<string> {
  const changes = new Set<string>();
  if (canaries.length === 0) return changes;
  for (const { assessment } of standings) {
    if (!canaries.includes(assessment.enrolment.name)) continue;
    for (const { base, to } of assessment.due) if (base !== undefined && to) changes.add(`${base}@${to}`);
    for (const pin of assessment.intent?.pins ?? []) changes.add(`${pin.base}@${pin.digest}`);
  }
  return changes;
}

function halts(record: ChangeRecord | undefined, waves: PlanInput['settings']['waves']): boolean {
  if (!record) return false;
  const ended = record.succeeded + record.failed;
  return ended >= waves.minBuilds && record.failed / ended > waves.maxFailureRatio;
}
