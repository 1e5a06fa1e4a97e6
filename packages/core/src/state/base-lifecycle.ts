import type { Enrolment } from '../enrolment/types.ts';
import { familiarReference } from '../reference/parse.ts';
import type { Reference } from '../reference/types.ts';
import type { Instant } from '../time.ts';
import { dataEqual } from './data-equal.ts';
import type { BaseRecord, FactoryState } from './types.ts';

/** The record of a base that was found for the first time. `tagWritten` is false where `latest` goes without saying. */
export function newBase(reference: Reference, name: string, tagWritten: boolean, now: Instant): BaseRecord {
  const { domain, path, tag = 'latest' } = reference;
  return withUpstream({
    name,
    fullImage: familiarReference({ domain, path, ...(tagWritten ? { tag } : {}) }),
    registry: domain,
    repository: path,
    tag,
    firstDiscovered: now,
    rebuildEligibleAt: {},
    metadata: {},
    updateHistory: [],
    ledger: [],
    holds: [],
  });
}

/** A regular expression that matches this tag alone: `^3\.12-slim$`. */
export function exactTag(tag: string): string {
  return `^${tag.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}$`;
}

/** The fields from which an upstream warehouse watches the base. */
function upstreamOf({ registry, repository, tag }: BaseRecord): Required<Upstream> {
  return {
    repoURL: `${registry}/${repository}`,
    allowTags: exactTag(tag ?? 'latest'),
    imageSelectionStrategy: 'Lexical',
  };
}

type Upstream = Pick<BaseRecord, 'repoURL' | 'allowTags' | 'imageSelectionStrategy'>;

function withUpstream(record: BaseRecord, special: Upstream = {}): BaseRecord {
  return { ...record, ...upstreamOf(record), ...special };
}

/** Where upstream fields that a person chose wait while the base is managed. */
const keptUpstream = 'upstreamBeforeManaged';

/** A managed image moves this tag now: the base is watched as that image's output, its history stays. */
export function baseBecomesManaged(record: BaseRecord, image: string): BaseRecord {
  const { repoURL, allowTags, imageSelectionStrategy, ...rest } = record;
  if (repoURL === undefined && allowTags === undefined && imageSelectionStrategy === undefined) {
    return record.managedBy === image ? record : { ...record, managedBy: image };
  }
  const usual = upstreamOf(record);
  const special = Object.fromEntries(
    Object.entries({ repoURL, allowTags, imageSelectionStrategy }).filter(
      ([field, value]) => value !== undefined && value !== usual[field as keyof Upstream],
    ),
  );
  const metadata = dataEqual(special, {}) ? rest.metadata : { ...rest.metadata, [keptUpstream]: special };
  return { ...rest, metadata, managedBy: image };
}

/** No managed image moves this tag any more: it is watched upstream again, as it was before. */
export function baseDemoted(record: BaseRecord): BaseRecord {
  const { managedBy: _, ...rest } = record;
  const { [keptUpstream]: special, ...metadata } = rest.metadata;
  return withUpstream({ ...rest, metadata }, special ?? {});
}

/** Marks the bases whose tag a managed image of ours moves, and gives the others their upstream fields back. */
export function linkManagedBases(state: FactoryState, enrolments: readonly Enrolment[]): FactoryState {
  const movers = new Map<string, string>();
  for (const enrolment of enrolments) {
    if (enrolment.kind !== 'managed') continue;
    for (const tag of enrolment.tags)
      movers.set(`${enrolment.registry}/${enrolment.repository}:${tag}`, enrolment.name);
  }
  let bases: Map<string, BaseRecord> | undefined;
  for (const [name, base] of state.bases) {
    const image = movers.get(`${base.registry}/${base.repository}:${base.tag ?? 'latest'}`);
    const next =
      image !== undefined
        ? baseBecomesManaged(base, image)
        : base.managedBy === undefined
          ? base
          : baseDemoted(base);
    if (next !== base) (bases ??= new Map(state.bases)).set(name, next);
  }
  return bases ? { ...state, bases } : state;
}
