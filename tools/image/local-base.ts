import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Programs that the Dockerfile's RUN and the command line need. */
const programs = ['/bin/sh', '/usr/bin/env', '/bin/rm', '/bin/ln', '/bin/cat', '/usr/bin/id'];

/**
 * A base image for the Dockerfile made of what this machine has: Node, git, a shell and the libraries that they load.
 * It stands in for the one that is pinned there and cannot be had without a registry.
 */
export async function buildLocalBase(options: {
  readonly buildah: readonly string[];
  readonly folder: string;
  readonly node: string;
  readonly name: string;
}): Promise<void> {
  const { buildah, folder, node, name } = options;
  const core = (await run('git', ['--exec-path'])).stdout.trim();
  const helpers = (await readdir(core)).filter((file) => /^git(-remote-https?)?$/.test(file));
  const files = new Map<string, string>([
    ...programs.map((path) => [path, path] as const),
    ['/usr/local/bin/node', node],
    ['/usr/bin/git', (await run('sh', ['-c', 'command -v git'])).stdout.trim()],
    ...helpers.map((file) => [join(core, file), join(core, file)] as const),
  ]);
  const libraries = new Set((await Promise.all([...files.values()].map(librariesOf))).flat());
  for (const path of libraries) files.set(path, path);
  const tree = join(folder, 'tree');
  for (const [path, source] of files) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), await readFile(await realpath(source)), { mode: 0o755 });
  }
  for (const empty of ['tmp', 'etc', 'proc', 'sys', 'dev', 'opt']) await mkdir(join(tree, empty));
  await chmod(join(tree, 'tmp'), 0o1777);
  const [command = 'buildah', ...args] = buildah;
  const container = (
    await run(command, [...args, 'from', '--name', basename(folder), 'scratch'])
  ).stdout.trim();
  await run(command, [...args, 'add', '--quiet', container, tree, '/']);
  await run(command, [...args, 'config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container]);
  await run(command, [...args, 'commit', '--quiet', '--rm', container, name]);
}

async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run('ldd', [program]).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(/(\/[^\s:]+)\s+\(0x/g)].flatMap((match) => match[1] ?? []);
}
