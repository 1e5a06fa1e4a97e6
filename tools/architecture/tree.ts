import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSource, type SourceFile } from './source-file.ts';

export interface Tree {
  readonly files: readonly SourceFile[];
  /** Package folder to the npm packages that its package.json names for use at run time, then those for its tests. */
  readonly declared: ReadonlyMap<
    string,
    { readonly own: ReadonlySet<string>; readonly inTests: ReadonlySet<string> }
  >;
}

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

/** Reads every source file of a repository with this layout. */
export function readTree(root: string): Tree {
  const paths = globSync('{packages/*/src,tools,bench}/**/*.{ts,mjs}', { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/\/(node_modules|testdata|dist)\//.test(path))
    .toSorted();
  const files = paths.map((path) => readSource(path, readFileSync(join(root, path), 'utf8')));
  const shared = Object.keys(readManifest(join(root, 'package.json')).devDependencies ?? {});
  const folders = new Set(globSync('packages/*/', { cwd: root }).map((path) => path.split(/[\\/]/)[1] ?? ''));
  const declared = new Map(
    [...folders].map((folder) => {
      const manifest = readManifest(join(root, 'packages', folder, 'package.json'));
      const own = Object.keys(manifest.dependencies ?? {});
      const development = Object.keys(manifest.devDependencies ?? {});
      // The command is published as a bundle: what goes into it are development dependencies. The fakes run in tests only.
      const atRunTime =
        folder === 'cli' ? [...own, ...development] : folder === 'testing' ? [...own, ...shared] : own;
      return [folder, { own: new Set(atRunTime), inTests: new Set([...own, ...development, ...shared]) }];
    }),
  );
  return { files, declared };
}

function readManifest(file: string): Manifest {
  if (!existsSync(file)) return {};
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}
