import { moved } from '../ledger/moved.ts';
import { describeEntry, observe } from '../ledger/observe.ts';
import { planOf } from '../plan/plan.ts';
import type { Decision, Facts, Plan, RebuildRequest } from '../plan/types.ts';
import { withContent } from '../rebuild/content.ts';
import { closeIntent, type RunEnd } from '../rebuild/ends.ts';
import { intentOf, mayOpen, withIntent } from '../rebuild/intents.ts';
import { trimRebuilds } from '../state/trim.ts';
import type { BaseRecord, FactoryState, ImageContent, Intent, LedgerEntry } from '../state/types.ts';
import type { Instant } from '../time.ts';
import { proofsOf } from './flaws.ts';
import { downgradesOf, youngPins } from './intent-checks.ts';
import { Recorder } from './recorder.ts';
import { standingAt, TagLooks } from './registry.ts';
import { reportOf } from './report.ts';
import { trimLedger } from './trim-ledger.ts';
import type { OutcomeRule, Scenario, SimulatedImage, SimulationReport } from './types.ts';
import {
  baseNameOf,
  buildTimeOf,
  contentOfBuild,
  digestOf,
  enrolmentOf,
  platformsOfPublication,
  settingsOf,
  slugOf,
  stateOf,
} from './world.ts';

interface OpenRun {
  readonly intent: Intent;
  readonly image: SimulatedImage;
  readonly endsAt: Instant;
  readonly young: readonly string[];
}

/**
 * Runs the plan through the time of a scenario, with the very functions that the engine uses: looks enter the ledgers,
 * the plan decides, starts become intents, builds end. It jumps from one event to the next, so years take seconds; the
 * plan itself says when it is to be asked again, and if it kept silent about a time, the start would never come.
 */
export function simulate(
  scenario: Scenario,
  options: { readonly timeline?: boolean } = {},
): SimulationReport {
  return new Simulation(scenario, options.timeline ?? false).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #enrolments: ReadonlyMap<string, ReturnType<typeof enrolmentOf>>;
  readonly #images: ReadonlyMap<string, SimulatedImage>;
  readonly #looks: ReadonlyMap<string, TagLooks>;
  readonly #recorder: Recorder;
  readonly #requests = new Map<string, RebuildRequest>();
  readonly #alarms: readonly Instant[];
  #state: FactoryState;
  #runs: OpenRun[] = [];
  #wakeAt: Instant | undefined;

  constructor(scenario: Scenario, timeline: boolean) {
    this.#scenario = scenario;
    this.#settings = settingsOf(scenario);
    this.#enrolments = new Map(scenario.images.map((image) => [image.name, enrolmentOf(image)]));
    this.#images = new Map(scenario.images.map((image) => [image.name, image]));
    const spread = scenario.poll / Math.max(1, scenario.bases.length);
    this.#looks = new Map(
      scenario.bases.map((base, index) => [
        slugOf(base.reference),
        new TagLooks(
          base,
          scenario.from,
          Math.floor(spread * index),
          scenario.poll,
          this.#settings.timing.settle,
        ),
      ]),
    );
    this.#recorder = new Recorder(timeline);
    this.#alarms = [
      ...(scenario.flaws ?? []).map(({ knownAt }) => knownAt),
      ...(scenario.requests ?? []).map(({ at }) => at),
    ];
    this.#state = stateOf(scenario);
  }

  run(): SimulationReport {
    const { from, until } = this.#scenario;
    for (const [name, looks] of this.#looks) this.#look(name, looks, from);
    const present = new Set<string>();
    for (const image of this.#images.values()) this.#makePresent(image, present);
    for (let now: Instant | undefined = from; now !== undefined && now < until; now = this.#nextAfter(now)) {
      this.#endRuns(now);
      for (const [name, looks] of this.#looks)
        if (this.#isLookDue(name, looks, now)) this.#look(name, looks, now);
      this.#settleOwn(now);
      for (const request of this.#scenario.requests ?? []) {
        if (request.at === now)
          this.#requests.set(request.image, { ...request, id: `${request.image} ${request.at}` });
      }
      this.#decide(now);
    }
    return reportOf(this.#scenario, this.#recorder);
  }

  #isLookDue(name: string, looks: TagLooks, now: Instant): boolean {
    const next = looks.next(this.#base(name));
    return next !== undefined && next <= now;
  }

  #look(name: string, looks: TagLooks, now: Instant): void {
    const publication = standingAt(looks.base, now);
    const lastLook = looks.look(now);
    if (!publication) return;
    const base = this.#base(name);
    const digest = digestOf(publication.digest);
    const look = { digest, at: now, ...(lastLook === undefined ? {} : { lastLook }) };
    const { ledger, news } = observe(base.ledger, look, this.#settings.timing.settle);
    this.#recorder.looks++;
    if (news === 'none') return;
    const described = describeEntry(ledger, digest, platformsOfPublication(looks.base, publication));
    this.#setBase(moved(base, described, digest, now));
    this.#state = trimLedger(this.#state, name);
  }

  /** What stood under our own tags at the beginning settles at the second look; our own builds need none. */
  #settleOwn(now: Instant): void {
    const { settle } = this.#settings.timing;
    if (now < this.#scenario.from + settle) return;
    for (const base of this.#state.bases.values()) {
      if (this.#looks.has(base.name) || !base.currentDigest) continue;
      const { ledger } = observe(base.ledger, { digest: base.currentDigest, at: now }, settle);
      if (ledger !== base.ledger) this.#setBase({ ...base, ledger });
    }
  }

  /** An image that exists already, parents first, on what stood at the beginning. */
  #makePresent(image: SimulatedImage, present: Set<string>): void {
    if (present.has(image.name)) return;
    present.add(image.name);
    for (const use of image.uses) {
      const parent = 'image' in use ? this.#images.get(use.image) : undefined;
      if (parent) this.#makePresent(parent, present);
    }
    if (!image.exists) return;
    const now = this.#scenario.from;
    const inside = new Map<string, LedgerEntry>();
    for (const use of image.uses) {
      const entry = this.#base(baseNameOf(use)).ledger.at(-1);
      if (entry) inside.set(baseNameOf(use), entry);
    }
    const content = this.#contentOf(image, image.squashed ? new Map() : inside, 'as found', now);
    this.#state = withContent(this.#state, image.name, content, []);
    this.#recorder.present(image.name, inside, content.digest, now);
    const own = this.#state.bases.get(baseNameOf({ image: image.name }));
    if (!own) return;
    const { ledger } = observe(own.ledger, { digest: content.digest, at: now }, this.#settings.timing.settle);
    this.#setBase(moved(own, describeEntry(ledger, content.digest, content.platforms), content.digest, now));
  }

  #decide(now: Instant): void {
    const plan = planOf({
      settings: this.#settings,
      images: [...this.#enrolments.values()],
      state: this.#state,
      facts: this.#facts(now),
      now,
    });
    this.#recorder.planned(plan, now);
    const starts = new Map(plan.decisions.map((decision) => [decision.image, decision]));
    for (const name of plan.starts) {
      const decision = starts.get(name);
      if (decision) this.#start(decision, now);
    }
    this.#wakeAt = wakeOf(plan, now);
  }

  #start(decision: Decision, now: Instant): void {
    const image = this.#images.get(decision.image);
    const enrolment = this.#enrolments.get(decision.image);
    if (!image || !enrolment) return;
    const requestedBy = this.#requests.get(image.name)?.by;
    const context = {
      now,
      writer: 'simulation',
      epoch: 1,
      commit: undefined,
      revision: undefined,
      requestedBy,
    };
    const intent = intentOf(decision, enrolment, context);
    if (!intent || !mayOpen(this.#state, intent)) {
      this.#recorder.refused.push({ image: image.name, at: now, key: decision.key ?? '' });
      return;
    }
    this.#recorder.downgrades.push(...downgradesOf(this.#state, intent, now));
    this.#state = withIntent(this.#state, intent);
    this.#requests.delete(image.name);
    this.#runs.push({
      intent,
      image,
      endsAt: now + buildTimeOf(image),
      young: youngPins(this.#state, this.#images, intent, this.#recorder, now),
    });
    this.#recorder.running(this.#runs.length);
  }

  #endRuns(now: Instant): void {
    const ended = this.#runs.filter(({ endsAt }) => endsAt <= now);
    this.#runs = this.#runs.filter(({ endsAt }) => endsAt > now);
    for (const run of ended.toSorted((a, b) => a.endsAt - b.endsAt || (a.image.name < b.image.name ? -1 : 1)))
      this.#end(run);
  }

  #end({ intent, image, endsAt, young }: OpenRun): void {
    const enrolment = this.#enrolments.get(image.name);
    if (!enrolment) return;
    const rule = this.#scenario.outcomes?.find((each) => fits(each, intent));
    const inside = new Map<string, LedgerEntry>();
    for (const pin of intent.pins) {
      const entries = this.#base(pin.base).ledger;
      // A build that drifts takes whatever is not the pin.
      const entry = entries.findLast(
        ({ digest }) => (digest === pin.digest) === (rule?.outcome !== 'base-drift'),
      );
      if (entry) inside.set(pin.base, entry);
    }
    const build = `${intent.key} ${intent.attempt}`;
    const isMade = rule === undefined || rule.outcome === 'base-drift';
    const content = isMade ? this.#contentOf(image, inside, build, endsAt) : undefined;
    const outcome = rule === undefined || rule.outcome === 'base-drift' ? 'success' : rule.outcome;
    const end: RunEnd = { outcome, ...(content ? { content } : { error: 'as the scenario says' }) };
    this.#state = closeIntent(this.#state, enrolment, intent, end, endsAt, this.#settings.timing.settle);
    const record = this.#state.images.get(image.name);
    const recorded = record?.rebuilds.at(-1);
    if (record)
      this.#state = {
        ...this.#state,
        images: new Map(this.#state.images).set(image.name, trimRebuilds(record)),
      };
    if (recorded) this.#recorder.ended(image.name, recorded, intent, young, content ? inside : undefined);
    this.#state = trimLedger(this.#state, baseNameOf({ image: image.name }));
  }

  #contentOf(
    image: SimulatedImage,
    inside: ReadonlyMap<string, LedgerEntry>,
    build: string,
    now: Instant,
  ): ImageContent {
    const final = image.uses.find(({ copied }) => !copied);
    const copied = image.uses
      .filter((use) => use.copied)
      .flatMap((use) => inside.get(baseNameOf(use))?.digest ?? []);
    const below = final ? inside.get(baseNameOf(final))?.platforms : undefined;
    return contentOfBuild(image, below, copied, build, now);
  }

  #facts(now: Instant): Facts {
    return {
      sources: new Map(),
      gone: new Set(),
      proofs: proofsOf(this.#scenario, this.#state, now),
      provenance: [],
      requests: this.#requests,
    };
  }

  /** The next instant at which anything can happen; undefined: never again. */
  #nextAfter(now: Instant): Instant | undefined {
    let next = Number.POSITIVE_INFINITY;
    const consider = (at: Instant | undefined): void => {
      if (at !== undefined && at > now && at < next) next = at;
    };
    for (const { endsAt } of this.#runs) consider(endsAt);
    for (const [name, looks] of this.#looks) consider(looks.next(this.#base(name)));
    for (const at of this.#alarms) consider(at);
    consider(this.#scenario.from + this.#settings.timing.settle);
    consider(this.#wakeAt);
    return Number.isFinite(next) ? next : undefined;
  }

  #base(name: string): BaseRecord {
    const base = this.#state.bases.get(name);
    if (!base) throw new Error(`the scenario ${this.#scenario.name} uses ${name} and has no such base`);
    return base;
  }

  #setBase(base: BaseRecord): void {
    this.#state = { ...this.#state, bases: new Map(this.#state.bases).set(base.name, base) };
  }
}

/** The first time ahead at which the plan says that something ends or begins. */
function wakeOf({ decisions }: Plan, now: Instant): Instant | undefined {
  let wake = Number.POSITIVE_INFINITY;
  for (const { at, due, notes } of decisions) {
    if (at !== undefined && at > now) wake = Math.min(wake, at);
    for (const { until } of due) if (until !== undefined && until > now) wake = Math.min(wake, until);
    for (const { until } of notes) if (until !== undefined && until > now) wake = Math.min(wake, until);
  }
  return Number.isFinite(wake) ? wake : undefined;
}

function fits(rule: OutcomeRule, { image, pins, createdAt }: Intent): boolean {
  if (rule.image !== undefined && rule.image !== image) return false;
  const pinned = rule.digest === undefined ? undefined : digestOf(rule.digest);
  if (pinned !== undefined && !pins.some(({ digest }) => digest === pinned)) return false;
  return createdAt >= (rule.from ?? createdAt) && createdAt < (rule.until ?? Number.POSITIVE_INFINITY);
}
