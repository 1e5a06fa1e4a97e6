import { commonFields } from './common-fields.ts';
import { mergeFields, mergeSource, type SharedFields, type SourceFields } from './fields.ts';
import { addProblem, addWarning, shown, within } from './findings.ts';
import { isMapping } from './older-keys.ts';
import type { EntryDraft } from './entry-draft.ts';
import { readImageUsers } from './read-image-users.ts';
import { folderOf } from './read-path.ts';
import { readLocal } from './read-source.ts';
import { checkUpstream } from './read-upstream.ts';
import { readVersionFile } from './read-version-file.ts';
import type { ManagedEnrolment, Provider, Source } from './types.ts';

/** Undefined where something is missing; what is wrong has been reported then. */
export function buildManaged(draft: EntryDraft): ManagedEnrolment | undefined {
  refuseExternalKeys(draft);
  const source = buildSource(draft);
  const versionFile = readVersionFile(draft.shape.versionFile, draft.scope);
  if (!draft.image || !source) return undefined;
  const fields = mergeFields(draft.defaults, draft.own);
  checkUpstream(draft, source, fields.mode);
  warnOfIdleKeys(draft, source, fields);
  return {
    kind: 'managed',
    ...commonFields(draft, draft.image, fields),
    source,
    tags: fields.tags ?? ['latest'],
    ownDelay: draft.own.rebuildDelay,
    rebuildOn: fields.rebuildOn ?? 'all',
    autoRebuild: fields.autoRebuild ?? true,
    mode: fields.mode ?? 'dispatch',
    schedule: fields.schedule ?? { kind: 'daily' },
    pullRequestGroup: fields.pullRequestGroup,
    versionFile,
    versionFiles: fields.versionFiles ?? 'request',
    updates: readImageUsers(draft.shape.updates, draft.scope),
  };
}

function refuseExternalKeys({ mapping, scope }: EntryDraft): void {
  for (const key of ['allowTags', 'imageSelectionStrategy']) {
    if (!Object.hasOwn(mapping, key)) continue;
    addProblem(
      within(scope, key),
      'CONFIG_CONFLICT',
      `${key} is for external images, but this one is built here (it has ${Object.hasOwn(mapping, 'source') ? 'source' : 'local'})`,
      key === 'allowTags'
        ? 'Remove it; the tags that the build moves go under tags. To watch an image that others build, remove source instead.'
        : 'Remove it.',
      'key',
    );
  }
}

/** Only what the entry itself says: defaults are for those whom they concern. */
function warnOfIdleKeys({ own, shape, scope }: EntryDraft, source: Source, { mode }: SharedFields): void {
  const idle = [
    {
      is: own.pullRequestGroup !== undefined && mode !== 'pull-request',
      path: ['pullRequestGroup'],
      without: 'mode: pull-request',
    },
    {
      is: own.versionFiles !== undefined && shape.versionFile === undefined,
      path: ['versionFiles'],
      without: 'versionFile',
    },
    {
      is: own.source?.workflowBranch !== undefined && source.workflowRepo === undefined,
      path: ['source', 'workflowBranch'],
      without: 'source.workflowRepo',
    },
  ];
  for (const { is, path, without } of idle) {
    if (!is) continue;
    const message = `${path.join('.')} has no effect without ${without}`;
    addWarning(within(scope, ...path), 'CONFIG_CONFLICT', message, `Add ${without}, or remove it.`, 'key');
  }
}

function buildSource(draft: EntryDraft): Source | undefined {
  const { shape, mapping, scope } = draft;
  const local = readLocal(shape.local, mapping['local'], within(scope, 'local'));
  const isLocal = Object.hasOwn(mapping, 'local');
  // Only what the entry itself says: a repository that all others are built from is no upstream of this one.
  const ownDockerfile = isLocal && shape.source?.repo !== undefined && shape.source.repo !== '.';
  if (isLocal) refuseTwoPlaces(draft, ownDockerfile);
  const inherited = draft.defaults.source;
  const base: SourceFields | undefined =
    isLocal && inherited ? { ...inherited, repo: undefined, patches: undefined } : inherited;
  const merged = mergeSource(
    mergeSource(base, draft.own.source),
    ownDockerfile && local ? { ...local, repo: undefined, context: undefined } : local,
  );
  if (merged?.repo === undefined) {
    // A source or repo of the wrong YAML type has been reported already.
    if (!isLocal && isMapping(mapping['source']) && !Object.hasOwn(mapping['source'], 'repo')) {
      addProblem(
        within(scope, 'source'),
        'CONFIG_CONFLICT',
        'source has no repo',
        'Add repo: owner/name; for a Dockerfile in the factory directory\'s own repository write repo: "." or use local.dockerfile.',
      );
    }
    return undefined;
  }
  const provider = merged.provider ?? (isLocal && !ownDockerfile ? 'local' : 'github');
  checkRepoFitsProvider(draft, provider, merged.repo, 'repo');
  const dockerfile = merged.dockerfile ?? defaultDockerfile(ownDockerfile ? undefined : merged.context);
  const isUpstream = merged.patches !== undefined || ownDockerfile;
  const workflowRepo = merged.workflowRepo ?? (isUpstream ? '.' : undefined);
  if (workflowRepo !== undefined && workflowRepo !== '.')
    checkRepoFitsProvider(draft, provider, workflowRepo, 'workflowRepo');
  return {
    provider,
    repo: merged.repo,
    branch: merged.branch,
    ...(merged.tag === undefined ? {} : { tag: merged.tag }),
    ...(merged.commit === undefined ? {} : { commit: merged.commit }),
    dockerfile,
    context: merged.context ?? (ownDockerfile ? '.' : folderOf(dockerfile)),
    target: merged.target,
    buildArgs: merged.buildArgs ?? {},
    workflow: merged.workflow,
    ...(merged.patches ? { patches: merged.patches } : {}),
    ...(ownDockerfile ? { ownDockerfile } : {}),
    ...(workflowRepo === undefined ? {} : { workflowRepo, workflowBranch: merged.workflowBranch }),
  };
}

function defaultDockerfile(context: string | undefined): string {
  return context === undefined || context === '.' ? 'Dockerfile' : `${context}/Dockerfile`;
}

function refuseTwoPlaces({ shape, scope }: EntryDraft, ownDockerfile: boolean): void {
  if (ownDockerfile && shape.local?.context !== undefined) {
    addProblem(
      within(scope, 'local', 'context'),
      'CONFIG_CONFLICT',
      'local.context and source.repo contradict each other: with both, only the Dockerfile is local',
      'Write the context under source, as a path in its repository; or remove source.repo.',
      'key',
    );
  }
  const twice = ownDockerfile
    ? (['dockerfile', 'target', 'buildArgs'] as const)
    : (['repo', 'dockerfile', 'context', 'target', 'buildArgs'] as const);
  for (const key of twice) {
    if (shape.source?.[key] === undefined) continue;
    addProblem(
      within(scope, 'source', key),
      'CONFIG_CONFLICT',
      `source.${key} and local contradict each other: the Dockerfile stands in one repository`,
      key === 'repo'
        ? "Remove source.repo: local is the factory directory's own repository."
        : `Write ${key} under local.`,
      'key',
    );
  }
}

const ownerAndName: readonly Provider[] = ['github', 'gitea', 'forgejo'];
const forges: readonly Provider[] = [...ownerAndName, 'gitlab'];

function checkRepoFitsProvider(
  draft: EntryDraft,
  provider: Provider,
  repo: string,
  key: 'repo' | 'workflowRepo',
): void {
  const here = within(draft.scope, 'source', key);
  if (forges.includes(provider) && /^(?:\.{0,2}\/|\.\.$|file:)/i.test(repo)) {
    addProblem(
      here,
      'CONFIG_CONFLICT',
      `${provider} cannot build from a path; got ${key} ${shown(repo)}`,
      `Write ${key}: owner/name, or provider: local to build on this machine.`,
    );
  } else if (ownerAndName.includes(provider) && /^[\w.-]+(?:\/[\w.-]+){2,}$/.test(repo)) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `${provider} takes ${key}: owner/name; got ${shown(repo)}`,
      'Write owner/name, or a URL.',
    );
  }
}
