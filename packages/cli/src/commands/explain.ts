import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { withFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { unknownName } from '../names.ts';
import { explainText } from '../render/decisions.ts';
import { proposalsText } from '../render/proposals.ts';

export async function explain(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  return withFactory(options, io, async (factory) => {
    const known = factory.config.images.map((image) => image.name);
    if (!known.includes(name)) throw new FactoryError(unknownName(name, known));
    const report = await factory.rehearse({ offline: flags['offline'] === true });
    const decision = report.plan.decisions.find(({ image }) => image === name);
    const proposal = report.proposals.find(({ image }) => image === name);
    if (!decision) {
      const problem = report.problems.find(
        ({ subject }) => subject?.kind === 'image' && subject.name === name,
      );
      throw new FactoryError(problem ?? unknownName(name, known));
    }
    return {
      value: { at: report.plan.at, ...decision, ...(proposal ? { proposal } : {}) },
      text: (style) => explainText(decision, style) + proposalsText(proposal ? [proposal] : [], true, style),
      problems: report.problems.filter(({ subject }) => subject?.kind === 'image' && subject.name === name),
    };
  });
}
