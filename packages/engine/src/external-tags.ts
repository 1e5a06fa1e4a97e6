import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import type { Enrolment, ExternalEnrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import { rankingOf, selectTags, watchedTags } from '@image-factory/core/ledger/selection.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { EngineDeps } from './deps.ts';
import type { LookAgain } from './look-again.ts';
import { inParallel } from './pool.ts';

const listsAtOnce = 8;

/** The tags of every external image that are looked at, highest first: the five highest and the approved one (brief 4.2.5). */
export async function externalTags(
  deps: EngineDeps,
  enrolments: readonly Enrolment[],
  state: FactoryState,
  problems: Problem[],
  options: {
    readonly settings: Settings;
    readonly force: boolean;
    readonly news: ReadonlySet<string>;
    readonly again: LookAgain;
    readonly signal?: AbortSignal;
  },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { settings, news, again, signal } = options;
  const externals = enrolments.filter(
    (enrolment): enrolment is ExternalEnrolment => enrolment.kind === 'external',
  );
  const selected = new Map<string, readonly string[]>();
  await inParallel(externals, listsAtOnce, async (enrolment) => {
    const subject = { kind: 'image' as const, name: enrolment.name };
    const fixed = exactTag(enrolment.allowTags);
    if (fixed !== undefined) {
      selected.set(enrolment.name, [fixed]);
      return;
    }
    const { approved, ledger = [] } = state.images.get(enrolment.name) ?? {};
    const reference = { domain: enrolment.registry, path: enrolment.repository };
    const asked = options.force || news.has(enrolment.name) || again(reference);
    if (settings.engine === 'kargo' && ledger.length > 0 && !asked) {
      // Kargo lists the tags; what is known of them may still need a second look.
      selected.set(enrolment.name, [...new Set(ledger.flatMap(({ tag }) => tag ?? []))]);
      return;
    }
    try {
      const tags = await deps.registry.listTags(reference, {
        force: asked,
        ...(signal ? { signal } : {}),
      });
      const ranking = rankingOf(enrolment.imageSelectionStrategy, enrolment.allowTags);
      const highest = selectTags(tags, enrolment.allowTags, ranking).slice(0, watchedTags);
      const kept = approved?.tag;
      const watched = kept !== undefined && !highest.includes(kept) && tags.includes(kept);
      selected.set(enrolment.name, watched ? [...highest, kept] : highest);
      if (highest.length === 0) {
        problems.push({
          code: 'REGISTRY_NOT_FOUND',
          message: `none of the ${tags.length} tags of ${enrolment.registry}/${enrolment.repository} matches ${enrolment.allowTags}`,
          hint: 'Mend allowTags in images.yaml.',
          subject,
        });
      }
    } catch (thrown) {
      if (!signal?.aborted) problems.push(problemOf(thrown, subject));
    }
  });
  return selected;
}

/** `^16\.4-alpine$` means one tag: no list is needed to find it. */
function exactTag(allowTags: string): string | undefined {
  const pattern = compileTagPattern(allowTags);
  return pattern.ok ? pattern.value.literal : undefined;
}
