import { readFile } from 'node:fs/promises';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import { buildRequest, amd64, arm64 } from '@image-factory/testing/records.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLocalBuilder, type LocalBuilder } from './local-builder.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';
import { builderOptions, hasBuildah, repository, temporary } from './test-place.ts';
import { startTestRegistry } from './test-registry.ts';
import { dependency, discovered, enrolment, pin } from './test-request.ts';

type TestRegistry = Awaited<ReturnType<typeof startTestRegistry>>;

describe.skipIf(!hasBuildah)('the real buildah', () => {
  let registry: TestRegistry;
  let base: string;
  let v1: { digest: Digest; diffIds: readonly Digest[] };
  let v2: { digest: Digest; diffIds: readonly Digest[] };

  beforeAll(async () => {
    registry = await startTestRegistry();
    base = `${registry.host}/team/base:1`;
    v1 = await registry.pushBase('team/base', '1', 'v1');
    v2 = await registry.pushBase('team/base', '1', 'v2');
  });
  afterAll(() => registry.stop());

  async function builder(fields: Partial<LocalBuilderOptions> = {}): Promise<LocalBuilder> {
    const made = await createLocalBuilder(builderOptions(await temporary(), registry, fields));
    onTestFinished(() => made.close());
    return made;
  }

  async function build(
    dockerfile: string,
    fields: Partial<BuildRequest> = {},
    options: Partial<LocalBuilderOptions> = {},
    image: Parameters<typeof enrolment>[1] = {},
    source: Parameters<typeof enrolment>[2] = {},
  ) {
    const { path, commit } = await repository({ Dockerfile: dockerfile, 'a.txt': 'a\n' });
    const wanted = buildRequest(enrolment(registry.host, image, { repo: path, ...source }), {
      commit,
      ...fields,
    });
    const local = await builder(options);
    const started = await local.start(wanted);
    expect(started).toMatchObject({ status: 'running', key: 'k1', attempt: 1 });
    const run = await local.settled(wanted.image, started.id);
    return { run, local, wanted, log: await readFile(started.log ?? '', 'utf8') };
  }

  test('the pinned digest decides, not the tag, and the manifest says what was built', async () => {
    const { run, wanted } = await build(
      `FROM ${base}\nCOPY a.txt /a.txt\nRUN read x < /version && echo "$x" > /seen\n`,
      {
        pins: [pin(base, v1.digest)],
        dependencies: [dependency(base)],
      },
    );
    expect(run).toMatchObject({ status: 'success' });
    const manifest = await registry.manifest('team/app', '1');
    expect(manifest?.digest).toBe(run?.digest);
    expect((await registry.config('team/app', '1')).rootfs.diff_ids.slice(0, 2)).toEqual(v1.diffIds);
    expect(manifest?.annotations).toMatchObject({
      'org.opencontainers.image.base.name': base,
      'org.opencontainers.image.base.digest': v1.digest,
      'org.opencontainers.image.source': wanted.image.source.repo,
      'org.opencontainers.image.revision': wanted.commit,
      'io.image-factory.build-key': 'k1',
      'io.image-factory.attempt': '1',
    });
    expect((await registry.config('team/app', '1')).config['Labels']).toBeUndefined();
  });

  test('without a pin the tag decides', async () => {
    const { run } = await build(`FROM ${base}\nCOPY a.txt /a.txt\n`, { dependencies: [dependency(base)] });
    expect(run).toMatchObject({ status: 'success' });
    expect((await registry.config('team/app', '1')).rootfs.diff_ids.slice(0, 2)).toEqual(v2.diffIds);
    expect(
      (await registry.manifest('team/app', '1'))?.annotations['org.opencontainers.image.base.digest'],
    ).toBe(v2.digest);
  });

  test.each([
    ['an argument in the tag', (name: string) => `ARG T=1\nFROM ${name.replace(':1', ':${T}')}\n`],
    ['a default in an expansion', (name: string) => `FROM \${B:-${name}}\n`],
    ['a quoted word', (name: string) => `FROM "${name}"\n`],
    ['lower case and a stage name', (name: string) => `from ${name} as build\nFROM build\n`],
    ['a platform and a continuation', (name: string) => `FROM --platform=linux/amd64 \\\n  ${name}\n`],
  ])('pins a base written with %s', async (_, start) => {
    const dockerfile = `${start(base)}COPY a.txt /\n`;
    const { run } = await build(dockerfile, {
      pins: [pin(base, v1.digest)],
      dependencies: discovered(dockerfile),
    });
    expect(run?.error).toBeUndefined();
    expect((await registry.config('team/app', '1')).rootfs.diff_ids.slice(0, 2)).toEqual(v1.diffIds);
  });

  test.each([
    'node',
    'node:latest',
    'library/node',
    'docker.io/library/node',
    'docker.io/library/node:latest',
  ])('pins a Docker Hub name written as %s', async (written) => {
    const { run, log } = await build(`FROM ${written}\nCOPY a.txt /\n`, {
      pins: [
        { ...pin('docker.io/library/node:latest', v1.digest), reference: 'docker.io/library/node:latest' },
      ],
      dependencies: [dependency('docker.io/library/node:latest', { written })],
    });
    // There is no Docker Hub here: that it was asked for the digest is what counts.
    expect(run?.status).toBe('failure');
    expect(log).toContain(`FROM docker.io/library/node@${v1.digest}`);
  });

  test('pins images that files are copied and mounted from', async () => {
    const dockerfile = `FROM ${base} AS seen
RUN --mount=type=bind,from=${base},target=/m read x < /m/version && echo "$x" > /mounted
FROM scratch
COPY --from="${base}" /version /copied
COPY --from=seen /mounted /mounted
`;
    const dependencies = discovered(dockerfile);
    expect(dependencies.map(({ kind }) => kind).toSorted()).toEqual(['copy-from', 'from', 'mount-from']);
    const contentsOf = async (pins: BuildRequest['pins']) => {
      const { run } = await build(dockerfile, { pins, dependencies });
      expect(run?.error).toBeUndefined();
      const layer = (await registry.manifest('team/app', '1'))?.layers[0]?.digest ?? '';
      const { readTar } = await import('./layers/tar.ts');
      const { gunzipSync } = await import('node:zlib');
      const blob = await fetch(`http://${registry.host}/v2/team/app/blobs/${layer}`);
      const files = readTar(gunzipSync(await blob.arrayBuffer()));
      return files
        .filter((file) => file.type === 'file')
        .map((file) => `${file.path} ${file.content.toString().trim()}`);
    };
    expect(await contentsOf([pin(base, v1.digest)])).toEqual(['copied v1', 'mounted v1']);
    expect(await contentsOf([])).toEqual(['copied v2', 'mounted v2']);
  });

  test('does not push when buildah started from something else', async () => {
    // The dependency says a word that is not in the file: as if the reading of a word were wrong.
    const { run } = await build(
      `ARG T=1\nFROM ${base.replace(':1', ':${T}')}\n`,
      {
        pins: [pin(base, v1.digest)],
        dependencies: [dependency(base)],
      },
      {},
      { repository: 'team/never' },
    );
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect(run?.error).toContain('nothing was pushed');
    expect(await registry.manifest('team/never', '1')).toBeUndefined();
  });

  test('several platforms and tags come out as one index', async () => {
    const { run } = await build(
      'FROM scratch\nCOPY a.txt /a.txt\n',
      { platforms: [amd64, arm64] },
      {},
      { tags: ['2', 'latest'], repository: 'team/multi' },
    );
    expect(run).toMatchObject({ status: 'success' });
    const index = await registry.manifest('team/multi', '2');
    expect(index?.digest).toBe(run?.digest);
    expect((await registry.manifest('team/multi', 'latest'))?.digest).toBe(run?.digest);
    expect(index?.manifests?.map((item) => item.platform.architecture).toSorted()).toEqual([
      'amd64',
      'arm64',
    ]);
    const child = await registry.manifest('team/multi', index?.manifests?.[0]?.digest ?? '');
    expect(child?.annotations['io.image-factory.build-key']).toBe('k1');
  });

  test('refuses RUN for a platform that this machine cannot execute', async () => {
    const { run } = await build(`FROM ${base}\nRUN sleep 0\n`, {
      dependencies: [dependency(base)],
      platforms: ['linux/s390x' as PlatformName, amd64],
    });
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect(run?.error).toMatch(/^Dockerfile:2: .*linux\/s390x/);
  });

  test('a failing RUN is a failed run that says why', async () => {
    const { run, log } = await build(`FROM ${base}\nRUN echo the disk is on fire >&2; exit 7\n`, {
      dependencies: [dependency(base)],
    });
    expect(run).toMatchObject({ status: 'failure', code: 'BUILD_FAILED' });
    expect(run?.error).toContain('the disk is on fire');
    expect(run?.error).toContain('exit status 7');
    expect(log).toContain('the disk is on fire');
  });

  test('heredocs are refused before the build where buildah would misread them', async () => {
    const { run, log, local } = await build(`FROM ${base}\nRUN <<EOF\necho hi\nEOF\n`, {
      dependencies: [dependency(base)],
    });
    if (!/^1\.(?:2\d|3[0-2])\b/.test(local.tool.version)) {
      expect(run).toMatchObject({ status: 'success' });
      return;
    }
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect(run?.error).toMatch(/^Dockerfile:2: .*heredoc.*\n.*buildah 1\.33/);
    expect(log).not.toContain('$ buildah');
  });

  test('a base that has the name of a stage is refused rather than built unpinned', async () => {
    const { run } = await build('FROM node AS node\nFROM scratch\nCOPY --from=node / /\n', {
      pins: [pin('docker.io/library/node:latest', v1.digest)],
      dependencies: [dependency('docker.io/library/node:latest', { written: 'node' })],
    });
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect(run?.error).toContain('stage named "node"');
  });

  test('a build that takes too long is ended with everything it started', async () => {
    const mark = `60${process.pid}`;
    const { run, log } = await build(
      `FROM ${base}\nRUN sleep ${mark}\n`,
      { dependencies: [dependency(base)] },
      { timeout: 4000 },
      { repository: 'team/slow' },
    );
    expect(run).toMatchObject({ status: 'failure', code: 'BUILD_TIMEOUT' });
    expect(log).toContain(`RUN sleep ${mark}`);
    expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
  });

  test('cancel ends a running build, and a queued one before it starts', async () => {
    const { path, commit } = await repository({ Dockerfile: `FROM ${base}\nRUN sleep 60\n` });
    const wanted = buildRequest(enrolment(registry.host, { repository: 'team/cancelled' }, { repo: path }), {
      commit,
      dependencies: [dependency(base)],
    });
    const local = await builder({ concurrency: 1 });
    const first = await local.start(wanted);
    const queued = await local.start({ ...wanted, key: 'k2' });
    await local.cancel(wanted.image, queued.id);
    expect(await local.get(wanted.image, queued.id)).toMatchObject({ status: 'cancelled' });
    await expect
      .poll(() => readFile(first.log ?? '', 'utf8').catch(() => ''), { timeout: 20_000 })
      .toContain('RUN sleep');
    await local.cancel(wanted.image, first.id);
    expect(await local.find(wanted.image, 'k1', 1)).toMatchObject({ status: 'cancelled' });
  });

  test('the same commit gives the same layers when files carry the source’s time', async () => {
    const { path, commit } = await repository({
      Dockerfile: `FROM ${base}\nWORKDIR /w\nCOPY a.txt x/\nRUN echo 1 > /b\n`,
      'a.txt': 'a',
    });
    const local = await builder({ timestamps: 'source' });
    const layers = [];
    for (const key of ['r1', 'r2']) {
      const wanted = buildRequest(enrolment(registry.host, {}, { repo: path }), {
        key,
        commit,
        dependencies: [dependency(base)],
      });
      const run = await local.settled(wanted.image, (await local.start(wanted)).id);
      expect(run?.error).toBeUndefined();
      layers.push((await registry.config('team/app', '1')).rootfs.diff_ids);
    }
    expect(layers[0]).toEqual(layers[1]);
  });
});

async function processesWith(command: string): Promise<readonly string[]> {
  const { readdir } = await import('node:fs/promises');
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(command)) found.push(pid);
  }
  return found;
}
