import { addProblem, looksSecret, pathText, shown, type Scope } from './findings.ts';

/** An http(s) address without user, query and fragment; a slash at its end is dropped. */
export function readAddress(written: string | undefined, scope: Scope, usual: string | undefined): string {
  if (written === undefined) {
    if (usual !== undefined) return usual;
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'url is missing: this provider has no public address',
      'Example: url: https://git.example.com.',
      'key',
    );
    return 'https://invalid';
  }
  const isAddress = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/i.test(written) && !looksSecret(written);
  if (!isAddress) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `${pathText(scope.path.slice(-1)) || 'url'} ${shown(written)} is not an address of a server`,
      'Write https://host or https://host/path (http:// where there is no TLS), without a user name and without a query.',
    );
    return 'https://invalid';
  }
  return written.replace(/\/+$/, '');
}
