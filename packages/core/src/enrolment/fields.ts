import type { PlatformName } from '../reference/types.ts';
import type { Duration } from '../time.ts';
import type { Criticality, ManagedEnrolment, Provider, Schedule, SelectionStrategy } from './types.ts';

/** What `source` or `local` of one place (an entry, or defaults) says. */
export interface SourceFields {
  provider?: Provider | undefined;
  repo?: string | undefined;
  branch?: string | undefined;
  dockerfile?: string | undefined;
  context?: string | undefined;
  target?: string | undefined;
  buildArgs?: Readonly<Record<string, string>> | undefined;
  workflow?: string | undefined;
}

/** Normalised values of the keys that entries and defaults share; undefined where not written or refused. */
export interface SharedFields {
  registry?: string | undefined;
  tags?: readonly string[] | undefined;
  platforms?: readonly PlatformName[] | undefined;
  imageSelectionStrategy?: SelectionStrategy | undefined;
  rebuildDelay?: Duration | undefined;
  rebuildOn?: ManagedEnrolment['rebuildOn'] | undefined;
  autoRebuild?: boolean | undefined;
  mode?: ManagedEnrolment['mode'] | undefined;
  schedule?: Schedule | undefined;
  criticality?: Criticality | undefined;
  owner?: string | undefined;
  source?: SourceFields | undefined;
}

/** `over` where it says something, else `under`; source and build arguments key by key. */
export function mergeFields(under: SharedFields, over: SharedFields): SharedFields {
  const source = mergeSource(under.source, over.source);
  return { ...under, ...written(over), ...(source ? { source } : {}) };
}

export function mergeSource(
  under: SourceFields | undefined,
  over: SourceFields | undefined,
): SourceFields | undefined {
  if (!under || !over) return over ?? under;
  const buildArgs = under.buildArgs || over.buildArgs ? { ...under.buildArgs, ...over.buildArgs } : undefined;
  return { ...under, ...written(over), buildArgs };
}

function written<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
