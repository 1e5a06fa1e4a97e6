import type { Enrolment, SelectionStrategy } from '@image-factory/core/enrolment/types.ts';
import type { Subject } from '@image-factory/core/problem.ts';
import { stableHash } from '@image-factory/core/reference/short-name.ts';
import { err } from '@image-factory/core/result.ts';
import type { BaseRecord, FactoryState } from '@image-factory/core/state/types.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import { templateNames } from './analysis-templates.ts';
import { hasExpressionMark, type SynthContext } from './context.ts';
import { imagePart } from './expression.ts';
import { upstreamSubscription, type Selection } from './image-subscription.ts';
import { directFrom, nothingToDo, stage } from './stage.ts';
import { warehouse } from './warehouse.ts';

/** Something that others publish and Kargo watches. */
export interface Upstream extends Selection {
  readonly kind: 'base' | 'image';
  readonly name: string;
}

/**
 * What is watched upstream: where the state says so, with the enrolment winning wherever it speaks. A base whose tag a
 * managed image moves is ours whatever its record says, and of an external image the enrolment says what is watched.
 */
export function upstreamsOf(enrolments: readonly Enrolment[], state: FactoryState): readonly Upstream[] {
  const moved = new Set<string>();
  for (const each of enrolments)
    if (each.kind === 'managed')
      for (const tag of each.tags) moved.add(`${each.registry}/${each.repository}:${tag}`);
  const bases = [...state.bases.values()].flatMap((base) => baseUpstream(base, moved) ?? []);
  const images = enrolments.flatMap((each): Upstream[] => {
    const record = state.images.get(each.name);
    if (each.kind !== 'external' || record?.repoURL === undefined || record.allowTags === undefined)
      return [];
    const { name, registry, repository, allowTags, imageSelectionStrategy: strategy } = each;
    return [{ kind: 'image', name, registry, repoUrl: `${registry}/${repository}`, allowTags, strategy }];
  });
  return [...bases.toSorted(byName), ...images.toSorted(byName)];
}

function baseUpstream(base: BaseRecord, moved: ReadonlySet<string>): Upstream | undefined {
  const { name, registry, repository, repoURL, allowTags, managedBy } = base;
  if (repoURL === undefined || allowTags === undefined || managedBy !== undefined) return undefined;
  if (moved.has(`${registry}/${repository}:${base.tag ?? 'latest'}`)) return undefined;
  const strategy: SelectionStrategy = base.imageSelectionStrategy ?? 'Lexical';
  return { kind: 'base', name, registry, repoUrl: repoURL, allowTags, strategy };
}

function byName(a: Upstream, b: Upstream): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A Warehouse that looks for what is new, and a Stage whose verification records it. */
export function watchUpstream(
  context: SynthContext,
  upstream: Upstream,
): readonly (WarehouseManifest | StageManifest)[] {
  const { kind, name, repoUrl } = upstream;
  const about = kind === 'base' ? { base: name } : { image: name };
  const subscription = hasExpressionMark(name)
    ? err('its name has "{{" or "${%" in it, which Kargo would evaluate')
    : upstreamSubscription(context, upstream);
  if (!subscription.ok) {
    context.problems.push({
      code: 'CONFIG_INVALID_VALUE',
      message: `not watched: ${subscription.error}`,
      hint: 'Image Factory itself can watch it: run image-factory check by a CronJob of your own, or mirror the image under another name.',
      subject: { kind, name } satisfies Subject,
    });
    return [];
  }
  const source = context.names.of('Warehouse', kind === 'base' ? 'base' : 'external', name);
  const observe = context.names.of('Stage', kind === 'base' ? 'observe' : 'observe-image', name);
  return [
    warehouse(
      context,
      source,
      { ...about, component: 'observe', slot: slotOf(upstream) },
      intervalOf(context, upstream.registry),
      { image: subscription.value },
    ),
    stage(
      context,
      observe,
      { ...about, component: 'observe' },
      {
        requestedFreight: [directFrom(source)],
        promotionTemplate: { spec: { steps: [nothingToDo(about)] } },
        verification: {
          analysisTemplates: [{ name: templateNames.observe }],
          args: [
            { name: 'name', value: name },
            { name: 'tag', value: imagePart(repoUrl, 'Tag') },
            { name: 'digest', value: imagePart(repoUrl, 'Digest') },
          ],
        },
      },
    ),
  ];
}

/** Shorter has no effect on a default installation. */
const shortestInterval = 5 * minute;

function intervalOf({ settings, kargo }: SynthContext, registry: string): Duration {
  const said = settings.registries[registry]?.minInterval;
  return Math.max(said === undefined || said === 0 ? kargo.intervals.bases : said, shortestInterval);
}

/** An hour of the day from what is watched alone, so that it stays where it is when others come and go. */
function slotOf({ registry, repoUrl, allowTags }: Upstream): string {
  const hash = Number.parseInt(stableHash(`${registry}\n${repoUrl}\n${allowTags}`).slice(0, 8), 16);
  return String(hash % 24).padStart(2, '0');
}
