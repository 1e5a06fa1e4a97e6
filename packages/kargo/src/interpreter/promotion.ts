import type { Instant } from '@image-factory/core/time.ts';
import type { Variable } from '../manifests/manifest.ts';
import type { PromotionTaskManifest } from '../manifests/project.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { PromotionStep, UsesStep } from '../manifests/step.ts';
import type { Freight } from './freight.ts';

export type StepStatus = 'Running' | 'Succeeded' | 'Failed' | 'Errored' | 'Skipped';
export type PromotionPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Errored';

/** A step as it runs: of the Stage itself, or of a task in its place. */
export interface InflatedStep {
  readonly alias: string;
  /** Alias of the task that it comes from. */
  readonly task: string | undefined;
  readonly step: UsesStep;
  readonly vars: readonly Variable[];
}

export interface StepRecord {
  status: StepStatus;
  startedAt: Instant | undefined;
  /** Errors in a row. */
  errors: number;
  message: string;
}

/** A working tree of a repository within the promotion's folder. */
export interface WorkTree {
  readonly repoUrl: string;
  readonly branch: string | undefined;
  /** What is checked out: that of the repository, or one of its own that has yet to be pushed. */
  commit: string;
  readonly files: Map<string, string>;
  /** As they are in that commit. */
  committed: ReadonlyMap<string, string>;
}

export interface Promotion {
  readonly name: string;
  readonly stage: string;
  readonly freight: Freight;
  readonly createdAt: Instant;
  phase: PromotionPhase;
  message: string;
  /** Set when it begins. */
  steps: readonly InflatedStep[];
  vars: readonly Variable[];
  /** The Freight of every origin of the Stage, its own first. */
  collection: readonly Freight[];
  at: number;
  dueAt: Instant;
  readonly records: Map<string, StepRecord>;
  readonly outputs: Map<string, Readonly<Record<string, unknown>> | undefined>;
  readonly trees: Map<string, WorkTree>;
}

/** Between the alias of a task and that of a step within it. */
const separator = '::';

/** Steps with tasks put in their place. Source: kargo.md section 1, "PromotionTask", and section 2, "Vars". */
export function inflated(
  { spec }: StageManifest,
  tasks: ReadonlyMap<string, PromotionTaskManifest>,
): InflatedStep[] {
  const steps = spec.promotionTemplate?.spec.steps ?? [];
  return steps.flatMap((step: PromotionStep, index): InflatedStep[] => {
    if (step.task === undefined) {
      const alias = step.as ?? `step-${index + 1}`;
      return [{ alias, task: undefined, step, vars: step.vars ?? [] }];
    }
    const task = tasks.get(step.task.name);
    if (!task) throw new Error(`there is no PromotionTask ${step.task.name}`);
    const outer = step.as ?? `task-${index + 1}`;
    const given = new Map((step.vars ?? []).map(({ name, value }) => [name, value]));
    const vars = (task.spec.vars ?? []).map(({ name, value }) => {
      const chosen = given.get(name) ?? value;
      if (chosen === undefined) throw new Error(`task ${step.task.name} needs the variable ${name}`);
      return { name, value: chosen };
    });
    return task.spec.steps.map((inner, place) => ({
      alias: `${outer}${separator}${inner.as ?? `step-${place + 1}`}`,
      task: outer,
      step: inner,
      vars: [...vars, ...(inner.vars ?? [])],
    }));
  });
}

/** Outputs of the steps of one task, by their own aliases. */
export function outputsOfTask(promotion: Promotion, task: string): Record<string, unknown> {
  const prefix = `${task}${separator}`;
  const own = [...promotion.outputs].filter(([alias]) => alias.startsWith(prefix));
  return Object.fromEntries(own.map(([alias, output]) => [alias.slice(prefix.length), output]));
}
