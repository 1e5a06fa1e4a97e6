import { severityOf, type ConditionType, type Severity } from '../enrolment/notification-settings.ts';
import { reasonText } from '../plan/reason-text.ts';
import type { Decision, Plan, Reason } from '../plan/types.ts';
import type { BaseRecord, FactoryState, ImageRecord, LedgerEntry, Rebuild } from '../state/types.ts';
import { day, formatInstant, hour, type Duration, type Instant } from '../time.ts';

/** A condition of an image that lasts until somebody or something mends it. */
export interface Alert {
  readonly image: string;
  readonly kind: ConditionType;
  /** The base, or the tag of an external image, that it is about. */
  readonly base?: string;
  readonly severity: Severity;
  /** When it began, where the records tell. */
  readonly since?: Instant;
  /** It is told only once it has lasted so long. */
  readonly patience: Duration;
  readonly what: string;
  readonly times?: number;
  readonly error?: string;
  readonly log?: string;
  readonly next: string;
  readonly advice: string;
}

/** A repository that is away for a moment is no news. */
const discoveryPatience = hour;
/** A base that was never seen, so long after it was found in a Dockerfile. */
const unseenPatience = day;
/** A base that was seen before, and that this cycle or those since could not see. */
const awayPatience = hour;
/** A version tag that was pushed again stays in the ledger for good; it is an alarm only so long. */
const retaggedFor = 14 * day;

/** What the looks of this cycle said of bases. Of those in neither nothing is known: they were not asked. */
export interface SeenBases {
  /** By name, with what their registry said instead. */
  readonly away: ReadonlyMap<string, string>;
  readonly present: ReadonlySet<string>;
}

const noneAsked: SeenBases = { away: new Map(), present: new Set() };

/** Every condition that the plan, the records and the looks show, in the order of the decisions; each once. */
export function alertsOf(
  state: FactoryState,
  plan: Plan,
  now: Instant,
  seen: SeenBases = noneAsked,
): readonly Alert[] {
  return plan.decisions.flatMap((decision) => {
    const record = state.images.get(decision.image);
    if (!record) return [];
    return [...alertsOfImage(decision, record, state, now), ...awayBases(decision, record, state, seen)];
  });
}

/** Bases that were seen before; the others are `unobserved`. What was away stays so until a look says otherwise. */
function awayBases(
  decision: Decision,
  { name, baseImages, alerts = [] }: ImageRecord,
  { bases }: FactoryState,
  { away, present }: SeenBases,
): readonly Alert[] {
  const known = new Set(
    alerts.flatMap(({ kind, base, over }) =>
      kind === 'base-away' && base !== undefined && over === undefined ? base : [],
    ),
  );
  return baseImages.flatMap((base): readonly Alert[] => {
    const record = bases.get(base);
    const error = away.get(base);
    const isAway = error !== undefined || (known.has(base) && !present.has(base));
    if (!isAway || !record || record.ledger.length === 0) return [];
    return [
      {
        image: name,
        kind: 'base-away',
        base,
        severity: severityOf['base-away'],
        patience: awayPatience,
        what: `its base ${record.fullImage} is not to be seen in its registry any more`,
        ...(error === undefined ? {} : { error }),
        next: nextOf(decision),
        advice: adviceOn('base-away', name),
      },
    ];
  });
}

function alertsOfImage(
  decision: Decision,
  record: ImageRecord,
  state: FactoryState,
  now: Instant,
): readonly Alert[] {
  const found = new Map<string, Alert>();
  for (const reason of [...decision.due, ...decision.notes]) {
    const alert = alertOf(reason, decision, record, state, now);
    if (!alert) continue;
    const key = `${alert.kind} ${alert.base ?? ''}`;
    if (!found.has(key)) found.set(key, alert);
  }
  return [...found.values()];
}

function alertOf(
  reason: Reason,
  decision: Decision,
  record: ImageRecord,
  state: FactoryState,
  now: Instant,
): Alert | undefined {
  const { name } = record;
  const base = reason.base === undefined ? undefined : state.bases.get(reason.base);
  const common = (kind: ConditionType) => ({
    image: name,
    kind,
    severity: severityOf[kind],
    patience: 0,
    what: reasonText(reason),
    ...(reason.base === undefined ? {} : { base: reason.base }),
  });
  switch (reason.code) {
    case 'stopped-after-failures':
      return {
        ...common(reason.code),
        ...failuresOf(record),
        next: notAgain,
        advice: adviceOn(reason.code, name),
      };
    case 'base-drift': {
      const last = record.rebuilds.findLast(({ outcome }) => outcome === 'base-drift');
      return {
        ...common(reason.code),
        ...(last && outcomeOf(last)),
        next: notAgain,
        advice: adviceOn(reason.code, name),
      };
    }
    case 'run-overdue': {
      const last = record.rebuilds.findLast(({ overdue }) => overdue);
      const next =
        reason.until === undefined ? 'not before it has ended' : `not before ${formatInstant(reason.until)}`;
      return {
        ...common(reason.code),
        ...(last && outcomeOf(last)),
        next,
        advice: adviceOn(reason.code, name),
      };
    }
    case 'contains-withdrawn': {
      const entry = entryOf(base?.ledger ?? record.ledger, reason.from);
      return {
        ...common(reason.code),
        ...begunAt(entry?.withdrawnAt),
        next: nextOf(decision),
        advice: adviceOn(reason.code, name),
      };
    }
    case 'retagged': {
      const entry = entryOf(record.ledger, reason.to);
      if (!entry || entry.firstSeen + retaggedFor <= now) return undefined;
      const tag = reason.detail === undefined ? {} : { base: reason.detail };
      return {
        ...common(reason.code),
        ...tag,
        since: entry.firstSeen,
        next: 'no build: others build this image',
        advice: adviceOn(reason.code, name),
      };
    }
    case 'evidence-conflict':
      return { ...common(reason.code), next: nextOf(decision), advice: adviceOn(reason.code, name) };
    case 'discovery-failed':
      return {
        ...common(reason.code),
        patience: discoveryPatience,
        what: 'its Dockerfile could not be read',
        ...(reason.detail === undefined ? {} : { error: reason.detail }),
        next: 'in every cycle',
        advice: adviceOn(reason.code, name),
      };
    case 'unobserved':
      return unobserved(record, base, common(reason.code), now);
    default:
      return undefined;
  }
}

const notAgain = 'not before a person or a newer base clears it';

function unobserved(
  record: ImageRecord,
  base: BaseRecord | undefined,
  common: Omit<Alert, 'next' | 'advice'>,
  now: Instant,
): Alert | undefined {
  const seen = base
    ? base.ledger.length > 0
    : record.ledger.length > 0 || record.discoveryStatus !== 'external';
  const since = base ? base.firstDiscovered : record.enrolledAt;
  if (seen || now - since < unseenPatience) return undefined;
  return { ...common, since, next: 'in every cycle', advice: adviceOn('unobserved', record.name) };
}

/** The failures in a row that stopped it. */
function failuresOf({ rebuilds, clearedAt = 0 }: ImageRecord): Partial<Alert> {
  const row: Rebuild[] = [];
  for (const rebuild of rebuilds.toReversed()) {
    if (rebuild.endedAt <= clearedAt || rebuild.outcome === 'success' || rebuild.outcome === 'base-drift')
      break;
    if (rebuild.outcome === 'failure') row.push(rebuild);
  }
  const [last] = row;
  const first = row.at(-1);
  if (!last || !first) return {};
  return { ...outcomeOf(last), since: first.endedAt, times: row.length };
}

function outcomeOf({ endedAt, error, log }: Rebuild): Partial<Alert> {
  return {
    since: endedAt,
    ...(error === undefined ? {} : { error }),
    ...(log === undefined ? {} : { log }),
  };
}

function entryOf(ledger: readonly LedgerEntry[], digest: string | undefined): LedgerEntry | undefined {
  return digest === undefined ? undefined : ledger.findLast((entry) => entry.digest === digest);
}

function begunAt(since: Instant | undefined): { readonly since?: Instant } {
  return since === undefined ? {} : { since };
}

/** What the plan says of the next build. */
function nextOf({ action, at, due, notes }: Decision): string {
  if (action === 'start') return 'a build starts now';
  if (action === 'follow') return 'a build is running';
  if (action === 'wait') return at === undefined ? 'a build waits' : `a build at ${formatInstant(at)}`;
  if (due.length === 0) return 'no build is due';
  const why = notes.at(-1);
  return why ? `no build by itself: ${reasonText(why)}` : 'no build by itself';
}

/** What a person can do. */
function adviceOn(kind: ConditionType, image: string): string {
  switch (kind) {
    case 'stopped-after-failures':
      return `Read the log, mend the build, then: image-factory release ${image}`;
    case 'base-drift':
      return `Let its build use the bases that it is given (see the page of its provider), then: image-factory release ${image}`;
    case 'contains-withdrawn':
      return `Look at what was withdrawn and why; build on another digest now with: image-factory rebuild ${image} --reason ..., or go back with: image-factory rollback ${image} --reason ...`;
    case 'retagged':
      return 'Ask its publisher why a version was pushed twice; hold the digest until you know: image-factory hold --digest';
    case 'evidence-conflict':
      return `Compare what image-factory explain ${image} says with its build; a rebuild makes new evidence`;
    case 'discovery-failed':
      return `Mend the Dockerfile or the access to its repository; image-factory explain ${image} repeats the message`;
    case 'run-overdue':
      return 'Look at the run at its provider and cancel it there if it hangs';
    case 'base-away':
      return `See whether it was moved or deleted, and whether the credentials still hold: image-factory doctor; until then ${image} is built on the digest that is known, as long as that is served`;
    case 'unobserved':
      return 'Check the reference and the credentials for its registry: image-factory doctor';
  }
}
