import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultOf, linksOf } from './page-links.ts';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const isCi = (process.env['CI'] ?? '') !== '' && process.env['CI'] !== 'false';
const otherNode = '22.22.2';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Of the environment only what a stranger's shell has too: nothing of npm, nothing of this clone. */
function strangerEnv(nodeFolder: string, home: string): Record<string, string> {
  return { PATH: [nodeFolder, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter), HOME: home };
}

describe('the published package', () => {
  let folder: string;
  let packed: Packed;
  let manifest: { readonly version: string; readonly dependencies?: unknown };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-factory-package-'));
    const { stdout } = await run(
      'npm',
      ['pack', '-w', 'image-factory', '--json', '--pack-destination', folder],
      {
        cwd: root,
      },
    );
    // npm 10 and 11 print a list, npm 12 an object by name.
    const printed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
    packed = Object.values(printed)[0] ?? { filename: '', files: [] };
    manifest = JSON.parse(await readFile(join(root, 'packages/cli/package.json'), 'utf8'));
    await run('npm', ['install', '-g', '--offline', '--prefix', folder, join(folder, packed.filename)], {
      env: strangerEnv(dirname(process.execPath), folder),
    });
  }, 120_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function version(nodeFolder: string): Promise<{ node: string; printed: string }> {
    const env = strangerEnv(nodeFolder, folder);
    const node = await run(join(nodeFolder, 'node'), ['--version'], { env });
    const command = await run(join(folder, 'bin/image-factory'), ['--version'], { env, cwd: folder });
    return { node: node.stdout.trim(), printed: command.stdout.trim() };
  }

  it('holds the bundle, the licences and nothing of the source', () => {
    const paths = packed.files.map((file) => file.path);
    const documents = ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs/README.md', 'docs/reference/errors.md'];
    expect(paths).toEqual(
      expect.arrayContaining([...documents, 'dist/main.js', 'dist/THIRD-PARTY-LICENSES.txt', 'package.json']),
    );
    expect(
      paths.filter(
        (path) => !/^(dist\/|docs\/.*\.md$|LICENSE$|README\.md$|CHANGELOG\.md$|package\.json$)/.test(path),
      ),
    ).toEqual([]);
    expect(packed.files.find((file) => file.path === 'dist/main.js')?.mode).toBe(0o755);
  });

  it('has no page with a link that leads nowhere', () => {
    const place = join(folder, 'lib/node_modules/image-factory');
    const pages = packed.files.flatMap(({ path }) => (path.endsWith('.md') ? [path] : []));
    const links = pages.flatMap((page) => linksOf(place, page));
    expect(links.length).toBeGreaterThan(40);
    expect(links.flatMap((link) => faultOf(place, link) ?? [])).toEqual([]);
  });

  it('needs nothing else at run time', () => {
    expect(manifest.dependencies).toBeUndefined();
  });

  it('names every package that is in the bundle', async () => {
    const texts = await readFile(
      join(folder, 'lib/node_modules/image-factory/dist/THIRD-PARTY-LICENSES.txt'),
      'utf8',
    );
    expect(texts).toMatch(/^commander \d+\.\d+\.\d+ \(MIT\)$/m);
  });

  it('installs and runs on the Node of this run', async () => {
    expect(await version(dirname(process.execPath))).toEqual({
      node: process.version,
      printed: manifest.version,
    });
  });

  it('says which Node it needs where Node is older', async () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })`;
    const env = strangerEnv(dirname(process.execPath), folder);
    const preloaded = { ...env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}` };
    const started = run(join(folder, 'bin/image-factory'), ['--version'], { env: preloaded, cwd: folder });
    await expect(started).rejects.toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/needs Node 22\.22\.2 .*this is 20\.19\.0\n$/),
    });
  });

  it(`installs and runs on Node ${otherNode}`, { timeout: 300_000 }, async ({ skip }) => {
    const other = await installNode(otherNode).catch((error: unknown) => {
      if (isCi) throw error;
      skip(`Node ${otherNode} could not be installed from npm: ${String(error).slice(0, 200)}`);
    });
    expect(await version(other ?? '')).toEqual({ node: `v${otherNode}`, printed: manifest.version });
  });
});

/** The environment without what npm hands to its scripts: a nested npm would take our settings for its own. */
function ownEnv(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: folders.join(delimiter) };
}

/** The folder of that Node's binary, from npm, kept in `.cache` for the next run. */
async function installNode(wanted: string): Promise<string> {
  const place = join(root, '.cache', `node-${wanted}`);
  const bin = join(place, 'node_modules/node/bin');
  if (!existsSync(join(bin, 'node'))) {
    await mkdir(place, { recursive: true });
    // A project of its own, so that npm does not take the clone around it for the project.
    const project = { private: true, allowScripts: { node: true } };
    await writeFile(join(place, 'package.json'), JSON.stringify(project));
    await run('npm', ['install', '--no-save', '--fetch-retries=1', `node@${wanted}`], {
      cwd: place,
      env: ownEnv(),
    });
  }
  return bin;
}
