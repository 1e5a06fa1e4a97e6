import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { BuildahStore } from './buildah-store.ts';
import type { BuildJob, BuildTool, Workbench } from './build-tool.ts';
import { stageNames } from './dockerfile-steps.ts';
import { pinContexts, repositoryOf, type PinContexts } from './pin-contexts.ts';
import { firstTargetRun, foreignPlatforms } from './platforms.ts';

export interface BuildahOptions {
  readonly version: string;
  /** Prepared at the first build, so that a command that builds nothing pays nothing. */
  readonly store: () => Promise<BuildahStore>;
  readonly isolation: 'chroot' | 'oci' | 'rootless';
}

/** Builds with the buildah binary. Needs no daemon, and with chroot isolation no container runtime either. */
export function buildahTool(options: BuildahOptions): BuildTool {
  let building = 0;
  let untidy = false;
  let tidying = Promise.resolve();
  return {
    name: 'buildah',
    version: options.version,
    async check(job) {
      contextsOf(job);
      refuseHeredocs(job, options.version);
      await refuseForeignRuns(job);
    },
    async build(job, bench) {
      const store = await options.store();
      await tidying;
      building += 1;
      try {
        const built = await buildImage(job, bench, store, options.isolation);
        const digest = await pushAll(job, bench, store, built);
        // It is pushed: what happens to the local copy changes nothing.
        await removeImage(bench, store, built).catch(() => (untidy = true));
        return digest;
      } catch (error) {
        untidy = true;
        throw error;
      } finally {
        building -= 1;
        // A killed build leaves its container mounted; only when nobody builds can leftovers be told from work.
        if (untidy && building === 0) {
          untidy = false;
          tidying = store.tidy();
          await tidying;
        }
      }
    },
  };
}

/** An image id, or the name of a manifest list in the store. */
interface Built {
  readonly name: string;
  readonly list: boolean;
}

async function buildImage(
  job: BuildJob,
  bench: Workbench,
  store: BuildahStore,
  isolation: string,
): Promise<Built> {
  const { image } = job.request;
  const { platforms } = job.request;
  const contexts = contextsOf(job);
  const list = platforms.length > 1 ? `localhost/image-factory-run/${job.id.toLowerCase()}` : undefined;
  const idFile = join(job.scratch, 'image-id');
  const args = [
    ...store.globalArgs,
    'build',
    ...store.transferArgs,
    '--isolation',
    isolation,
    '--format',
    'oci',
    '--layers=false',
    '--no-cache',
    // Without it 1.28 leaves the container of a stage that adds nothing mounted.
    '--force-rm',
    '--identity-label=false',
    '--file',
    job.files.dockerfile,
    ...Object.entries(image.source.buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...[...contexts].flatMap(([key, value]) => ['--build-context', `${key}=${value}`]),
    ...[...job.annotations].flatMap(([key, value]) => ['--annotation', `${key}=${value}`]),
    ...(image.source.target ? ['--target', image.source.target] : []),
    ...(platforms.length > 0 ? ['--platform', platforms.join(',')] : []),
    ...(job.timestamp === undefined ? [] : ['--timestamp', String(job.timestamp)]),
    ...(list ? ['--manifest', list] : ['--iidfile', idFile]),
    job.files.context,
  ];
  const from = new Set<string>();
  const code = await bench.run('buildah', args, {
    environment: store.environment,
    onOutput: collectFrom(from),
  });
  if (code !== 0) throw buildFailed(`buildah build ended with exit code ${code}`);
  assertPinned(job, from);
  return list ? { name: list, list: true } : { name: (await readFile(idFile, 'utf8')).trim(), list: false };
}

/** Buildah names the image that each stage really starts from. */
function collectFrom(found: Set<string>): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-10_000);
    for (const line of lines) {
      const image = /^(?:\[[^\]]*\] )?(?:\[[^\]]*\] )?STEP \d+(?:\/\d+)?: FROM (?:--\S+ )*(\S+)/.exec(
        line,
      )?.[1];
      if (image) found.add(image);
    }
  };
}

/** The last guard: nothing is pushed that buildah did not start from the approved digest. */
function assertPinned(job: BuildJob, from: ReadonlySet<string>): void {
  for (const pin of job.request.pins) {
    const isFrom = job.request.dependencies.some(
      (item) => item.kind === 'from' && !item.reference.includes('@') && item.reference === pin.reference,
    );
    if (!isFrom || from.has(`${repositoryOf(pin.reference)}@${pin.digest}`)) continue;
    throw new FactoryError({
      code: 'BUILDER_UNSUPPORTED',
      message: `expected buildah to start from ${pin.reference}@${pin.digest}, got ${[...from].join(', ') || 'nothing'}; nothing was pushed`,
      hint: 'Write the base in FROM as one plain word, or use docker buildx as the builder.',
    });
  }
}

async function pushAll(job: BuildJob, bench: Workbench, store: BuildahStore, built: Built): Promise<Digest> {
  const digestFile = join(job.scratch, 'digest');
  let pushed: string | undefined;
  bench.pushing();
  for (const target of job.targets) {
    const args = [
      ...store.globalArgs,
      ...(built.list ? ['manifest', 'push', '--all'] : ['push', '--format', 'oci']),
      ...store.transferArgs,
      '--digestfile',
      digestFile,
      built.name,
      `docker://${target}`,
    ];
    const code = await bench.run('buildah', args, { environment: store.environment });
    if (code !== 0) throw buildFailed(`the push to ${target} ended with exit code ${code}`);
    const digest = (await readFile(digestFile, 'utf8')).trim();
    if (pushed !== undefined && digest !== pushed)
      throw buildFailed(`expected ${target} at ${pushed}, but it was pushed as ${digest}`);
    pushed = digest;
  }
  return pushed as Digest;
}

async function removeImage(bench: Workbench, store: BuildahStore, built: Built): Promise<void> {
  const args = built.list ? ['manifest', 'rm', built.name] : ['rmi', '--force', built.name];
  await bench.run('buildah', [...store.globalArgs, ...args], { environment: store.environment });
}

function contextsOf(job: BuildJob): PinContexts {
  const contexts = pinContexts('buildah', job.request, stageNames(job.steps.steps));
  if (!contexts.ok) throw new FactoryError(contexts.error);
  return contexts.value;
}

function refuseHeredocs(job: BuildJob, version: string): void {
  const heredoc = job.steps.steps.find((step) => step.heredoc);
  if (!heredoc || !isOlder(version, [1, 33])) return;
  throw new FactoryError({
    code: 'BUILDER_UNSUPPORTED',
    message: `expected a builder that reads heredocs, got buildah ${version}: ${heredoc.keyword} has one`,
    hint: 'Install buildah 1.33 or newer, use docker buildx (builder.tool: docker), or write the step without "<<".',
    place: { file: job.request.image.source.dockerfile, line: heredoc.line },
  });
}

async function refuseForeignRuns(job: BuildJob): Promise<void> {
  const line = firstTargetRun(job);
  if (line === undefined) return;
  const foreign = await foreignPlatforms(job.request.platforms);
  if (foreign.length === 0) return;
  throw new FactoryError({
    code: 'BUILDER_UNSUPPORTED',
    message: `expected a machine that can execute ${foreign.join(', ')}, got one that cannot: RUN would fail`,
    hint: 'Install qemu-user-static (binfmt), run RUN in stages FROM --platform=$BUILDPLATFORM, or list fewer platforms.',
    place: { file: job.request.image.source.dockerfile, line },
  });
}

export function isOlder(version: string, than: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < than[0] || (major === than[0] && minor < than[1]);
}

export function buildFailed(message: string): FactoryError {
  return new FactoryError({ code: 'BUILD_FAILED', message, hint: 'See the log of the run.' });
}
