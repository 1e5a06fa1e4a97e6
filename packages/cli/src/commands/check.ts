import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { withFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { table } from '../render/table.ts';

export async function check(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const report = await withFactory(options, io, (factory) =>
    factory.cycle({ upTo: 'observe', force: flags['force'] === true }),
  );
  const bases = [...report.state.bases.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const value = bases.map(({ name, fullImage, currentDigest, lastUpdated, ledger }) => ({
    name,
    reference: fullImage,
    digest: currentDigest,
    lastUpdated,
    observations: ledger.length,
  }));
  return {
    value: { at: report.at, bases: value },
    text: (style) =>
      table(
        ['base', 'digest', 'changed', 'observations'],
        value.map((base) => [
          { text: base.name, paint: style.bold },
          base.digest?.slice(0, 19) ?? 'not seen yet',
          base.lastUpdated === undefined ? 'never' : style.when(base.lastUpdated),
          String(base.observations),
        ]),
        style,
      ),
    problems: report.problems,
  };
}
