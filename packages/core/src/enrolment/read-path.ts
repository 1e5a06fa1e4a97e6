import { addProblem, shown, within, type Scope } from './findings.ts';

/**
 * Reads a path inside a repository: normalised, relative to the repository's root, `.` for the root itself.
 * What could leave the repository, or reach git's own files, is refused.
 */
export function readPath(
  value: string | undefined,
  scope: Scope,
  key: string | number,
  root: Root = 'the repository',
): string | undefined {
  if (value === undefined) return undefined;
  const mistake = pathMistake(value, root);
  if (mistake !== undefined) {
    addProblem(
      within(scope, key),
      'CONFIG_PATH_ESCAPES',
      `${typeof key === 'number' ? 'path' : key} ${shown(value)} ${mistake.message}`,
      mistake.hint,
    );
    return undefined;
  }
  const parts = value.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 ? '.' : parts.join('/');
}

type Root = 'the repository' | 'the factory directory';

function pathMistake(
  value: string,
  root: Root,
): { readonly message: string; readonly hint: string } | undefined {
  const relative = `Write a path relative to ${root === 'the repository' ? "the repository's root" : root}, with forward slashes.`;
  if (value.trim() === '') return { message: 'is empty', hint: relative };
  if (value.length > 1024) return { message: 'is longer than 1024 characters', hint: relative };
  if (hasControlCharacter(value)) return { message: 'has a control character', hint: relative };
  if (value.includes('://'))
    return { message: 'is a URL, not a path', hint: 'Name the repository with source.repo.' };
  if (value.startsWith('/') || /^[a-zA-Z]:/.test(value)) return { message: 'is absolute', hint: relative };
  if (value.includes('\\')) return { message: 'has a backslash', hint: relative };
  if (value.startsWith('~')) return { message: 'starts in a home directory', hint: relative };
  const parts = value.split('/');
  if (parts.includes('..')) return { message: `leaves ${root} with ".."`, hint: relative };
  if (parts.some((part) => part.toLowerCase() === '.git')) {
    return { message: "reaches into git's own files", hint: `Name a file of ${root}.` };
  }
  return undefined;
}

/** Has the text a character that no name or path has (line breaks and NUL among them)? */
export function hasControlCharacter(value: string): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code < 32 || code === 127) return true;
  }
  return false;
}

/** The folder of a normalised path. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}
