import { GitFailure } from './process.ts';

/** What the remote made of a push. */
export type PushOutcome =
  | { readonly kind: 'done' }
  /**
   * The branch stands elsewhere: somebody else was faster. Where the remote found that out (`sent`), it may also stand
   * where we have moved it, for curl sends a request again when a kept connection dies.
   */
  | { readonly kind: 'stale'; readonly sent: boolean }
  /** A hook or a protection said no. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The connection broke or the remote failed: the push may have happened. */
  | { readonly kind: 'unknown'; readonly failure: GitFailure };

/** Reasons that mean another writer moved the branch, on our side of the wire or on the remote's. */
const staleReasons =
  /stale info|fetch first|non-fast-forward|needs force|cannot lock ref|failed to update ref|reference already exists|failed to lock|incorrect old value|remote ref is at/i;
const transientReasons = /internal server error|failed to report status|remote failed to report/i;

/**
 * Reads `git push --porcelain`: `<flag>\t<from>:<to>\t<summary> (<reason>)`. Undefined when the output says nothing
 * about the ref, so that the exit code and stderr must tell.
 */
export function readPushOutcome(stdout: string, stderr: string): PushOutcome | undefined {
  const line = stdout.split('\n').find((candidate) => /^[ +*=!-]\t/.test(candidate));
  if (line === undefined) return undefined;
  const [flag, , summary = ''] = line.split('\t');
  if (flag !== '!') return { kind: 'done' };
  if (staleReasons.test(summary)) return { kind: 'stale', sent: summary.startsWith('[remote rejected]') };
  if (transientReasons.test(summary))
    return { kind: 'unknown', failure: new GitFailure('exit', 'push', summary) };
  return {
    kind: 'refused',
    message: [remoteWords(stderr), summary].filter(Boolean).join('; ').slice(0, 1500),
  };
}

/** What the remote's hook printed. */
function remoteWords(stderr: string): string {
  return stderr
    .split(/[\r\n]+/)
    .filter((line) => line.startsWith('remote:'))
    .map((line) => line.slice('remote:'.length).trim())
    .filter((line) => line !== '')
    .join('; ');
}
