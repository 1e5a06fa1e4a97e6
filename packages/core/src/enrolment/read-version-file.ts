import { addProblem, shown, within, type Scope } from './findings.ts';
import type { EntryShape } from './images-schema.ts';
import { readPath } from './read-path.ts';
import type { VersionFile } from './types.ts';

/** Reads `versionFile`: which file, of which form, and which value in it is the version. */
export function readVersionFile(value: EntryShape['versionFile'], scope: Scope): VersionFile | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    const path = readPath(value, scope, 'versionFile');
    return path === undefined ? undefined : formOf(path, undefined, within(scope, 'versionFile'));
  }
  const here = within(scope, 'versionFile');
  if (value.path === undefined) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      'versionFile has no path',
      'Add path: deploy/Chart.yaml, for example.',
    );
    return undefined;
  }
  const path = readPath(value.path, here, 'path');
  return path === undefined ? undefined : formOf(path, value.key, here);
}

function formOf(path: string, key: string | undefined, scope: Scope): VersionFile | undefined {
  const form = formByEnding.get(/\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? '') ?? 'text';
  if (form === 'text' && key === undefined) return { path, form, key: [] };
  if (form === 'text') {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      `versionFile.key is for JSON, YAML and TOML files; ${shown(path)} is none by its name`,
      'Remove the key: the whole file is the version then.',
    );
    return undefined;
  }
  // What package.json and its like say; nobody expects the same of any YAML or TOML file.
  const written = key ?? (form === 'json' ? 'version' : undefined);
  if (written === undefined) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      `versionFile ${shown(path)} does not say which key of it is the version`,
      `Write versionFile: { path: ${path}, key: version }, for example.`,
    );
    return undefined;
  }
  const parts = written.split('.');
  if (parts.every((part) => part !== '') && written.length <= 256) return { path, form, key: parts };
  addProblem(
    within(scope, 'key'),
    'CONFIG_INVALID_VALUE',
    `versionFile.key ${shown(written)} is no path of keys`,
    'Write keys with dots between them: tool.poetry.version.',
  );
  return undefined;
}

const formByEnding: ReadonlyMap<string, VersionFile['form']> = new Map([
  ['.json', 'json'],
  ['.yaml', 'yaml'],
  ['.yml', 'yaml'],
  ['.toml', 'toml'],
]);
