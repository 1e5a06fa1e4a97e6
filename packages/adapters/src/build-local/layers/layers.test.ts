import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { buildRequest, amd64, arm64 } from '@image-factory/testing/records.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalBuilder } from '../local-builder.ts';
import type { LocalBuilderOptions } from '../local-builder-options.ts';
import { builderOptions, temporary } from '../test-place.ts';
import { readingRegistry, type TestRegistry } from '../test-registry.ts';
import { dependency, enrolment, pin } from '../test-request.ts';
import { readTar } from './tar.ts';

describe('the layers builder', () => {
  let registry: FakeRegistry;
  let reading: TestRegistry;
  let base: string;

  beforeAll(async () => {
    registry = await startRegistry();
    reading = readingRegistry(registry.host);
    base = `${registry.host}/team/base:1`;
  });
  afterAll(() => registry.close());

  async function build(
    files: Readonly<Record<string, string>>,
    fields: Partial<BuildRequest> = {},
    source: Parameters<typeof enrolment>[2] = {},
    options: Partial<LocalBuilderOptions> = {},
  ) {
    const repo = await temporary();
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(repo, name)), { recursive: true });
      await writeFile(join(repo, name), text);
    }
    const builder = await createLocalBuilder(
      builderOptions(await temporary(), reading, { tool: 'layers', ...options }),
    );
    const image = enrolment(registry.host, { tags: ['1', '2'] }, { repo, ...source });
    const started = await builder.start(buildRequest(image, fields));
    const run = await builder.settled(image, started.id);
    return { run, log: await readFile(started.log ?? '', 'utf8') };
  }

  async function filesOf(layer: number, name = '1') {
    const digest = (await reading.manifest('team/app', name))?.layers.at(layer)?.digest ?? '';
    const blob = await fetch(`http://${registry.host}/v2/team/app/blobs/${digest}`);
    return readTar(gunzipSync(await blob.arrayBuffer()));
  }

  test('puts the files on the pinned digest and says what was built', async () => {
    const v1 = await registry.pushImage('team/base', '1', {
      layers: ['v1'],
      config: { Env: ['PATH=/bin', 'A=1'], Labels: { from: 'base' } },
    });
    await registry.pushImage('team/base', '1', { layers: ['v2'] });
    const dockerfile = `ARG T=1
FROM ${base.replace(':1', ':${T}')}
ARG WHO=nobody
ENV B="$A and \${WHO:-x}" C=3
LABEL by=$WHO
WORKDIR /srv
WORKDIR app
COPY --chown=10:20 --chmod=0750 src/ ./
COPY ["one file", "/opt/"]
EXPOSE 80
USER 10
CMD ["serve", "--fast"]
`;
    const { run } = await build(
      { Dockerfile: dockerfile, 'src/a': 'a', 'src/deep/b': 'b', 'one file': '1' },
      {
        pins: [pin(base, v1.descriptor.digest)],
        dependencies: [dependency(base, { written: base.replace(':1', ':${T}') })],
      },
      { buildArgs: { WHO: 'me' } },
    );
    expect(run).toMatchObject({ status: 'success' });
    const manifest = await reading.manifest('team/app', '1');
    expect(manifest?.digest).toBe(run?.digest);
    expect((await reading.manifest('team/app', '2'))?.digest).toBe(run?.digest);
    expect(manifest?.annotations).toMatchObject({
      'org.opencontainers.image.base.digest': v1.descriptor.digest,
      'io.image-factory.build-key': 'k1',
    });
    const config = await reading.config('team/app', '1');
    expect(config.rootfs.diff_ids.slice(0, 1)).toEqual(v1.diffIds);
    expect(config.rootfs.diff_ids).toHaveLength(3);
    expect(config.config).toEqual({
      Env: ['PATH=/bin', 'A=1', 'B=1 and me', 'C=3'],
      Labels: { from: 'base', by: 'me' },
      WorkingDir: '/srv/app',
      ExposedPorts: { '80/tcp': {} },
      User: '10',
      Cmd: ['serve', '--fast'],
    });
    expect((await filesOf(1)).map(({ path, type, mode, uid, gid }) => [path, type, mode, uid, gid])).toEqual([
      ['srv/app/a', 'file', 0o750, 10, 20],
      ['srv/app/deep', 'directory', 0o750, 10, 20],
      ['srv/app/deep/b', 'file', 0o750, 10, 20],
    ]);
    expect((await filesOf(2)).map(({ path, content }) => [path, content.toString()])).toEqual([
      ['opt/one file', '1'],
    ]);
  });

  test('copies from images at their pins, and from stages by name and number, later layers winning', async () => {
    const tools = `${registry.host}/team/tools:1`;
    const pinned = await registry.pushImage('team/tools', '1', {
      layers: [
        { 'bin/tool': 'old', 'etc/gone': 'x' },
        { 'bin/tool': 'new', 'etc/.wh.gone': '' },
      ],
    });
    await registry.pushImage('team/tools', '1', { layers: [{ 'bin/tool': 'unapproved' }] });
    const dockerfile = `FROM scratch AS assets
COPY a /made/a
FROM scratch AS unused
COPY missing /
FROM scratch
COPY --from="${tools}" /bin /bin
COPY --from=${tools} /etc /etc
COPY --from=ASSETS /made/a /one
COPY --from=0 /made /two
`;
    const { run } = await build(
      { Dockerfile: dockerfile, a: 'a' },
      {
        pins: [pin(tools, pinned.descriptor.digest)],
        dependencies: [dependency(tools, { kind: 'copy-from', final: false, written: tools })],
      },
    );
    expect(run).toMatchObject({ status: 'success' });
    const contents = [];
    for (const layer of [0, 1, 2, 3])
      contents.push((await filesOf(layer)).map(({ path, content }) => `${path} ${content.toString()}`));
    expect(contents).toEqual([['bin/tool new'], [], ['one a'], ['two/a a']]);
  });

  test('several platforms come out as an index, each on its own part of the base', async () => {
    const index = await registry.pushIndex('team/base', 'multi', [
      { platform: 'linux/amd64', layers: ['amd'] },
      { platform: 'linux/arm64', layers: ['arm'] },
    ]);
    const reference = `${registry.host}/team/base:multi`;
    const { run } = await build(
      { Dockerfile: `FROM ${reference}\nARG TARGETARCH\nENV ON=$TARGETARCH\nCOPY Dockerfile /\n` },
      {
        pins: [pin(reference, index.descriptor.digest)],
        dependencies: [dependency(reference)],
        platforms: [amd64, arm64],
      },
    );
    expect(run).toMatchObject({ status: 'success' });
    const made = await reading.manifest('team/app', '1');
    expect(made?.manifests?.map((item) => item.platform.architecture)).toEqual(['amd64', 'arm64']);
    for (const [position, architecture] of ['amd64', 'arm64'].entries()) {
      const config = await reading.config('team/app', made?.manifests?.[position]?.digest ?? '');
      expect(config.rootfs.diff_ids[0]).toBe(index.children[position]?.diffIds[0]);
      expect(config.config['Env']).toEqual([`ON=${architecture}`]);
    }
    expect(made?.annotations['io.image-factory.build-key']).toBe('k1');
  });

  test('a file goes into a directory that the base has', async () => {
    await registry.pushImage('team/base', 'dirs', { layers: [{ 'srv/x': 'x' }] });
    const reference = `${registry.host}/team/base:dirs`;
    const { run } = await build(
      { Dockerfile: `FROM ${reference}\nCOPY a /srv\nCOPY a /new\n`, a: 'a' },
      { dependencies: [dependency(reference)] },
    );
    expect(run?.error).toBeUndefined();
    expect((await filesOf(1)).map(({ path }) => path)).toEqual(['srv/a']);
    expect((await filesOf(2)).map(({ path }) => path)).toEqual(['new']);
  });

  test('long names survive', async () => {
    const name = `${'d'.repeat(90)}/${'ü'.repeat(60)}`;
    const { run } = await build({ Dockerfile: 'FROM scratch\nCOPY src /\n', [`src/${name}`]: 'x' });
    expect(run).toMatchObject({ status: 'success' });
    expect((await filesOf(0)).map(({ path }) => path)).toEqual(['d'.repeat(90), name]);
  });

  test.each([
    ['RUN true', /Dockerfile:2: .*RUN executes/],
    ['HEALTHCHECK NONE', /HEALTHCHECK/],
    ['COPY <<EOF /x\nEOF', /heredoc/],
    ['COPY --parents a /x', /--parents/],
    ['COPY *.txt /x', /\*\.txt/],
    ['ADD https://example.com/x /x', /https:/],
    ['COPY ../../etc/passwd /x', /does not exist/],
    ['COPY none /x', /"none" does not exist/],
    ['ENV A=${B%x}', /expansion/],
    ['COPY --from=docker.io/library/node:22 / /', /discovery does not know/],
  ])('refuses %s', async (step, message) => {
    const before = (await reading.manifest('team/app', '1'))?.digest;
    const { run } = await build({ Dockerfile: `FROM scratch\n${step}\n` });
    expect(run).toMatchObject({ status: 'failure', code: 'BUILDER_UNSUPPORTED' });
    expect(run?.error).toMatch(message);
    expect((await reading.manifest('team/app', '1'))?.digest).toBe(before);
  });

  test('refuses a context with .dockerignore, and a pin that nothing uses', async () => {
    expect((await build({ Dockerfile: 'FROM scratch\n', '.dockerignore': 'x' })).run).toMatchObject({
      code: 'BUILDER_UNSUPPORTED',
    });
    const digest = (await registry.pushImage('team/base', 'x')).descriptor.digest;
    expect((await build({ Dockerfile: 'FROM scratch\n' }, { pins: [pin(base, digest)] })).run).toMatchObject({
      code: 'BUILDER_UNSUPPORTED',
    });
  });

  test('speaks plain HTTP only to registries that are configured so', async () => {
    const { run } = await build(
      { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' },
      {},
      {},
      { registries: {} },
    );
    expect(run).toMatchObject({ status: 'failure', code: 'REGISTRY_UNREACHABLE' });
  });
});
