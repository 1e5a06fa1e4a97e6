import { FactoryError, formatProblem, type Problem } from '@image-factory/core/problem.ts';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { CycleOptions, CycleReport } from '@image-factory/engine/cycle.ts';
import { runLoop } from '@image-factory/engine/loop.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { openFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { atJobPlace } from '../job-place.ts';
import { newsTo, tellCycle } from '../loop-news.ts';
import { planText } from '../render/decisions.ts';
import { cycleValue, endedText } from '../render/cycle.ts';
import { stopSignal } from '../stop-signal.ts';

export async function run(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  if (flags['once'] === true)
    return runOnce(options, io, flags, { force: flags['force'] === true, follow: flags['wait'] === true });
  refuseFlagsOfOnce(flags);
  const factory = await openFactory(options, io);
  const stop = stopSignal();
  try {
    const refusal = kargoRefusal(factory.config.settings);
    if (refusal) throw new FactoryError(refusal);
    const warn = newsTo(factory.log);
    await runLoop(factory.deps, {
      config: async () => {
        const read = await factory.reload();
        const refusal = read.ok ? kargoRefusal(read.value.settings) : undefined;
        if (refusal) return { ok: false, error: [refusal] };
        warn(read.ok ? read.problems : []);
        return read;
      },
      onReport: (report) => tellCycle(report, factory.log),
      onProblems: (problems) => {
        for (const problem of problems) factory.log.warn(formatProblem(problem));
      },
      signal: stop.signal,
    });
    return { value: { stopped: true }, text: () => 'stopped\n' };
  } finally {
    stop.dispose();
    await factory.close();
  }
}

/** One whole cycle, where a Job's flags say. */
export async function runOnce(
  options: GlobalOptions,
  io: Io,
  flags: Flags,
  cycle: CycleOptions,
): Promise<Answer> {
  return atJobPlace(options, io, flags, async (place) => {
    const factory = await openFactory(place.options, place.io, place.override);
    const stop = stopSignal();
    try {
      const report = await factory.cycle({ ...cycle, signal: stop.signal });
      return {
        value: cycleValue(report),
        text: (style) => endedText(report, style) + planText(report.plan, false, style),
        problems: [...factory.warnings, ...report.problems],
        exit: failed(report) ? 1 : 0,
      };
    } finally {
      stop.dispose();
      await factory.close();
    }
  });
}

function kargoRefusal({ engine }: Settings): Problem | undefined {
  if (engine === 'embedded') return undefined;
  return {
    code: 'USAGE',
    message: 'with engine: kargo the loop is run by Kargo and the CronJob that synth generates',
    hint: 'Decide once with image-factory run --once.',
  };
}

/** Cycle after cycle they would drain the quotas of registries, and stand still at a run that hangs. */
function refuseFlagsOfOnce(flags: Flags): void {
  if (flags['gitRepo'] !== undefined) {
    throw new FactoryError({
      code: 'USAGE',
      message: '--git-repo goes with --once only',
      hint: 'The loop works on a factory directory of this machine: --dir.',
    });
  }
  for (const name of ['force', 'wait']) {
    if (flags[name] !== true) continue;
    throw new FactoryError({
      code: 'USAGE',
      message: `--${name} goes with --once only`,
      hint: `Write run --once --${name}; the loop itself ${name === 'wait' ? 'follows runs from cycle to cycle' : 'asks each registry as often as its settings say'}.`,
    });
  }
}

function failed(report: CycleReport): boolean {
  return report.problems.length > 0 || report.ended.some(({ rebuild }) => rebuild.outcome !== 'success');
}
