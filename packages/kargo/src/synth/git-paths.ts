/** A path as Kargo takes it literally: some beginnings would make a pattern of it. */
export function literalPath(path: string): string {
  if (!/^(?:glob|regexp?):/.test(path)) return path;
  return `regex:^${path.replace(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`)}(/|$)`;
}

/** Without those that lie within another one, sorted; undefined where the root is among them: everything counts. */
export function pathsWithin(paths: readonly string[]): readonly string[] | undefined {
  if (paths.includes('.')) return undefined;
  const all = [...new Set(paths)].toSorted();
  return all
    .filter((path) => !all.some((other) => other !== path && path.startsWith(`${other}/`)))
    .map(literalPath);
}

/** A path of the factory directory in its repository. */
export function inDirectory(directory: string, path: string): string {
  return directory === '.' ? path : `${directory}/${path}`;
}
