import { hasControlCharacter } from './read-path.ts';

/** The rules of git-check-ref-format, as far as the name of a branch or tag can break them. */
export function branchMistake(branch: string): string | undefined {
  if (branch === '') return 'is empty';
  if (branch.length > 244) return 'is longer than 244 characters';
  if (branch.startsWith('-')) return 'starts with a dash';
  if (hasControlCharacter(branch) || /[ ~^:?*[\\]|\.\.|@\{|\/\/|^@$/.test(branch)) {
    return 'has a character or sequence that git does not allow in such a name';
  }
  const parts = branch.split('/');
  if (
    parts.some((part) => part === '' || part.startsWith('.') || part.endsWith('.lock')) ||
    branch.endsWith('.')
  ) {
    return 'is not a name that git allows';
  }
  return undefined;
}
