import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { buildFailed } from './buildah.ts';
import type { BuildJob, BuildTool, Workbench } from './build-tool.ts';
import { stageNames } from './dockerfile-steps.ts';
import { pinContexts, type PinContexts } from './pin-contexts.ts';

export interface DockerBuildxOptions {
  readonly version: string;
  readonly workDir: string;
  readonly insecureRegistries: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Builds with `docker buildx` on a BuildKit container of our own: the engine's built-in builder can neither annotate nor
 * build several platforms, and our container knows which registries are plain HTTP.
 */
export function dockerBuildxTool(options: DockerBuildxOptions): BuildTool {
  let builder: Promise<string> | undefined;
  return {
    name: 'docker',
    version: options.version,
    async check(job) {
      contextsOf(job);
    },
    async build(job, bench) {
      builder ??= ensureBuilder(options, bench);
      const name = await builder.catch((error: unknown) => {
        builder = undefined;
        throw error;
      });
      return buildAndPush(job, bench, name, options.environment);
    },
  };
}

async function ensureBuilder(options: DockerBuildxOptions, bench: Workbench): Promise<string> {
  const config = buildkitConfig(options.insecureRegistries);
  // Another set of registries is another builder: a running one does not read its settings again.
  const name = `image-factory-${createHash('sha256').update(config).digest('hex').slice(0, 12)}`;
  const { environment } = options;
  if ((await bench.run('docker', ['buildx', 'inspect', name], { environment })) === 0) return name;
  const file = join(options.workDir, 'buildkitd.toml');
  await mkdir(options.workDir, { recursive: true });
  await writeFile(file, config);
  const code = await bench.run(
    'docker',
    // The network of the host: a registry on 127.0.0.1 is the host's.
    [
      'buildx',
      'create',
      '--name',
      name,
      '--driver',
      'docker-container',
      '--driver-opt',
      'network=host',
      '--config',
      file,
    ],
    { environment },
  );
  if (code === 0) return name;
  // Two factories may create it at the same time; one of them loses, and uses the other's.
  if ((await bench.run('docker', ['buildx', 'inspect', name], { environment })) === 0) return name;
  throw new FactoryError({
    code: 'BUILDER_MISSING',
    message: `docker buildx create ended with exit code ${code}`,
    hint: 'Check that the docker daemon runs and that this user may use it: docker buildx ls',
  });
}

function buildkitConfig(insecure: readonly string[]): string {
  return insecure
    .map((domain) => `[registry.${JSON.stringify(domain)}]\n  http = true\n  insecure = true\n`)
    .join('\n');
}

async function buildAndPush(
  job: BuildJob,
  bench: Workbench,
  builder: string,
  environment: Readonly<Record<string, string>>,
): Promise<Digest> {
  const { image, platforms } = job.request;
  const metadataFile = join(job.scratch, 'metadata.json');
  const said = [...job.annotations].filter(([, value]) => value !== '');
  const args = [
    'buildx',
    'build',
    '--builder',
    builder,
    '--progress',
    'plain',
    '--no-cache',
    '--pull',
    '--file',
    job.files.dockerfile,
    ...Object.entries(image.source.buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...(job.timestamp === undefined ? [] : ['--build-arg', `SOURCE_DATE_EPOCH=${job.timestamp}`]),
    ...[...contextsOf(job)].flatMap(([key, value]) => ['--build-context', `${key}=${value}`]),
    // With provenance the result is always an index, so that both levels exist and can be annotated.
    '--provenance',
    'mode=min',
    ...said.flatMap(([key, value]) => ['--annotation', `index,manifest:${key}=${value}`]),
    ...(image.source.target ? ['--target', image.source.target] : []),
    ...(platforms.length > 0 ? ['--platform', platforms.join(',')] : []),
    ...job.targets.flatMap((target) => ['--tag', target]),
    '--output',
    `type=image,push=true${job.timestamp === undefined ? '' : ',rewrite-timestamp=true'}`,
    '--metadata-file',
    metadataFile,
    job.files.context,
  ];
  const code = await bench.run('docker', args, { environment });
  if (code !== 0) throw buildFailed(`docker buildx build ended with exit code ${code}`);
  return digestOf(await readFile(metadataFile, 'utf8').catch(() => ''));
}

function digestOf(metadata: string): Digest {
  try {
    const value = (JSON.parse(metadata) as Record<string, unknown>)['containerimage.digest'];
    if (typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value)) return value as Digest;
  } catch {
    // Reported below.
  }
  throw buildFailed('expected docker buildx to say which digest it pushed, got none in its metadata file');
}

function contextsOf(job: BuildJob): PinContexts {
  const contexts = pinContexts('docker', job.request, stageNames(job.steps.steps));
  if (!contexts.ok) throw new FactoryError(contexts.error);
  return contexts.value;
}
