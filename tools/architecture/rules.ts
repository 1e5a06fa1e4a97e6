import { posix } from 'node:path';
import { isTestFile, type Import, type SourceFile } from './source-file.ts';
import {
  adapterFolders,
  coreFolders,
  maxLines,
  notedLines,
  packageRows,
  typeOnlyFolders,
  type PackageRow,
} from './table.ts';
import type { Tree } from './tree.ts';

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

type Target =
  | { readonly kind: 'file'; readonly path: string; readonly packageName: string | undefined }
  | { readonly kind: 'node' }
  | { readonly kind: 'npm'; readonly name: string };

/** Every breach of the table, in the order of the files. */
export function findViolations(tree: Tree): Violation[] {
  const inFiles = tree.files.flatMap((file) => violationsOf(file, tree));
  return [...inFiles, ...findCycles(tree)];
}

/** Files that are long, and not yet too long. */
export function longFiles(tree: Tree): string[] {
  return tree.files
    .filter((file) => !file.isTest && file.lines > notedLines && file.lines <= maxLines)
    .map((file) => `${file.path}: ${file.lines} lines`);
}

/**
 * Source files of packages that no entry point reaches: dead, however well tested. The fakes in `testing` are reached by tests.
 */
export function unreachedFiles(tree: Tree, entries: readonly string[]): string[] {
  const known = new Map(tree.files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const open = tree.files.filter((file) => entries.some((entry) => file.path.startsWith(entry)));
  const testing = tree.files.filter((file) => file.isTest);

  function spread(from: SourceFile[], only: (path: string) => boolean): void {
    for (let file = from.pop(); file; file = from.pop()) {
      for (const each of file.imports) {
        const target = targetOf(file.path, each.specifier);
        const next = target.kind === 'file' ? known.get(target.path) : undefined;
        if (!next || reached.has(next.path) || !only(next.path)) continue;
        reached.add(next.path);
        from.push(next);
      }
    }
  }

  for (const file of open) reached.add(file.path);
  spread(open, () => true);
  spread(testing, (path) => packageOf(path) === 'testing');
  return tree.files
    .filter((file) => packageOf(file.path) !== undefined && !file.isTest && !reached.has(file.path))
    .map((file) => file.path);
}

export function formatViolation(violation: Violation): string {
  return `${violation.path}:${violation.line}: ${violation.rule}`;
}

function violationsOf(file: SourceFile, tree: Tree): Violation[] {
  const found: Violation[] = [];
  const report = (line: number, rule: string): void => void found.push({ path: file.path, line, rule });
  if (!file.isTest && file.lines > maxLines)
    report(maxLines, `${file.lines} lines, at most ${maxLines}: split it`);
  const packageName = packageOf(file.path);
  if (packageName === undefined) return found;
  const row = packageRows[packageName];
  if (!row) {
    report(1, `package ${packageName} has no row in tools/architecture/table.ts`);
    return found;
  }
  for (const each of file.imports) {
    const rule = importRule(file, packageName, row, each, tree);
    if (rule !== undefined) report(each.line, rule);
  }
  if (!file.isTest) {
    for (const use of file.globals) {
      if (row.forbidden.includes(use.name))
        report(use.line, `${packageName} may not use ${use.name}: hand it in as a value`);
    }
  }
  return found;
}

/** What is wrong with one import, or undefined. */
function importRule(
  file: SourceFile,
  packageName: string,
  row: PackageRow,
  each: Import,
  tree: Tree,
): string | undefined {
  const target = targetOf(file.path, each.specifier);
  if (target.kind === 'node') {
    if (file.isTest || row.node === 'all' || row.node.includes(each.specifier)) return undefined;
    return `${packageName} may not import ${each.specifier}`;
  }
  if (target.kind === 'npm') return npmRule(file, packageName, row, target.name, tree);
  if (!file.isTest && packageName !== 'testing' && isTestFile(target.path)) {
    return `only tests may import ${target.path}`;
  }
  if (target.packageName === undefined)
    return `${packageName} may not import ${target.path}: it is outside the packages`;
  if (target.packageName !== packageName) {
    if (each.specifier.startsWith('.')) return `reach another package by its name, not by ${each.specifier}`;
    const allowed = [...row.packages, ...(file.isTest ? row.packagesInTests : [])];
    return allowed.includes(target.packageName)
      ? undefined
      : `${packageName} may not import ${target.packageName}`;
  }
  if (packageName === 'core') return coreRule(file, target.path, each);
  return packageName === 'adapters' && !file.isTest ? adapterRule(file.path, target.path) : undefined;
}

function npmRule(
  file: SourceFile,
  packageName: string,
  row: PackageRow,
  name: string,
  tree: Tree,
): string | undefined {
  const declared = tree.declared.get(packageName);
  if (file.isTest && declared?.inTests.has(name)) return undefined;
  if (!declared?.own.has(name)) return `${packageName} does not declare ${name} in its package.json`;
  return row.npm === 'declared' || row.npm.includes(name)
    ? undefined
    : `${packageName} may not import ${name}`;
}

function coreRule(file: SourceFile, target: string, each: Import): string | undefined {
  const from = folderOf(file.path);
  const to = folderOf(target);
  const allowed = coreFolders[from];
  if (!allowed) return `core folder ${from} has no row in tools/architecture/table.ts`;
  if (!coreFolders[to]) return `core folder ${to} has no row in tools/architecture/table.ts`;
  if (file.isTest) return undefined;
  if (from === to) return undefined;
  if (!allowed.includes(to)) return `core/${from} may not import core/${to}`;
  if (each.typeOnly) return undefined;
  if (typeOnlyFolders.includes(from) && to !== '.') return `core/${from} may import only types of core/${to}`;
  return typeOnlyFolders.includes(to) ? `of core/${to} only types may be imported` : undefined;
}

function adapterRule(path: string, target: string): string | undefined {
  const from = folderOf(path);
  const to = folderOf(target);
  const allowed = adapterFolders[from];
  if (!allowed) return `adapter folder ${from} has no row in tools/architecture/table.ts`;
  return from === to || allowed.includes(to) ? undefined : `adapters/${from} may not import adapters/${to}`;
}

/**
 * The shortest cycle through each file that is on one, unless a shorter or earlier one has named it. Type imports count: two
 * files that need each other are one idea.
 */
function findCycles(tree: Tree): Violation[] {
  const next = new Map(
    tree.files.map((file) => {
      const targets = file.imports.map((each) => targetOf(file.path, each.specifier));
      return [file.path, targets.flatMap((target) => (target.kind === 'file' ? [target.path] : []))];
    }),
  );
  const cycles = tree.files.flatMap((file) => {
    const cycle = shortestCycle(file.path, next);
    return cycle ? [cycle] : [];
  });
  const named = new Set<string>();
  const found: Violation[] = [];
  for (const cycle of cycles.toSorted((a, b) => a.length - b.length)) {
    if (cycle.every((path) => named.has(path))) continue;
    for (const path of cycle) named.add(path);
    const [first = ''] = cycle;
    found.push({ path: first, line: 1, rule: `import cycle: ${[...cycle, first].join(' -> ')}` });
  }
  return found;
}

function shortestCycle(start: string, next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    for (const target of next.get(path) ?? []) {
      if (target === start) return trail(path, start, cameFrom);
      if (cameFrom.has(target) || !next.has(target)) continue;
      cameFrom.set(target, path);
      queue.push(target);
    }
  }
  return undefined;
}

function trail(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const steps = [end];
  for (let path = end; path !== start;) {
    path = cameFrom.get(path) ?? start;
    steps.unshift(path);
  }
  return steps;
}

function targetOf(path: string, specifier: string): Target {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    return { kind: 'file', path: target, packageName: packageOf(target) };
  }
  if (specifier.startsWith('node:')) return { kind: 'node' };
  const own = /^(?:@image-factory\/([^/]+)|image-factory)\/(.+)$/.exec(specifier);
  if (own) {
    const packageName = own[1] ?? 'cli';
    return { kind: 'file', path: `packages/${packageName}/src/${own[2] ?? ''}`, packageName };
  }
  const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[1] ?? specifier;
  return { kind: 'npm', name };
}

function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\/src\//.exec(path)?.[1];
}

/** The folder directly under `src`, or `.` for a file that stands there itself. */
function folderOf(path: string): string {
  const rest = path.split('/').slice(3);
  return rest.length > 1 ? (rest[0] ?? '.') : '.';
}
