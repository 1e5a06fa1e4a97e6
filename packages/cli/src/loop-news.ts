import { formatProblem, type Problem } from '@image-factory/core/problem.ts';
import type { CycleReport } from '@image-factory/engine/cycle.ts';

/** Says what is wrong once, until it is something else. */
export function newsTo(log: { warn(message: string): void }): (problems: readonly Problem[]) => void {
  let before = '';
  return (problems) => {
    const now = problems.map(formatProblem).join('\n');
    if (now !== before && now !== '') log.warn(now);
    before = now;
  };
}

/** What a cycle came to, for the log of a loop. */
export function tellCycle(
  report: CycleReport,
  log: { info(message: string): void; warn(message: string): void },
): void {
  for (const problem of report.problems) log.warn(formatProblem(problem));
  const { started, ended, plan } = report;
  const waiting = plan.decisions.filter(({ action }) => action === 'wait').length;
  log.info(`cycle done: ${started.length} started, ${ended.length} ended, ${waiting} waiting`);
}
