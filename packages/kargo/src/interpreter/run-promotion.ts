import { minute, type Duration, type Instant } from '@image-factory/core/time.ts';
import { readKargoDuration } from '../manifests/duration.ts';
import { hasFailed, stepEnvironment } from './environment.ts';
import { ExpressionError } from './expression-tokens.ts';
import { OutsideError, type Outside } from './outside.ts';
import type { InflatedStep, Promotion, StepRecord } from './promotion.ts';
import { ConfigRefused, type StepInput, type StepResult } from './steps/step-run.ts';
import { stepRunners } from './steps/step-runners.ts';
import { render, renderAll } from './template.ts';

/** When nothing else says when a step is run again. */
const requeue = 5 * minute;

export interface PromotionContext {
  readonly project: string;
  readonly outside: Outside;
  readonly now: Instant;
  readonly setMetadata: StepInput['setMetadata'];
  /** The controller dies after a step has run and before its result is written down: the step is run once more. */
  readonly crashes: (promotion: string, alias: string) => boolean;
}

/** Runs a promotion on until it waits for something, or has ended. Source: kargo.md section 2, "Retry/timeouts". */
export async function runPromotion(promotion: Promotion, context: PromotionContext): Promise<void> {
  promotion.phase = 'Running';
  for (; promotion.at < promotion.steps.length; promotion.at++) {
    const step = promotion.steps[promotion.at];
    if (!step) break;
    const record = recordOf(promotion, step.alias);
    const waits = await runStep(promotion, step, record, context);
    if (waits === undefined) continue;
    promotion.dueAt = context.now + waits;
    return;
  }
  const bad = promotion.steps.find(({ alias, step }) => {
    const status = promotion.records.get(alias)?.status;
    return !step.continueOnError && (status === 'Failed' || status === 'Errored');
  });
  const record = bad && promotion.records.get(bad.alias);
  promotion.phase = record?.status === 'Failed' ? 'Failed' : record ? 'Errored' : 'Succeeded';
  promotion.message = record ? `${bad?.alias}: ${record.message}` : '';
}

function recordOf(promotion: Promotion, alias: string): StepRecord {
  const known = promotion.records.get(alias);
  if (known) return known;
  const fresh: StepRecord = { status: 'Running', startedAt: undefined, errors: 0, message: '' };
  promotion.records.set(alias, fresh);
  return fresh;
}

/** Undefined: it is done, one way or another; else when to look at it again. */
async function runStep(
  promotion: Promotion,
  inflated: InflatedStep,
  record: StepRecord,
  context: PromotionContext,
): Promise<Duration | undefined> {
  const { step } = inflated;
  const runner = stepRunners[step.uses];
  if (!runner) throw new Error(`the step ${step.uses} is not known to this interpreter`);
  let config: Readonly<Record<string, unknown>>;
  try {
    // Asked once, when the step's turn comes.
    if (record.startedAt === undefined && !isWanted(promotion, inflated, context)) {
      record.status = 'Skipped';
      return undefined;
    }
    record.startedAt ??= context.now;
    const names = stepEnvironment(promotion, inflated, context.project, context.outside);
    config = renderAll(step.config ?? {}, names) as Readonly<Record<string, unknown>>;
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    record.status = 'Errored';
    record.message = thrown.message;
    return undefined;
  }
  const result = await resultOf(() =>
    runner({
      config,
      promotion,
      outside: context.outside,
      now: context.now,
      setMetadata: context.setMetadata,
    }),
  );
  if (context.crashes(promotion.name, inflated.alias)) return 0;
  promotion.outputs.set(inflated.alias, result.output);
  if (step.uses === 'compose-output' && inflated.task !== undefined)
    promotion.outputs.set(inflated.task, { ...promotion.outputs.get(inflated.task), ...result.output });
  return judged(result, inflated, record, context.now);
}

function isWanted(promotion: Promotion, inflated: InflatedStep, context: PromotionContext): boolean {
  const written = inflated.step.if;
  if (written === undefined || written === '') return !hasFailed(promotion);
  const value = render(written, stepEnvironment(promotion, inflated, context.project, context.outside));
  if (typeof value !== 'boolean')
    throw new ExpressionError(`if: expected true or false, got ${String(value)}`);
  return value;
}

async function resultOf(run: () => StepResult | Promise<StepResult>): Promise<StepResult> {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof ConfigRefused) return { status: 'Failed', error: thrown.message, terminal: true };
    if (thrown instanceof OutsideError) return { status: 'Errored', error: thrown.message };
    throw thrown;
  }
}

function judged(
  { status, error, terminal = false, again }: StepResult,
  { step, alias }: InflatedStep,
  record: StepRecord,
  now: Instant,
): Duration | undefined {
  record.status = status;
  record.message = error ?? '';
  if (status === 'Succeeded' || status === 'Skipped' || terminal) return undefined;
  if (error === undefined) record.errors = 0;
  else if (++record.errors >= (step.retry?.errorThreshold ?? 1)) {
    record.status = status === 'Failed' ? 'Failed' : 'Errored';
    return undefined;
  }
  const timeout = readKargoDuration(step.retry?.timeout ?? '') ?? 0;
  if (timeout > 0 && now - (record.startedAt ?? now) > timeout) {
    record.status = 'Errored';
    record.message = `${alias} timed out`;
    return undefined;
  }
  record.status = 'Running';
  return again ?? requeue;
}
