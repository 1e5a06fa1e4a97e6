import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { withFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { planText } from '../render/decisions.ts';

export async function plan(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  return withFactory(options, io, async (factory) => {
    const report = await factory.rehearse({ offline: flags['offline'] === true });
    return {
      value: report.plan,
      text: (style) => planText(report.plan, flags['all'] === true, style),
      problems: [...factory.warnings, ...report.problems],
      // A warning is no failure.
      exit: report.problems.length > 0 ? 1 : 0,
    };
  });
}
