import { minute, type Instant } from '@image-factory/core/time.ts';
import type { AnalysisTemplateManifest } from '../manifests/analysis-template.ts';
import { readKargoDuration } from '../manifests/duration.ts';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import type { ProjectConfigManifest, PromotionPolicy, PromotionTaskManifest } from '../manifests/project.ts';
import type { RequestedFreight, StageManifest } from '../manifests/stage.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import { selects } from './auto-promotion.ts';
import { discoverContents, type Contents } from './discover-contents.ts';
import { freightName, isNewer, leave, soakedAt, type Freight } from './freight.ts';
import type { Outside } from './outside.ts';
import { inflated, type Promotion } from './promotion.ts';
import { runPromotion } from './run-promotion.ts';
import { collectionOf, newStage, pendingPromotion, type Stage } from './stage.ts';
import { followAnalysis, newAnalysisRun, type AnalysisRun } from './verification.ts';

interface Warehouse {
  readonly manifest: WarehouseManifest;
  dueAt: Instant;
  error: string | undefined;
}

export interface InterpreterOptions {
  /** See {@link PromotionContext.crashes}; default: never. */
  readonly crashes?: (promotion: string, alias: string) => boolean;
}

/** Of the chart: shorter intervals of Warehouses have no effect (trap 10). */
const shortestInterval = 5 * minute;

/** A Job that runs is asked again after this. */
const verificationPoll = minute / 2;

/**
 * Kargo's rules over manifests, driven by time: everything that is due happens when {@link reconcile} is called. Written
 * from the behaviour of Kargo v1.11 as kargo.md has it; what it does not know it refuses, and does not guess.
 */
export class KargoInterpreter {
  readonly freight: Freight[] = [];
  readonly analysisRuns: AnalysisRun[] = [];
  readonly #outside: Outside;
  readonly #crashes: NonNullable<InterpreterOptions['crashes']>;
  readonly #warehouses = new Map<string, Warehouse>();
  readonly #stages = new Map<string, Stage>();
  #tasks: ReadonlyMap<string, PromotionTaskManifest> = new Map();
  #templates: ReadonlyMap<string, AnalysisTemplateManifest> = new Map();
  #policies: readonly PromotionPolicy[] = [];
  #number = 0;
  #verifyAgainAt: Instant | undefined;
  #soakedAt: Instant | undefined;

  constructor(outside: Outside, { crashes = () => false }: InterpreterOptions = {}) {
    this.#outside = outside;
    this.#crashes = crashes;
  }

  /** As GitOps applies a folder: what is new or changed is looked at at once, what is missing is gone. */
  apply(manifests: readonly KubernetesManifest[]): void {
    const of = <T extends KubernetesManifest>(kind: string): ReadonlyMap<string, T> =>
      new Map(manifests.filter((each) => each.kind === kind).map((each) => [each.metadata.name, each as T]));
    const warehouses = of<WarehouseManifest>('Warehouse');
    const stages = of<StageManifest>('Stage');
    this.#tasks = of<PromotionTaskManifest>('PromotionTask');
    this.#templates = of<AnalysisTemplateManifest>('AnalysisTemplate');
    this.#policies = [...of<ProjectConfigManifest>('ProjectConfig').values()].flatMap(
      ({ spec }) => spec.promotionPolicies ?? [],
    );
    for (const name of this.#warehouses.keys()) if (!warehouses.has(name)) this.#removeWarehouse(name);
    for (const name of this.#stages.keys()) if (!stages.has(name)) this.#stages.delete(name);
    for (const [name, manifest] of warehouses) {
      const known = this.#warehouses.get(name);
      if (known && sameSpec(known.manifest, manifest)) continue;
      this.#warehouses.set(name, { manifest, dueAt: 0, error: undefined });
    }
    for (const [name, manifest] of stages) {
      const known = this.#stages.get(name);
      this.#stages.set(name, { ...(known ?? newStage()), manifest });
    }
  }

  /** Freight belongs to its Warehouse, and goes with it. */
  #removeWarehouse(name: string): void {
    this.#warehouses.delete(name);
    for (let at = this.freight.length - 1; at >= 0; at--)
      if (this.freight[at]?.origin === name) this.freight.splice(at, 1);
  }

  /** A push that a registry or a forge told of: its Warehouses look at once. */
  refresh(repoUrl: string): void {
    for (const warehouse of this.#warehouses.values())
      for (const { image, git } of warehouse.manifest.spec.subscriptions)
        if ((image ?? git)?.repoURL === repoUrl) warehouse.dueAt = 0;
  }

  promotions(stage?: string): readonly Promotion[] {
    return [...this.#stages.values()]
      .filter(({ manifest }) => stage === undefined || manifest.metadata.name === stage)
      .flatMap(({ promotions }) => promotions);
  }

  /** Why the last discovery of a Warehouse failed. */
  discoveryError(warehouse: string): string | undefined {
    return this.#warehouses.get(warehouse)?.error;
  }

  stageMetadata(stage: string): ReadonlyMap<string, unknown> {
    return this.#stages.get(stage)?.metadata ?? new Map();
  }

  /** When something is to happen next; undefined: never again by itself. */
  nextAt(): Instant | undefined {
    const times = [
      ...[...this.#warehouses.values()].map(({ dueAt }) => dueAt),
      ...this.promotions()
        .filter(({ phase }) => phase === 'Running')
        .map(({ dueAt }) => dueAt),
      ...[this.#verifyAgainAt, this.#soakedAt].filter((at) => at !== undefined),
    ];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Everything that is due now, and what follows from it at once. */
  async reconcile(now: Instant): Promise<void> {
    for (const warehouse of this.#warehouses.values())
      if (warehouse.dueAt <= now) await this.#discover(warehouse, now);
    this.#verifyAgainAt = undefined;
    this.#soakedAt = undefined;
    for (;;) {
      let progress = false;
      for (const stage of this.#stages.values())
        progress = (await this.#reconcileStage(stage, now)) || progress;
      if (!progress) return;
    }
  }

  async #discover(warehouse: Warehouse, now: Instant): Promise<void> {
    const { metadata, spec } = warehouse.manifest;
    const interval = readKargoDuration(spec.interval) ?? shortestInterval;
    warehouse.dueAt = now + Math.max(interval, shortestInterval);
    warehouse.error = undefined;
    if (spec.freightCreationCriteria)
      throw new Error('freightCreationCriteria is not known to this interpreter');
    let contents: Contents | undefined;
    try {
      contents = await discoverContents(this.#outside, spec.subscriptions);
    } catch (thrown) {
      warehouse.error = thrown instanceof Error ? thrown.message : String(thrown);
      return;
    }
    if (!contents) return;
    if (spec.freightCreationPolicy === 'Manual') return;
    const name = freightName(metadata.name, contents);
    if (this.freight.some((known) => known.name === name)) return;
    this.#number += 1;
    this.freight.push({
      name,
      origin: metadata.name,
      createdAt: now,
      number: this.#number,
      ...contents,
      verifiedIn: new Set(),
      usedIn: new Map(),
      longestUse: new Map(),
    });
  }

  /** True: something happened, so that others may have become ready. */
  async #reconcileStage(stage: Stage, now: Instant): Promise<boolean> {
    if (!stage.manifest.spec.promotionTemplate) return this.#passThrough(stage, now);
    // While a promotion runs the next ones are made all the same, and wait for their turn.
    const promoted = this.#promoteNewest(stage, now);
    return (await this.#advance(stage, now)) || promoted;
  }

  async #advance(stage: Stage, now: Instant): Promise<boolean> {
    if (stage.verifying) return this.#followVerification(stage, stage.verifying, now);
    const running = stage.promotions.find(({ phase }) => phase === 'Running');
    if (running) {
      if (running.dueAt > now) return false;
      await this.#run(stage, running, now);
      return running.phase !== 'Running';
    }
    const next = stage.promotions.find(({ phase }) => phase === 'Pending');
    if (!next) return false;
    this.#begin(stage, next, now);
    await this.#run(stage, next, now);
    return true;
  }

  /** As a person promotes: Freight that is not the newest holds up auto-promotion until the newest is promoted, too. */
  promote(stageName: string, freight: Freight, now: Instant): void {
    const stage = this.#stages.get(stageName);
    const request = stage?.manifest.spec.requestedFreight.find(
      ({ origin }) => origin.name === freight.origin,
    );
    if (!stage || !request) throw new Error(`${stageName} does not take Freight of ${freight.origin}`);
    if (this.#newest(request, now)?.name === freight.name) stage.held.delete(freight.origin);
    else stage.held.add(freight.origin);
    stage.promotions.push(pendingPromotion(stage, freight, now));
  }

  /** A control-flow Stage: what is available to it is verified in it at once. */
  #passThrough({ manifest }: Stage, now: Instant): boolean {
    let progress = false;
    for (const request of manifest.spec.requestedFreight) {
      for (const freight of this.#available(request, now)) {
        if (freight.verifiedIn.has(manifest.metadata.name)) continue;
        freight.verifiedIn.add(manifest.metadata.name);
        progress = true;
      }
    }
    return progress;
  }

  #available({ origin, sources }: RequestedFreight, now: Instant): readonly Freight[] {
    const all = this.freight.filter((freight) => freight.origin === origin.name);
    if (sources.direct) return all;
    if (!('stages' in sources)) return [];
    const { stages, availabilityStrategy = 'OneOf', requiredSoakTime } = sources;
    const required = readKargoDuration(requiredSoakTime ?? '') ?? 0;
    const passed = (freight: Freight) => (name: string) => {
      const at = soakedAt(freight, name, required);
      if (at === undefined) return false;
      if (at > now) this.#soakedAt = Math.min(at, this.#soakedAt ?? at);
      return at <= now;
    };
    return all.filter((freight) =>
      availabilityStrategy === 'All' ? stages.every(passed(freight)) : stages.some(passed(freight)),
    );
  }

  #newest(request: RequestedFreight, now: Instant): Freight | undefined {
    return this.#available(request, now).reduce<Freight | undefined>(
      (best, each) => (best && !isNewer(each, best) ? best : each),
      undefined,
    );
  }

  /** Source: kargo.md traps 11, and section 1, "ProjectConfig"; kargo v1.11, regular_stages.go. */
  #promoteNewest(stage: Stage, now: Instant): boolean {
    const { spec } = stage.manifest;
    if (!this.#policies.some((policy) => policy.autoPromotionEnabled && selects(policy, stage.manifest)))
      return false;
    let progress = false;
    for (const request of spec.requestedFreight) {
      const { name: origin } = request.origin;
      const newest = stage.held.has(origin) ? undefined : this.#newest(request, now);
      if (!newest || stage.current.get(origin)?.name === newest.name) continue;
      const last = stage.promotions.findLast(({ freight }) => freight.name === newest.name);
      // What did not succeed is left to a person.
      if (last && last.phase !== 'Succeeded') continue;
      stage.promotions.push(pendingPromotion(stage, newest, now));
      progress = true;
    }
    return progress;
  }

  #begin(stage: Stage, promotion: Promotion, now: Instant): void {
    promotion.collection = collectionOf(stage, promotion.freight);
    promotion.vars = [
      ...(stage.manifest.spec.vars ?? []),
      ...(stage.manifest.spec.promotionTemplate?.spec.vars ?? []),
    ];
    promotion.steps = inflated(stage.manifest, this.#tasks);
    promotion.dueAt = now;
  }

  async #run(stage: Stage, promotion: Promotion, now: Instant): Promise<void> {
    await runPromotion(promotion, {
      project: stage.manifest.metadata.namespace,
      outside: this.#outside,
      now,
      crashes: this.#crashes,
      setMetadata: (of, name, values) => {
        if (of === 'Stage') stage.metadata.set(name, values);
      },
    });
    if (promotion.phase !== 'Succeeded') return;
    const { name } = stage.manifest.metadata;
    const before = stage.current.get(promotion.freight.origin);
    if (before && before.name !== promotion.freight.name) leave(before, name, now);
    stage.current.set(promotion.freight.origin, promotion.freight);
    if (!promotion.freight.usedIn.has(name)) promotion.freight.usedIn.set(name, now);
    if (!stage.manifest.spec.verification) {
      promotion.freight.verifiedIn.add(name);
      return;
    }
    stage.verifying = newAnalysisRun(
      `${stage.manifest.metadata.name}.${this.analysisRuns.length + 1}`,
      stage.manifest,
      this.#templates,
      promotion.freight,
      collectionOf(stage, promotion.freight),
      this.#outside,
    );
    this.analysisRuns.push(stage.verifying);
  }

  async #followVerification(stage: Stage, run: AnalysisRun, now: Instant): Promise<boolean> {
    if (run.phase === 'Running') await followAnalysis(run, this.#outside);
    if (run.phase === 'Running') {
      this.#verifyAgainAt = now + verificationPoll;
      return false;
    }
    stage.verifying = undefined;
    if (run.phase === 'Successful')
      for (const freight of collectionOf(stage, run.freight))
        freight.verifiedIn.add(stage.manifest.metadata.name);
    return true;
  }
}

function sameSpec(a: WarehouseManifest, b: WarehouseManifest): boolean {
  return JSON.stringify(a.spec) === JSON.stringify(b.spec);
}
