import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import { buildRequest } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { detectBuilder } from './detect.ts';
import { createLocalBuilder } from './local-builder.ts';
import { builderOptions, repository, temporary } from './test-place.ts';
import type { TestRegistry } from './test-registry.ts';
import { dependency, enrolment, pin } from './test-request.ts';

const digest = `sha256:${'1'.repeat(64)}` as Digest;
const approved = `sha256:${'a'.repeat(64)}` as Digest;

/** A `docker` that records its arguments, one line of JSON each, and plays the answers of the real client. */
async function fakeDocker(
  behaviour: {
    readonly inspect?: number;
    readonly build?: number;
    readonly daemon?: boolean;
    readonly buildx?: string;
  } = {},
) {
  const directory = await temporary();
  const calls = join(directory, 'calls.jsonl');
  const script = `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(calls)}, JSON.stringify(args) + '\\n');
const is = (...words) => words.every((word, index) => args[index] === word);
if (is('--version')) console.log('Docker version 28.2.2, build e6534b4');
else if (is('buildx', 'version')) console.log('github.com/docker/buildx ${behaviour.buildx ?? 'v0.24.0'} abc');
else if (is('version')) { if (${behaviour.daemon === false}) { console.error('Cannot connect to the Docker daemon'); process.exit(1); } console.log('28.2.2'); }
else if (is('buildx', 'inspect')) process.exit(${behaviour.inspect ?? 1});
else if (is('buildx', 'create')) process.exit(0);
else if (is('buildx', 'build')) {
  if (${behaviour.build ?? 0}) { console.error('ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1'); process.exit(${behaviour.build ?? 0}); }
  const file = args[args.indexOf('--metadata-file') + 1];
  fs.writeFileSync(file, JSON.stringify({ 'buildx.build.ref': 'x', 'containerimage.digest': '${digest}' }));
} else process.exit(9);
`;
  const bin = join(directory, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'docker'), script);
  await chmod(join(bin, 'docker'), 0o755);
  return {
    // Only git is needed beside it; /usr/bin may hold a real docker, but the fake one comes first.
    environment: { PATH: `${bin}:/usr/bin:/bin`, HOME: directory },
    calls: async () =>
      (await readFile(calls, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string[]),
  };
}

const registry = {
  host: 'registry.example:5000',
  port: { look: async () => ({ kind: 'digest' as const, digest }), describe: async () => undefined },
} as unknown as TestRegistry;

async function build(
  docker: Awaited<ReturnType<typeof fakeDocker>>,
  dockerfile: string,
  fields: Partial<Parameters<typeof buildRequest>[1]> = {},
) {
  const { path, commit } = await repository({ Dockerfile: dockerfile });
  const options = builderOptions(await temporary(), registry, {
    tool: 'docker',
    environment: docker.environment,
  });
  const builder = await createLocalBuilder(options);
  const image = enrolment(
    registry.host,
    { tags: ['1', 'latest'] },
    { repo: path, target: 'runtime', buildArgs: { A: 'x y', NPM_TOKEN: 's3cr3t-value' } },
  );
  const started = await builder.start(buildRequest(image, { commit, ...fields }));
  const run = await builder.settled(image, started.id);
  return { run, options, log: await readFile(started.log ?? '', 'utf8') };
}

describe('docker buildx', () => {
  test('pins, annotates and pushes with one build, on a builder that knows the insecure registries', async () => {
    const docker = await fakeDocker();
    const reference = 'docker.io/library/node:22';
    const { run, options, log } = await build(docker, 'FROM node:${T} AS runtime\n', {
      pins: [pin(reference, approved)],
      dependencies: [dependency(reference, { written: 'node:${T}' })],
      platforms: ['linux/amd64', 'linux/arm64'] as PlatformName[],
    });
    expect(run).toMatchObject({ status: 'success', digest });
    const calls = await docker.calls();
    const create = calls.find((call) => call[1] === 'create') ?? [];
    expect(create).toEqual(
      expect.arrayContaining(['--driver', 'docker-container', '--driver-opt', 'network=host']),
    );
    const config = await readFile(create[create.indexOf('--config') + 1] ?? '', 'utf8');
    expect(config).toBe(`[registry."${registry.host}"]\n  http = true\n  insecure = true\n`);
    const call = calls.find((args) => args[1] === 'build') ?? [];
    const values = (flag: string) => call.flatMap((word, index) => (call[index - 1] === flag ? [word] : []));
    expect(values('--build-context')).toEqual([
      `${reference}=docker-image://docker.io/library/node@${approved}`,
    ]);
    expect(values('--tag')).toEqual([`${registry.host}/team/app:1`, `${registry.host}/team/app:latest`]);
    expect(values('--platform')).toEqual(['linux/amd64,linux/arm64']);
    expect(values('--target')).toEqual(['runtime']);
    expect(values('--build-arg')).toEqual(['A=x y', 'NPM_TOKEN=s3cr3t-value']);
    expect(values('--output')).toEqual(['type=image,push=true']);
    expect(values('--builder')).toEqual([create[create.indexOf('--name') + 1]]);
    expect(values('--annotation')).toEqual(
      expect.arrayContaining([
        `index,manifest:org.opencontainers.image.base.name=${reference}`,
        `index,manifest:org.opencontainers.image.base.digest=${approved}`,
        'index,manifest:io.image-factory.build-key=k1',
        'index,manifest:io.image-factory.attempt=1',
      ]),
    );
    expect(call.at(-1)).toContain(options.workDir);
    expect(log).not.toContain('s3cr3t-value');
    expect(log).toContain('NPM_TOKEN=***');
  });

  test('an existing builder is used as it is', async () => {
    const docker = await fakeDocker({ inspect: 0 });
    const { run } = await build(docker, 'FROM scratch AS runtime\nCOPY Dockerfile /\n');
    expect(run).toMatchObject({ status: 'success' });
    expect((await docker.calls()).some((call) => call[1] === 'create')).toBe(false);
  });

  test('a failed build says what buildx said', async () => {
    const { run } = await build(await fakeDocker({ build: 1 }), 'FROM scratch AS runtime\n');
    expect(run).toMatchObject({ status: 'failure', code: 'BUILD_FAILED' });
    expect(run?.error).toContain('did not complete successfully');
  });

  test('a stage that has the base’s name is refused before the build', async () => {
    const docker = await fakeDocker();
    const { run } = await build(docker, 'FROM node AS node\nFROM node AS runtime\n', {
      pins: [pin('docker.io/library/node:latest', approved)],
      dependencies: [dependency('docker.io/library/node:latest', { written: 'node' })],
    });
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect((await docker.calls()).some((call) => call[1] === 'build')).toBe(false);
  });
});

describe('detection', () => {
  test.each([
    [{}, { usable: true, version: '0.24.0' }],
    [{ daemon: false }, { usable: false, limits: ['The docker daemon does not answer.'] }],
    [{ buildx: 'v0.11.2' }, { usable: false, version: '0.11.2' }],
  ])('docker that answers %j', async (behaviour, expected) => {
    const docker = await fakeDocker(behaviour);
    const found = await detectBuilder(docker.environment);
    expect(found.find((builder) => builder.tool === 'docker')).toMatchObject(expected);
    expect(found.at(-1)).toMatchObject({ tool: 'layers', usable: true });
  });
});
