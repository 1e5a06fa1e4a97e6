import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseReference } from '@image-factory/core/reference/parse.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCommand } from './bootstrap/commands.mjs';
import { buildLocalBase } from './image/local-base.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const usable = findCommand('buildah', process.env) !== undefined && process.getuid?.() === 0;
if (!usable) console.log('skipped: building the image needs buildah and root');

describe('the Dockerfile', () => {
  it('takes every base by digest', () => {
    const defaults = new Map(
      [...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value] as const),
    );
    const froms = [...dockerfile.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, from = '']) =>
      from.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => defaults.get(name) ?? ''),
    );
    const stages = new Set([...dockerfile.matchAll(/ AS (\w+)$/gm)].map(([, name]) => name));
    const bases = [...new Set(froms)].filter((from) => from !== 'scratch' && !stages.has(from));
    expect(bases).toHaveLength(1);
    for (const base of bases) {
      const parsed = parseReference(base);
      expect(parsed.ok && parsed.value.digest, base).toMatch(/^sha256:[0-9a-f]{64}$/);
    }
  });

  it('runs as a number that is not root, and says so to Kubernetes', () => {
    expect(/^USER (\S+)$/m.exec(dockerfile)?.[1]).toBe('65532:65532');
  });
});

describe.skipIf(!usable)('the image, on a base of what this machine has', () => {
  let folder: string;
  let buildah: readonly string[];
  const image = 'localhost/image-factory:test';

  async function call(...args: readonly string[]): Promise<string> {
    const [command = '', ...first] = buildah;
    return (await run(command, [...first, ...args], { cwd: root, maxBuffer: 2 ** 26 })).stdout;
  }

  beforeAll(async () => {
    if (!existsSync(join(root, 'packages/cli/dist/main.js')))
      execFileSync('node', ['tools/build.mjs'], { cwd: root });
    folder = await mkdtemp(join(tmpdir(), 'image-factory-image-'));
    buildah = [
      'buildah',
      '--root',
      join(folder, 'storage'),
      '--runroot',
      join(folder, 'run'),
      '--storage-driver',
      'vfs',
    ];
    await buildLocalBase({ buildah, folder, node: process.execPath, name: 'localhost/node:local' });
    const given = ['NODE=localhost/node:local', 'BUNDLE=prebuilt'].flatMap((each) => ['--build-arg', each]);
    await call('bud', '--isolation', 'chroot', '--quiet', '--tag', image, ...given, '.');
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is configured for a pod that may write nothing but /tmp', async () => {
    const { OCIv1 } = JSON.parse(await call('inspect', '--type', 'image', image)) as {
      OCIv1: { config: Record<string, unknown> };
    };
    expect(OCIv1.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['image-factory'],
      Cmd: ['serve', '--listen', '0.0.0.0:8480'],
      ExposedPorts: { '8480/tcp': {} },
      Env: expect.arrayContaining(['HOME=/tmp', 'IMAGE_FACTORY_CACHE_DIR=/tmp/image-factory']),
    });
  });

  it('runs every command as nobody, and has git', { timeout: 120_000 }, async () => {
    const container = (await call('from', image)).trim();
    const inside = (...command: readonly string[]) =>
      call('run', '--isolation', 'chroot', container, '--', ...command);
    const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as {
      version: string;
    };
    expect((await inside('image-factory', '--version')).trim()).toBe(version);
    expect((await inside('id', '-u')).trim()).toBe('65532');
    expect(await inside('git', '--version')).toContain('git version');
    const wrote = await inside('sh', '-c', 'echo x > /opt/image-factory/x 2>/dev/null || echo refused');
    expect(wrote.trim()).toBe('refused');
    // A command that needs git and its own files: a factory directory that is empty.
    const said = await inside(
      'sh',
      '-c',
      'cd /tmp && image-factory init && image-factory validate && image-factory plan --offline',
    );
    expect(said).toContain('valid: 0 images');
  });

  it('holds the bundle and nothing of the source', async () => {
    const container = (await call('from', image)).trim();
    const files = await call(
      'run',
      '--isolation',
      'chroot',
      container,
      '--',
      'sh',
      '-c',
      'echo /opt/image-factory/* /source*',
    );
    expect(files.trim().split(' ')).toEqual([
      '/opt/image-factory/dist',
      '/opt/image-factory/package.json',
      '/source*',
    ]);
  });
});
