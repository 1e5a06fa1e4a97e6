// Bundles the command line into packages/cli/dist: what `npm pack -w image-factory` publishes.
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { withLock } from './bootstrap/lock.mjs';
import { copyDocuments } from './packed-documents.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'packages/cli');
const dist = join(cli, 'dist');

/**
 * Starts the bundle with V8's code cache, which saves a quarter of the start. The cache lies in the user's own folder and not
 * in the shared temporary one, where somebody else could plant code. npm only warns of an older Node, which must be able to
 * read the launcher, so that it is told so and not shown the first thing that it cannot import.
 */
const launcher = `#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';
if (Number.parseInt(process.versions.node) < 22) {
  console.error('error image-factory needs Node 22.22.2 or newer of the 22 line, 24.15 or newer of the 24 line, or 26 and later; this is ' + process.versions.node);
  process.exit(3);
}
const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, '.cache'));
if (cache) module.enableCompileCache(join(cache, 'image-factory', 'compiled'));
await import('./command.js');
`;

/**
 * zod brings its messages in fifty languages, half of its size, and has to be read at every start; ours are English.
 *
 * @type {import('esbuild').Plugin}
 */
const onlyEnglish = {
  name: 'only-english',
  setup(building) {
    building.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * Commander starts no subcommands of ours as programs and prints colours in its help at most, but what it imports for
 * that takes a fifth of a start. Node makes a module's every export when it is imported, so it is taken when it is used.
 *
 * @type {import('esbuild').Plugin}
 */
const lateForCommander = {
  name: 'late-for-commander',
  setup(building) {
    const modules = new Map([
      ['node:process', 'module.exports = process;'],
      ['node:util', late('node:util', 'stripVTControlCharacters')],
      ['node:child_process', late('node:child_process', 'spawn')],
    ]);
    building.onResolve({ filter: /^node:/ }, ({ importer, path }) =>
      importer.includes('/node_modules/commander/') && modules.has(path)
        ? { path, namespace: 'late-for-commander' }
        : undefined,
    );
    building.onLoad({ filter: /./, namespace: 'late-for-commander' }, ({ path }) => ({
      contents: modules.get(path) ?? '',
    }));
  },
};

/**
 * @param {string} module
 * @param {string} name
 */
function late(module, name) {
  return `module.exports = { ${name}: (...given) => process.getBuiltinModule('${module}').${name}(...given) };`;
}

await withLock(
  `build ${root}`,
  () => console.error('build: waiting for another build of this clone'),
  buildPackage,
);

async function buildPackage() {
  const began = performance.now();
  const target = await mkdtemp(join(cli, '.dist-'));
  try {
    const result = await build({
      entryPoints: { command: join(cli, 'src/main.ts') },
      outdir: target,
      absWorkingDir: root,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      // Names stay: a stack in a bug report must be readable.
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'none',
      metafile: true,
      plugins: [onlyEnglish, lateForCommander],
      // Libraries in CommonJS form ask for Node's own modules by require.
      banner: {
        js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);",
      },
    });
    await writeFile(join(target, 'main.js'), launcher);
    await chmod(join(target, 'main.js'), 0o755);
    await writeFile(
      join(target, 'THIRD-PARTY-LICENSES.txt'),
      await licences(Object.keys(result.metafile.inputs)),
    );
    await chmod(target, 0o755);
    await replace(target, dist);
  } finally {
    await rm(target, { recursive: true, force: true });
  }
  await copyDocuments(root, cli);
  console.error(`build: packages/cli/dist in ${Math.round(performance.now() - began)} ms`);
}

/**
 * Puts the new folder in the old one's place: a command that starts meanwhile finds one or the other.
 *
 * @param {string} target
 * @param {string} place
 */
async function replace(target, place) {
  const old = `${target}-old`;
  if (existsSync(place)) await rename(place, old);
  await rename(target, place);
  await rm(old, { recursive: true, force: true });
}

/**
 * The licence texts of every package that went into the bundle. A package without one stops the build.
 *
 * @param {readonly string[]} inputs
 */
async function licences(inputs) {
  const packages = inputs
    .map((input) => /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
    .filter((folder) => folder !== undefined);
  const texts = [...new Set(packages)].toSorted().map(async (folder) => {
    /** @type {{ name: string, version: string, license?: string }} */
    const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const file = (await readdir(join(root, folder))).find((name) => /^licen[cs]e(\.|$)/i.test(name));
    if (!file) throw new Error(`${manifest.name} has no licence file and cannot go into the bundle`);
    const text = await readFile(join(root, folder, file), 'utf8');
    return `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})\n\n${text.trim()}\n`;
  });
  const heading = 'Image Factory contains code of these packages, each under its own licence.\n';
  return [heading, ...(await Promise.all(texts))].join(`\n${'-'.repeat(79)}\n\n`);
}
