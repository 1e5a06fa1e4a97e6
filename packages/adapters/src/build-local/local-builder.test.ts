import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRequest } from '@image-factory/testing/records.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLocalBuilder } from './local-builder.ts';
import { builderOptions, hasBuildah, repository, temporary } from './test-place.ts';
import { startTestRegistry } from './test-registry.ts';
import { dependency, enrolment } from './test-request.ts';

const childScript = fileURLToPath(new URL('./test-recovery-child.ts', import.meta.url));

describe.skipIf(!hasBuildah)('a builder that is killed', () => {
  let registry: Awaited<ReturnType<typeof startTestRegistry>>;
  let base: string;
  beforeAll(async () => {
    registry = await startTestRegistry();
    base = `${registry.host}/team/base:1`;
    await registry.pushBase('team/base', '1', 'v1');
  });
  afterAll(() => registry.stop());

  async function killedIn(mode: 'building' | 'pushed', dockerfile: string) {
    const workDir = await temporary();
    const { path, commit } = await repository({ Dockerfile: dockerfile, 'a.txt': 'a' });
    const child = spawn(process.execPath, [childScript, workDir, registry.host, path, commit, base, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: process.env,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const log = join(workDir, 'logs', `app-${mode}-1.log`);
    if (mode === 'pushed') await expect.poll(() => output, { timeout: 20_000 }).toContain('pushed');
    else
      await expect
        .poll(() => readFile(log, 'utf8').catch(() => ''), { timeout: 20_000 })
        .toContain('RUN sleep');
    const after = await createLocalBuilder(builderOptions(workDir, registry));
    onTestFinished(() => after.close());
    const wanted = buildRequest(enrolment(registry.host, {}, { repo: path }), {
      commit,
      dependencies: [dependency(base)],
      key: mode,
    });
    expect(await after.find(wanted.image, mode, 1)).toMatchObject({ status: 'running' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    return { after, wanted };
  }

  test('in the middle of RUN: found as interrupted, nothing of it runs on, and the next attempt builds', async () => {
    const mark = `59${process.pid}`;
    const { after, wanted } = await killedIn('building', `FROM ${base}\nRUN sleep ${mark}\n`);
    expect(await after.find(wanted.image, 'building', 1)).toMatchObject({
      status: 'cancelled',
      error: expect.stringContaining('interrupted') as string,
    });
    expect(await after.get(wanted.image, 'app-building-1')).toMatchObject({ status: 'cancelled' });
    await expect.poll(() => running(`sleep\0${mark}`)).toBe(false);
    expect(await registry.manifest('team/app', '1')).toBeUndefined();
    const again = await after.start({
      ...wanted,
      attempt: 2,
      image: enrolment(
        registry.host,
        {},
        { repo: (await repository({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })).path },
      ),
      commit: undefined,
      dependencies: [],
    });
    expect(await after.settled(wanted.image, again.id)).toMatchObject({ status: 'success' });
  });

  test('after the push and before the record: found as the success that it is', async () => {
    const { after, wanted } = await killedIn('pushed', `FROM ${base}\nCOPY a.txt /\n`);
    const digest = (await registry.manifest('team/app', '1'))?.digest;
    expect(digest).toMatch(/^sha256:/);
    expect(await after.find(wanted.image, 'pushed', 1)).toMatchObject({ status: 'success', digest });
    // The same answer without the registry: it is on record now.
    expect(await after.start(wanted)).toMatchObject({ status: 'success', digest });
    // And with the record's disk lost, the registry still knows.
    const elsewhere = await createLocalBuilder(builderOptions(await temporary(), registry));
    expect(await elsewhere.find(wanted.image, 'pushed', 1)).toMatchObject({ status: 'success', digest });
    expect(await elsewhere.find(wanted.image, 'pushed', 2)).toBeUndefined();
    expect(await elsewhere.find(wanted.image, 'other', 1)).toBeUndefined();
  });

  test('two processes that start the same attempt build once', async () => {
    const workDir = await temporary();
    const { path, commit } = await repository({ Dockerfile: 'FROM scratch\nCOPY a.txt /\n', 'a.txt': 'a' });
    const wanted = buildRequest(enrolment(registry.host, { repository: 'team/once' }, { repo: path }), {
      commit,
      key: 'once',
    });
    const builders = await Promise.all(
      Array.from({ length: 4 }, () => createLocalBuilder(builderOptions(workDir, registry))),
    );
    const runs = await Promise.all(builders.map((builder) => builder.start(wanted)));
    expect(new Set(runs.map((run) => run.id)).size).toBe(1);
    await Promise.all(builders.map((builder) => builder.settled(wanted.image, runs[0]?.id ?? '')));
    const run = await builders[0]?.get(wanted.image, runs[0]?.id ?? '');
    expect(run).toMatchObject({ status: 'success' });
    const log = await readFile(run?.log ?? '', 'utf8');
    expect(log.match(/^\$ buildah .* push /gm)).toHaveLength(1);
    expect(builders[0]?.capabilities()).toEqual({ exactlyOnce: true, inProcess: true });
  });

  test('another process may cancel', async () => {
    const workDir = await temporary();
    const { path, commit } = await repository({ Dockerfile: `FROM ${base}\nRUN sleep 60\n` });
    const wanted = buildRequest(enrolment(registry.host, {}, { repo: path }), {
      commit,
      dependencies: [dependency(base)],
      key: 'far',
    });
    const [owner, other] = await Promise.all([
      createLocalBuilder(builderOptions(workDir, registry)),
      createLocalBuilder(builderOptions(workDir, registry)),
    ]);
    const run = await owner.start(wanted);
    await other.cancel(wanted.image, run.id);
    expect(await owner.settled(wanted.image, run.id)).toMatchObject({ status: 'cancelled' });
  });
});

test('ids that could leave the directory are refused, and unknown or foreign ones are unknown', async () => {
  const workDir = await temporary();
  const registry = {
    host: 'r.example',
    port: { look: async () => ({ kind: 'absent' as const }), describe: async () => undefined },
  };
  const builder = await createLocalBuilder({ ...builderOptions(workDir, registry as never), tool: 'layers' });
  const image = enrolment('r.example');
  await expect(builder.get(image, '../../etc/passwd')).rejects.toMatchObject({
    problem: { code: 'NOT_FOUND' },
  });
  expect(await builder.get(image, 'app-k-1')).toBeUndefined();
  expect(await builder.find(image, 'k', 1)).toBeUndefined();
  await builder.cancel(image, 'app-k-1');
});

test('a record that is no record is reported, not overwritten', async () => {
  const workDir = await temporary();
  const registry = {
    host: 'r.example',
    port: { look: async () => ({ kind: 'absent' as const }), describe: async () => undefined },
  };
  const builder = await createLocalBuilder({ ...builderOptions(workDir, registry as never), tool: 'layers' });
  const image = enrolment('r.example', {}, { repo: workDir });
  await builder.start(buildRequest(image));
  await builder.close();
  const file = join(workDir, 'runs', 'app-k1-1.json');
  await writeFile(file, '{"version":1');
  await expect(builder.find(image, 'k1', 1)).rejects.toMatchObject({ problem: { code: 'STATE_CORRUPT' } });
  await expect(builder.start(buildRequest(image))).rejects.toMatchObject({
    problem: { code: 'STATE_CORRUPT' },
  });
  expect(await readFile(file, 'utf8')).toBe('{"version":1');
});

test('says which builder is missing', async () => {
  const workDir = await temporary();
  const options = builderOptions(workDir, { host: 'r.example' } as never, {
    tool: 'auto',
    environment: { PATH: workDir },
  });
  await expect(createLocalBuilder(options)).rejects.toMatchObject({ problem: { code: 'BUILDER_MISSING' } });
});

async function running(command: string): Promise<boolean> {
  const { readdir } = await import('node:fs/promises');
  for (const pid of await readdir('/proc')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(command)) return true;
  }
  return false;
}
