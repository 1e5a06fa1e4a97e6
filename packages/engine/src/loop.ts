import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { newDecodeCache } from '@image-factory/core/state/decode-cache.ts';
import type { Result } from '@image-factory/core/result.ts';
import { minute } from '@image-factory/core/time.ts';
import { runCycle, type CycleReport } from './cycle.ts';
import type { EngineDeps } from './deps.ts';

export interface LoopOptions {
  /** Read anew before every cycle: the enrolment is a file that people change. */
  readonly config: () => Promise<Result<FactoryConfig, readonly Problem[]>>;
  readonly onReport: (report: CycleReport) => void;
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Aborted by the first stop signal: the cycle in progress ends in order, and no other one begins. */
  readonly signal: AbortSignal;
}

/** Cycles until it is told to stop. A cycle that fails whole is reported and tried again after the usual pause. */
export async function runLoop(deps: EngineDeps, options: LoopOptions): Promise<void> {
  const { signal } = options;
  const cache = newDecodeCache();
  let pause = minute;
  while (!signal.aborted) {
    const config = await options.config();
    if (config.ok) {
      pause = config.value.settings.timing.interval;
      try {
        options.onReport(await runCycle(deps, config.value, { cacheFor: () => cache, signal }));
      } catch (thrown) {
        if (!signal.aborted) options.onProblems([problemOf(thrown)]);
      }
    } else {
      options.onProblems(config.error);
    }
    if (signal.aborted) return;
    deps.log.debug(`next cycle in ${Math.round(pause / 1000)} s`);
    await deps.clock.sleep(pause, signal).catch(() => undefined);
  }
}
