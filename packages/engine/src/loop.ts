import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { newDecodeCache } from '@image-factory/core/state/decode-cache.ts';
import type { Result } from '@image-factory/core/result.ts';
import { minute } from '@image-factory/core/time.ts';
import { runCycle, type CycleReport } from './cycle.ts';
import { createAlarm, type Alarm } from './alarm.ts';
import type { EngineDeps } from './deps.ts';

export interface LoopOptions {
  /** Read anew before every cycle: the enrolment is a file that people change. */
  readonly config: () => Promise<Result<FactoryConfig, readonly Problem[]>>;
  /** The problems of the report are those that the cycle before did not have. */
  readonly onReport: (report: CycleReport) => void;
  /** Likewise: each is told once, until it is gone. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Rung by whoever hears news: the pause before the next cycle ends. */
  readonly alarm?: Alarm;
  /** Aborted by the first stop signal: the cycle in progress ends in order, and no other one begins. */
  readonly signal: AbortSignal;
}

/** Cycles until it is told to stop. A cycle that fails whole is reported and tried again after the usual pause. */
export async function runLoop(deps: EngineDeps, options: LoopOptions): Promise<void> {
  const { signal, alarm = createAlarm(deps.clock) } = options;
  const cache = newDecodeCache();
  const news = onlyNews();
  let pause = minute;
  while (!signal.aborted) {
    const config = await options.config();
    if (config.ok) {
      pause = config.value.settings.timing.interval;
      try {
        const report = await runCycle(deps, config.value, { cacheFor: () => cache, signal });
        options.onReport({ ...report, problems: news(report.problems) });
      } catch (thrown) {
        if (!signal.aborted) tell(options, news([problemOf(thrown)]));
      }
    } else {
      tell(options, news(config.error));
    }
    if (signal.aborted) return;
    deps.log.debug(`next cycle in ${Math.round(pause / 1000)} s`);
    await alarm.pause(pause, signal).catch(() => undefined);
  }
}

function tell(options: LoopOptions, problems: readonly Problem[]): void {
  if (problems.length > 0) options.onProblems(problems);
}

/** The problems that were not there the time before; numbers in messages, as of seconds and bytes, make no news. */
function onlyNews(): (problems: readonly Problem[]) => readonly Problem[] {
  let before: ReadonlySet<string> = new Set();
  return (problems) => {
    const known = before;
    before = new Set(problems.map(identityOf));
    return problems.filter((problem) => !known.has(identityOf(problem)));
  };
}

function identityOf(problem: Problem): string {
  return JSON.stringify(problem).replace(/\d+/g, '#');
}
