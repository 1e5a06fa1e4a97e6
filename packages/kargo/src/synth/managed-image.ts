import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { RequestedFreight, StageManifest } from '../manifests/stage.ts';
import type { GitSubscription, WarehouseManifest } from '../manifests/warehouse.ts';
import { normalGitUrl } from '../validate/forms.ts';
import { templateNames } from './analysis-templates.ts';
import { hasExpressionMark, type SynthContext } from './context.ts';
import { imagePart } from './expression.ts';
import { inDirectory, pathsWithin } from './git-paths.ts';
import { builtSubscription } from './image-subscription.ts';
import { repositoryUrl } from './source-repository.ts';
import { directFrom, nothingToDo, stage } from './stage.ts';
import { warehouse } from './warehouse.ts';

/** A managed image with what was generated for it so far; undefined where Kargo cannot have it. */
export interface AnalyzedImage {
  readonly enrolment: ManagedEnrolment;
  /** Where Kargo finds it: `ghcr.io/acme/web`. */
  readonly repoUrl: string;
  /** Name of the Warehouse of the built image; undefined where Kargo does not accept its name. */
  readonly imageWarehouse: string | undefined;
  /** Names of all Warehouses that its analysis is for. */
  readonly warehouses: readonly string[];
  readonly analyzeStage: string | undefined;
}

/** Warehouses for what is built and for what it is built from, and the Stage that analyses either when it moves. */
export function analyzeImage(
  context: SynthContext,
  enrolment: ManagedEnrolment,
): { readonly image: AnalyzedImage; readonly manifests: readonly (WarehouseManifest | StageManifest)[] } {
  const repoUrl = `${enrolment.registry}/${enrolment.repository}`;
  const warehouses = [
    imageWarehouse(context, enrolment, repoUrl),
    sourceWarehouse(context, enrolment),
    additionsWarehouse(context, enrolment),
  ] as const;
  const origins = warehouses.flatMap((each) => (each ? [directFrom(each.metadata.name)] : []));
  const analysis = analyzeStage(context, enrolment, repoUrl, origins, warehouses[0] !== undefined);
  return {
    image: {
      enrolment,
      repoUrl,
      imageWarehouse: warehouses[0]?.metadata.name,
      warehouses: warehouses.flatMap((each) => (each ? [each.metadata.name] : [])),
      analyzeStage: analysis?.metadata.name,
    },
    manifests: [...warehouses, analysis].filter((each) => each !== undefined),
  };
}

function imageWarehouse(
  context: SynthContext,
  { name, registry, tags }: ManagedEnrolment,
  repoUrl: string,
): WarehouseManifest | undefined {
  const version = context.state.images.get(name)?.currentVersion;
  const subscription = builtSubscription(context, { registry, repoUrl, tags, version });
  if (!subscription.ok) {
    context.problems.push(
      left(name, `its builds are not seen: ${subscription.error}`, 'Rename the repository.'),
    );
    return undefined;
  }
  return warehouse(
    context,
    context.names.of('Warehouse', 'image', name),
    { image: name, component: 'analyze' },
    context.kargo.intervals.images,
    { image: subscription.value },
  );
}

function sourceWarehouse(
  context: SynthContext,
  { name, source }: ManagedEnrolment,
): WarehouseManifest | undefined {
  const { kargo, settings, repository } = context;
  // What does not move needs nobody who looks at it.
  if (source.commit !== undefined) return undefined;
  const url = repositoryUrl(source, settings.providers, repository);
  if (!url.ok) {
    context.problems.push(
      left(
        name,
        `changes of its source are not seen: ${url.error}`,
        'Name the repository by an https URL, or by owner/name of a forge in factory.yaml (providers).',
      ),
    );
    return undefined;
  }
  const isOwn = normalGitUrl(url.value) === normalGitUrl(repository);
  const branch = source.branch ?? (source.repo === '.' ? kargo.branch : undefined);
  // Of a tag Kargo compares the commit with the one before it: a release that touched nothing there would not be seen.
  const paths = [
    source.context,
    ...(source.ownDockerfile === true ? [] : [source.dockerfile]),
    ...(isOwn ? ['images.yaml', 'images.d'].map((path) => inDirectory(kargo.directory, path)) : []),
  ];
  const include = source.tag === undefined ? pathsWithin(paths) : undefined;
  const subscription: GitSubscription = {
    repoURL: url.value,
    ...(source.tag === undefined
      ? branch === undefined
        ? {}
        : { branch }
      : { commitSelectionStrategy: 'Lexical' as const, allowTagsRegexes: [exactly(source.tag)] }),
    ...(include === undefined ? {} : { includePaths: include }),
    // What the factory itself writes must not make it look again.
    ...(isOwn ? { excludePaths: ['dist', 'state'].map((path) => inDirectory(kargo.directory, path)) } : {}),
    discoveryLimit: 1,
    ...(kargo.partialClone ? { blobless: true } : {}),
  };
  return warehouse(
    context,
    context.names.of('Warehouse', 'source', name),
    { image: name, component: 'analyze' },
    kargo.intervals.source,
    { git: subscription },
  );
}

/** What the factory directory adds to a source that is somebody else's; it is at home in another repository than that. */
function additionsWarehouse(
  context: SynthContext,
  { name, source }: ManagedEnrolment,
): WarehouseManifest | undefined {
  const { kargo, repository } = context;
  const own = source.ownDockerfile === true ? [source.dockerfile, `${source.dockerfile}.dockerignore`] : [];
  const paths = [...(source.patches ?? []).map((path) => inDirectory(kargo.directory, path)), ...own];
  if (paths.length === 0) return undefined;
  const enrolments = ['images.yaml', 'images.d'].map((path) => inDirectory(kargo.directory, path));
  const include = pathsWithin([...paths, ...enrolments]);
  return warehouse(
    context,
    context.names.of('Warehouse', 'additions', name),
    { image: name, component: 'analyze' },
    kargo.intervals.source,
    {
      git: {
        repoURL: repository,
        branch: kargo.branch,
        ...(include === undefined ? {} : { includePaths: include }),
        discoveryLimit: 1,
        ...(kargo.partialClone ? { blobless: true } : {}),
      },
    },
  );
}

function exactly(tag: string): string {
  return `^${tag.replace(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`)}$`;
}

function analyzeStage(
  context: SynthContext,
  { name, source }: ManagedEnrolment,
  repoUrl: string,
  origins: readonly RequestedFreight[],
  seesImage: boolean,
): StageManifest | undefined {
  const [first, ...others] = origins;
  if (!first) return undefined;
  return stage(
    context,
    context.names.of('Stage', 'analyze-dockerfile', name),
    { image: name, component: 'analyze' },
    {
      requestedFreight: [first, ...others],
      promotionTemplate: { spec: { steps: [nothingToDo({ image: name })] } },
      verification: {
        analysisTemplates: [{ name: templateNames.analyze }],
        args: [
          { name: 'image', value: name },
          { name: 'tag', value: seesImage ? imagePart(repoUrl, 'Tag') : nothing },
          { name: 'digest', value: seesImage ? imagePart(repoUrl, 'Digest') : nothing },
          { name: 'dockerfile', value: source.dockerfile },
          { name: 'source-repo', value: source.repo },
          { name: 'source-provider', value: source.provider },
        ],
      },
    },
  );
}

/** Empty text: an argument without a value is no argument to Argo Rollouts. */
const nothing = '${{ quote("") }}';

/** What of an enrolment cannot be taken over into expressions of Kargo; undefined where all can. */
export function forbiddenText({ name, source, updates }: ManagedEnrolment): Problem | undefined {
  const texts = [
    source.repo,
    source.branch,
    source.tag,
    source.dockerfile,
    source.context,
    source.workflow,
    source.workflowRepo,
    source.workflowBranch,
    ...(source.patches ?? []),
    ...updates.flatMap((user) => [
      user.repo,
      user.branch,
      ...user.paths,
      ...(user.format === 'kustomize' ? [user.image] : Object.keys(user.keys)),
    ]),
  ];
  const found = texts.find((text) => text !== undefined && hasExpressionMark(text));
  return found === undefined
    ? undefined
    : left(
        name,
        'left out: the entry has "{{" or "${%" in it, which Kargo would evaluate',
        'Rename the path, branch or repository.',
      );
}

export function left(image: string, message: string, hint: string): Problem {
  return { code: 'CONFIG_INVALID_VALUE', message, hint, subject: { kind: 'image', name: image } };
}
