import { dependenciesOf } from '@image-factory/core/dockerfile/analyse.ts';
import type { DockerfileAnalysis } from '@image-factory/core/dockerfile/dependency.ts';
import type { FactoryConfig, ManagedEnrolment, VersionFile } from '@image-factory/core/enrolment/types.ts';
import type { SourceFile } from '@image-factory/core/ports/source.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { repositoryOf } from '@image-factory/core/proposals/request-place.ts';
import type { PlatformName } from '@image-factory/core/reference/types.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import type { FactoryState, ImageRecord } from '@image-factory/core/state/types.ts';
import type { EngineDeps } from './deps.ts';

/** What reading one Dockerfile came to. */
export interface Discovery {
  readonly image: string;
  readonly source: SourceFile | undefined;
  /** Undefined: nothing that matters has changed since the last time. */
  readonly found: Result<Found, Problem> | undefined;
  /** What the record said the dependencies were read from, when this was read. */
  readonly knew: string | undefined;
}

export interface Found {
  /** What the dependencies were read from: equal text, equal answer. */
  readonly identity: string;
  readonly analysis: Analysis;
}

/** Stages and all else that nobody asks for are let go: there may be ten thousand of these. */
type Analysis = Pick<DockerfileAnalysis, 'bases' | 'error'>;
/** Answers by identity, for images of which nothing is known yet: copies of one Dockerfile are parsed once. */
type FirstAnswers = Map<string, Analysis>;

/** The builder's platform where neither the enrolment nor the built image says another. */
const usualPlatform = 'linux/amd64' as PlatformName;
const usualPlatforms: readonly PlatformName[] = [usualPlatform];

/** Reads every managed image's Dockerfile, and parses those that changed (brief 4.1). */
export async function discover(
  deps: EngineDeps,
  enrolments: readonly ManagedEnrolment[],
  state: FactoryState,
  { images, settings: { providers } }: FactoryConfig,
  signal: AbortSignal | undefined,
): Promise<readonly Discovery[]> {
  // Of all images: what is written for one may stand in another one's context.
  const written = new Map<string, VersionFile[]>();
  for (const image of images) {
    if (image.kind !== 'managed' || !image.versionFile) continue;
    const repository = repositoryOf(image.source, providers);
    written.set(repository, [...(written.get(repository) ?? []), image.versionFile]);
  }
  const files = await deps.sources.read(
    enrolments.map(({ source }) => {
      const versionFiles = written.get(repositoryOf(source, providers));
      return versionFiles ? { ...source, versionFiles } : source;
    }),
    signal,
  );
  const answers: FirstAnswers = new Map();
  return Promise.all(
    enrolments.map(async (enrolment, index): Promise<Discovery> => {
      const record = state.images.get(enrolment.name);
      const read = { image: enrolment.name, knew: record?.dockerfile };
      const subject = { kind: 'image' as const, name: enrolment.name };
      const file = files[index];
      if (!file) return { ...read, source: undefined, found: undefined };
      if (!file.ok) return { ...read, source: undefined, found: err({ ...file.error, subject }) };
      return {
        ...read,
        source: file.value,
        found: await findIn(file.value, enrolment, record, state, answers),
      };
    }),
  );
}

async function findIn(
  file: SourceFile,
  enrolment: ManagedEnrolment,
  record: ImageRecord | undefined,
  state: FactoryState,
  answers: FirstAnswers,
): Promise<Discovery['found']> {
  const subject = { kind: 'image' as const, name: enrolment.name };
  const identity = identityOf(enrolment, record, state, file.blob);
  if (record?.dockerfile === identity && record.discoveryStatus === 'success') return undefined;
  const text = await file.text().catch((thrown: unknown) => err(problemOf(thrown, subject)));
  if (!text.ok) return err({ ...text.error, subject });
  // What is known of a base's triggers depends on the record as well.
  const isFirst = !record || record.dependencies.length === 0;
  const analysis =
    (isFirst ? answers.get(identity) : undefined) ?? analyse(text.value, enrolment, record, state);
  if (isFirst) answers.set(identity, analysis);
  if (!analysis.error) return ok({ identity, analysis });
  const { line, message } = analysis.error;
  const place = { file: enrolment.source.dockerfile, ...(line === undefined ? {} : { line }) };
  const hint = 'Mend the Dockerfile, or set the build arguments and the target that it needs in images.yaml.';
  return err({ code: 'DOCKERFILE_INVALID', message, hint, subject, place });
}

function analyse(
  text: string,
  enrolment: ManagedEnrolment,
  record: ImageRecord | undefined,
  state: FactoryState,
): Analysis {
  const { bases, error } = dependenciesOf(text, {
    buildArgs: new Map(Object.entries(enrolment.source.buildArgs)),
    platforms: platformsFor(enrolment, record),
    onbuildOf: (reference, platform) => triggersOf(record, state, reference, platform),
    ...(enrolment.source.target === undefined ? {} : { target: enrolment.source.target }),
  });
  return { bases, ...(error ? { error } : {}) };
}

export function platformsFor(
  enrolment: ManagedEnrolment,
  record: ImageRecord | undefined,
): readonly PlatformName[] {
  if (enrolment.platforms.length > 0) return enrolment.platforms;
  const built = Object.keys(record?.content?.platforms ?? {}) as PlatformName[];
  return built.length > 0 ? built.toSorted() : usualPlatforms;
}

/** Everything that the answer depends on besides the rules themselves. */
function identityOf(
  enrolment: ManagedEnrolment,
  record: ImageRecord | undefined,
  state: FactoryState,
  blob: string,
): string {
  const { target, buildArgs } = enrolment.source;
  const triggers = (record?.baseImages ?? []).flatMap((name) => {
    const onBuild = onBuildOf(state, name);
    return onBuild ? [[name, onBuild]] : [];
  });
  const platforms = platformsFor(enrolment, record);
  const args = Object.entries(buildArgs);
  const isPlain =
    target === undefined &&
    args.length === 0 &&
    platforms.length === 1 &&
    platforms[0] === usualPlatform &&
    triggers.length === 0;
  return isPlain
    ? blob
    : `${blob} ${JSON.stringify([target ?? null, args.toSorted(byKey), platforms, triggers])}`;
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function onBuildOf(state: FactoryState, base: string): readonly string[] | undefined {
  const entry = state.bases.get(base)?.ledger.findLast(({ replacedAt }) => replacedAt === undefined);
  return Object.values(entry?.platforms ?? {}).find(({ onBuild }) => onBuild !== undefined)?.onBuild;
}

/** The ONBUILD triggers of a base whose config was read already; undefined where it was not. */
function triggersOf(
  record: ImageRecord | undefined,
  state: FactoryState,
  reference: string,
  platform: PlatformName,
): readonly string[] | undefined {
  const use = record?.dependencies.find((known) => known.reference === reference);
  const entry =
    use?.base === undefined
      ? undefined
      : state.bases.get(use.base)?.ledger.findLast((e) => e.replacedAt === undefined);
  const content = entry?.platforms?.[platform];
  return content ? (content.onBuild ?? []) : undefined;
}
