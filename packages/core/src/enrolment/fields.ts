import type { PlatformName } from '../reference/types.ts';
import type { Duration } from '../time.ts';
import type { Criticality, ManagedEnrolment, Provider, Schedule, SelectionStrategy } from './types.ts';

/** What `source` or `local` of one place (an entry, or defaults) says. */
export interface SourceFields {
  readonly provider: Provider | undefined;
  readonly repo: string | undefined;
  readonly branch: string | undefined;
  readonly dockerfile: string | undefined;
  readonly context: string | undefined;
  readonly target: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>> | undefined;
  readonly workflow: string | undefined;
  readonly tag?: string | undefined;
  readonly commit?: string | undefined;
  readonly patches?: readonly string[] | undefined;
  readonly workflowRepo?: string | undefined;
  readonly workflowBranch?: string | undefined;
}

/** Normalised values of the keys that entries and defaults share; undefined where not written or refused. */
export interface SharedFields {
  readonly registry: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly platforms: readonly PlatformName[] | undefined;
  readonly imageSelectionStrategy: SelectionStrategy | undefined;
  readonly rebuildDelay: Duration | undefined;
  readonly rebuildOn: ManagedEnrolment['rebuildOn'] | undefined;
  readonly autoRebuild: boolean | undefined;
  readonly mode: ManagedEnrolment['mode'] | undefined;
  readonly pullRequestGroup: string | undefined;
  readonly versionFiles: ManagedEnrolment['versionFiles'] | undefined;
  readonly schedule: Schedule | undefined;
  readonly criticality: Criticality | undefined;
  readonly owner: string | undefined;
  readonly source: SourceFields | undefined;
}

export const noFields: SharedFields = {
  registry: undefined,
  tags: undefined,
  platforms: undefined,
  imageSelectionStrategy: undefined,
  rebuildDelay: undefined,
  rebuildOn: undefined,
  autoRebuild: undefined,
  mode: undefined,
  pullRequestGroup: undefined,
  versionFiles: undefined,
  schedule: undefined,
  criticality: undefined,
  owner: undefined,
  source: undefined,
};

/** `over` where it says something, else `under`; source and build arguments key by key. */
export function mergeFields(under: SharedFields, over: SharedFields): SharedFields {
  return {
    registry: over.registry ?? under.registry,
    tags: over.tags ?? under.tags,
    platforms: over.platforms ?? under.platforms,
    imageSelectionStrategy: over.imageSelectionStrategy ?? under.imageSelectionStrategy,
    rebuildDelay: over.rebuildDelay ?? under.rebuildDelay,
    rebuildOn: over.rebuildOn ?? under.rebuildOn,
    autoRebuild: over.autoRebuild ?? under.autoRebuild,
    mode: over.mode ?? under.mode,
    pullRequestGroup: over.pullRequestGroup ?? under.pullRequestGroup,
    versionFiles: over.versionFiles ?? under.versionFiles,
    schedule: over.schedule ?? under.schedule,
    criticality: over.criticality ?? under.criticality,
    owner: over.owner ?? under.owner,
    source: mergeSource(under.source, over.source),
  };
}

export function mergeSource(
  under: SourceFields | undefined,
  over: SourceFields | undefined,
): SourceFields | undefined {
  if (!under || !over) return over ?? under;
  // One of them takes the place of the others.
  const { branch, tag, commit } = (over.branch ?? over.tag ?? over.commit) ? over : under;
  return {
    provider: over.provider ?? under.provider,
    repo: over.repo ?? under.repo,
    branch,
    tag,
    commit,
    dockerfile: over.dockerfile ?? under.dockerfile,
    context: over.context ?? under.context,
    target: over.target ?? under.target,
    buildArgs:
      under.buildArgs && over.buildArgs
        ? { ...under.buildArgs, ...over.buildArgs }
        : (over.buildArgs ?? under.buildArgs),
    workflow: over.workflow ?? under.workflow,
    patches: over.patches ?? under.patches,
    workflowRepo: over.workflowRepo ?? under.workflowRepo,
    workflowBranch: over.workflowBranch ?? under.workflowBranch,
  };
}
