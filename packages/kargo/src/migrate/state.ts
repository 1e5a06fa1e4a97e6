import { compileTagPattern, exactTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import { recordAt } from '@image-factory/core/state/state-paths.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { Change } from './change.ts';

export interface MigratedState {
  /** By path within the state. */
  readonly files: ReadonlyMap<string, string>;
  readonly state: FactoryState;
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
}

/** Both places in which the older tool keeps records, as it was configured. */
const layouts = ['state/', ''] as const;

/**
 * The records of both layouts, in one. Their fields are ours: nothing of them is rewritten but tag expressions that can
 * never match their own tag, which the older tool wrote for tags with a dot.
 */
export function migrateState(older: ReadonlyMap<string, string>): MigratedState {
  const changes: Change[] = [];
  const problems: Problem[] = [];
  const files = new Map<string, string>();
  const from = new Map<string, string>();
  for (const layout of layouts) {
    for (const [path, text] of older) {
      if (!path.startsWith(layout)) continue;
      const place = path.slice(layout.length);
      if (!isRecord(place)) continue;
      const there = files.get(place);
      if (there !== undefined && there !== text) {
        problems.push(twice(from.get(place) ?? '', path));
        continue;
      }
      if (there !== undefined) continue;
      files.set(place, text);
      from.set(place, path);
    }
  }
  for (const [place, text] of files) {
    const path = from.get(place) ?? place;
    const moved = `state/${place}`;
    changes.push(
      path === moved
        ? { action: 'kept', file: path, subject: '', what: 'as it is', why: 'its fields are ours too' }
        : { action: 'moved', file: path, subject: '', what: `is ${moved}`, why: 'the state has one place' },
    );
    const repaired = withMatchingTags(text);
    if (repaired === undefined) continue;
    files.set(place, repaired.text);
    changes.push({
      action: 'rewritten',
      file: path,
      subject: 'allowTags',
      what: `${repaired.before} is ${repaired.after}`,
      why: 'the older tool escaped the dot twice: the expression could not match its own tag, so its Warehouse found nothing',
    });
  }
  const decoded = decodeState(new Map(files));
  for (const problem of decoded.problems)
    changes.push({
      action: 'by-hand',
      file: from.get(problem.place?.file ?? '') ?? problem.place?.file ?? '',
      subject: '',
      what: problem.message,
      why: 'the file is taken along as it is; until it can be read its image or base is left alone',
    });
  return { files, state: decoded.state, changes, problems };
}

function isRecord(place: string): boolean {
  const kind = recordAt(place)?.kind;
  return kind === 'image' || kind === 'base';
}

function twice(first: string, second: string): Problem {
  return {
    code: 'CONFIG_CONFLICT',
    message: `${first} and ${second} are records of the same thing with different content`,
    hint: 'Remove the one that the older tool does not use: cdk8s read the folder named by IMAGE_FACTORY_STATE_DIR.',
    subject: { kind: 'factory' },
    place: { file: second },
  };
}

/** The file of a base whose expression was escaped twice, with one that matches its tag. */
function withMatchingTags(
  text: string,
): { readonly text: string; readonly before: string; readonly after: string } | undefined {
  const before = /^allowTags:[ \t]+(\^[^\s'"]*\\\\[^\s'"]*\$)[ \t]*$/m.exec(text)?.[1];
  const tag = /^tag:[ \t]+['"]?([^\s'"#]+)/m.exec(text)?.[1];
  if (before === undefined || tag === undefined) return undefined;
  const pattern = compileTagPattern(before);
  if (pattern.ok && pattern.value.matches(tag)) return undefined;
  const after = exactTagPattern(tag);
  return { text: text.replace(before, () => after), before, after };
}
