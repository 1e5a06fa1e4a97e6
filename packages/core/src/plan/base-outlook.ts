import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph } from '../graph/managed.ts';
import { baselinePin, type Judged } from '../ledger/candidate.ts';
import { versionsOf } from '../ledger/versions.ts';
import type { Digest } from '../reference/types.ts';
import type { BaseRecord, Dependency } from '../state/types.ts';
import type { Duration } from '../time.ts';
import { obstacleNotes } from './base-notes.ts';
import { judgeCandidate, platformsOf } from './bases.ts';
import type { PlanInput, Reason } from './types.ts';

/** What a base offers one image that is built from it: delay and platforms are the image's own. */
export interface BaseOutlook {
  readonly image: string;
  readonly kinds: readonly Dependency['kind'][];
  /** None is applied to a base that we build ourselves, unless its own enrolment sets one. */
  readonly delay: Duration;
  /** What the image contains, by the strongest evidence that is recorded. */
  readonly contains?: Digest;
  /** What has passed the gate, or the baseline as long as nothing has. */
  readonly approved?: Digest;
  readonly newest?: Digest;
  /** What stands in the way of each newer digest, and when that ends. */
  readonly notes: readonly Reason[];
}

/** How a base stands with every managed image that is built from it, by name of the image. */
export function outlookOf(base: BaseRecord, input: PlanInput): readonly BaseOutlook[] {
  const managed = new Map<string, ManagedEnrolment>();
  for (const enrolment of input.images)
    if (enrolment.kind === 'managed') managed.set(enrolment.name, enrolment);
  const { nodes } = managedGraph([...managed.values()], input.state.images, input.state.bases);
  const outlooks: BaseOutlook[] = [];
  for (const enrolment of managed.values()) {
    const record = input.state.images.get(enrolment.name);
    const uses = record?.dependencies.filter((use) => use.base === base.name) ?? [];
    if (!record || uses.length === 0) continue;
    const parent = nodes.get(enrolment.name)?.parents.find((edge) => edge.base === base.name)?.image;
    const delay = parent === undefined ? enrolment.rebuildDelay : (managed.get(parent)?.ownDelay ?? 0);
    const versions = versionsOf(base.ledger, platformsOf(uses));
    const candidate = judgeCandidate(input, base, versions, delay, parent !== undefined);
    const passed = candidate.judged[candidate.chosen] ?? baselinePin(candidate);
    const contains = record.builtFrom[base.name]?.digest;
    const approved = passed?.digest;
    const newest = newestOf(candidate.judged.at(-1));
    outlooks.push({
      image: enrolment.name,
      kinds: [...new Set(uses.map(({ kind }) => kind))],
      delay,
      ...(contains ? { contains } : {}),
      ...(approved ? { approved } : {}),
      ...(newest ? { newest } : {}),
      notes: obstacleNotes(candidate, passed ? candidate.judged.indexOf(passed) : -1, () => ({
        base: base.name,
      })),
    });
  }
  return outlooks.toSorted((a, b) => (a.image < b.image ? -1 : 1));
}

function newestOf(judged: Judged | undefined): Digest | undefined {
  return judged?.digest ?? judged?.version.entries.at(-1)?.digest;
}
