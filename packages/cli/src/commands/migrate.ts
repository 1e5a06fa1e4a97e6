import { FactoryError, formatProblem } from '@image-factory/core/problem.ts';
import type { Change } from '@image-factory/kargo/migrate/change.ts';
import { migrate as migrated, type Migration } from '@image-factory/kargo/migrate/migrate.ts';
import { resolve } from 'node:path';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { readOlderFactory } from '../migrate/older-files.ts';
import { writeFactoryDirectory } from '../migrate/write-factory.ts';
import type { Style } from '../render/style.ts';

/**
 * Reads a factory directory of the older Python tool and says what changes and why. With `--write` the result is put into
 * --dir, which must not be there yet or be empty: all of it or nothing. The older directory is never touched.
 */
export async function migrate(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const from = flags['from'];
  if (typeof from !== 'string' || from === '') {
    throw new FactoryError({
      code: 'USAGE',
      message: '--from is missing',
      hint: 'Name the factory directory of the older tool: --from ../image-factory-state.',
    });
  }
  const write = flags['write'] === true;
  const target = resolve(io.cwd, options.dir);
  const result = migrated(await readOlderFactory(resolve(io.cwd, from)));
  const writes = write && result.problems.length === 0;
  if (writes) await writeFactoryDirectory(target, result.files);
  const value = {
    from,
    layout: result.layout,
    written: writes ? [...result.files.keys()].toSorted() : [],
    changes: result.changes,
    warnings: result.warnings,
  };
  return {
    value,
    text: (style) => reportText(result, style) + endText(result, { write, dir: options.dir }, style),
    problems: result.problems,
    exit: result.problems.length > 0 ? 2 : 0,
  };
}

const marks = {
  'by-hand': 'to do',
  replaced: 'replaced',
  rewritten: 'rewritten',
  dropped: 'dropped',
  moved: 'moved',
  kept: 'kept',
} as const satisfies Record<Change['action'], string>;

function reportText({ changes, warnings }: Migration, style: Style): string {
  const order = Object.keys(marks);
  const sorted = changes.toSorted((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
  const lines = grouped(sorted).map(({ change, count }) => {
    const mark = marks[change.action].padEnd(9);
    const painted = change.action === 'by-hand' ? style.bad(mark) : style.bold(mark);
    const more = count > 1 ? ` and ${count - 1} more like it` : '';
    const about = [change.file, change.subject].filter((part) => part !== '').join(' ');
    return `${painted} ${about}${more}: ${change.what}\n          ${style.dim(change.why)}\n`;
  });
  const odd = warnings.map(
    (warning) =>
      `${style.warn('warning')}   ${formatProblem(warning)}\n          ${style.dim(warning.hint)}\n`,
  );
  return [...lines, ...odd].join('');
}

/** Of records that are all kept or moved for the same reason the first stands for the rest. */
function grouped(changes: readonly Change[]): readonly { readonly change: Change; readonly count: number }[] {
  const groups = new Map<string, { change: Change; count: number }>();
  for (const change of changes) {
    const { action, file, subject, what, why } = change;
    const alike = (action === 'kept' || action === 'moved') && subject === '';
    const key = alike
      ? `${action}\n${why}\n${file.replace(/[^/]*$/, '')}`
      : JSON.stringify([action, file, subject, what]);
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { change, count: 1 });
  }
  return [...groups.values()];
}

function endText(
  { files, problems }: Migration,
  { write, dir }: { readonly write: boolean; readonly dir: string },
  style: Style,
): string {
  const count = `${files.size} files`;
  if (problems.length > 0) return `\n${style.bad('nothing was written')}: see below\n`;
  return write
    ? `\nwrote ${count} to ${dir}\nNext: image-factory --dir ${dir} validate, then image-factory --dir ${dir} plan\n`
    : `\nnothing was written: ${count} would be; --write puts them into --dir\n`;
}
