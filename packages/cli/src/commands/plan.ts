import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { withFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { planText } from '../render/decisions.ts';
import { proposalsText } from '../render/proposals.ts';

export async function plan(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  return withFactory(options, io, async (factory) => {
    const report = await factory.rehearse({ offline: flags['offline'] === true });
    return {
      // Left out where no image is in pull-request mode.
      value: report.proposals.length === 0 ? report.plan : { ...report.plan, proposals: report.proposals },
      text: (style) => {
        const all = flags['all'] === true;
        return planText(report.plan, all, style) + proposalsText(report.proposals, all, style);
      },
      problems: [...factory.warnings, ...report.problems],
      // A warning is no failure.
      exit: report.problems.length > 0 ? 1 : 0,
    };
  });
}
