import { addWarning, within, type Scope } from './findings.ts';
import type { YamlMapping } from './yaml-compose.ts';

/**
 * Entries as the older Python tool took them: the settings below `enrollment`, one `tag`, the image as `repoURL`.
 * They are read, with a warning that names today's key.
 */
export function liftOlderKeys(entry: YamlMapping, scope: Scope): YamlMapping {
  const lifted: YamlMapping = { ...entry };
  const nested = take(lifted, 'enrollment');
  if (isMapping(nested)) {
    warn(scope, 'enrollment', 'write its keys directly in the entry');
    for (const [key, value] of Object.entries(nested)) if (!Object.hasOwn(lifted, key)) lifted[key] = value;
  } else if (nested !== undefined) {
    warn(scope, 'enrollment', 'remove it');
  }
  const tag = take(lifted, 'tag');
  if (tag !== undefined) {
    warn(scope, 'tag', 'write tags: [...] instead');
    lifted['tags'] ??= [tag];
  }
  const url = take(lifted, 'repoURL');
  if (url !== undefined) {
    warn(scope, 'repoURL', 'write registry and repository instead');
    lifted['repository'] ??= url;
  }
  return lifted;
}

const olderKeys = ['enrollment', 'tag', 'repoURL'];

export function hasOlderKeys(entry: YamlMapping): boolean {
  return olderKeys.some((key) => Object.hasOwn(entry, key));
}

export function isMapping(value: unknown): value is YamlMapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function take(entry: YamlMapping, key: string): unknown {
  const value = entry[key];
  delete entry[key];
  return value;
}

function warn(scope: Scope, key: string, instead: string): void {
  const here = within(scope, key);
  addWarning(
    here,
    'CONFIG_UNKNOWN_KEY',
    `"${key}" is a key of an older tool: it is read for now`,
    `${capital(instead)}.`,
    'key',
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
