import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { GitFailure } from './process.ts';

/** What a failed git command means; `local` is anything that the remote did not say. */
export type Trouble =
  | 'denied'
  | 'not-found'
  | 'unreachable'
  | 'moved'
  | 'disk-full'
  | 'git-missing'
  | 'local';

const patterns: readonly (readonly [Trouble, RegExp])[] = [
  ['disk-full', /no space left on device|disk quota exceeded|write error: out of diskspace/i],
  // Our own repository has lost its configuration.
  ['local', /'origin' does not appear to be a git repository/i],
  [
    'denied',
    /authentication failed|could not read (username|password)|permission denied \(|returned error: 40[13]|access denied|invalid (username|credentials)|host key verification failed|insufficient permission|not authorized|write access .*not granted/i,
  ],
  ['moved', /returned error: 30\d|unable to update url base from redirection/i],
  [
    'not-found',
    /repository .*not found|does not appear to be a git repository|returned error: 404|not a git repository|project you were looking for could not be found|no such file or directory.*could not read from remote/i,
  ],
  [
    'unreachable',
    /could not resolve (host|proxy)|failed to connect|connection (refused|reset|timed out|closed)|could not read from remote|network is unreachable|no route to host|operation timed out|timed out|early eof|unexpected disconnect|the remote end hung up|unable to access|ssl|tls|returned error: (429|5\d\d)|gnutls|empty reply|recv failure|rpc failed|bad line length|protocol error|invalid index-pack output/i,
  ],
];

export function troubleOf(failure: GitFailure): Trouble {
  if (failure.reason === 'git-missing') return 'git-missing';
  if (failure.reason === 'timeout') return 'unreachable';
  const text = `${failure.stderr}\n${failure.stdout}`;
  return patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? 'local';
}

/** The lines of a failure that tell a person something, at most six of them. */
export function explanation(failure: GitFailure): string {
  if (failure.reason !== 'exit') {
    return {
      timeout: 'it did not answer in time',
      'too-large': 'it sent too much',
      'git-missing': 'git is not installed',
      'folder-missing': 'its folder is gone',
    }[failure.reason];
  }
  const lines = failure.stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== '' &&
        !/^(hint:|warning: redirecting|please make sure|and the repository exists)/i.test(line),
    );
  return lines.slice(-6).join('; ').slice(0, 1000) || `git ${failure.command} failed`;
}

const hints: Record<Trouble, string> = {
  denied:
    'Check that the token or key is set, not expired, and may read (and, for the state, write) this repository.',
  'not-found': 'Check the address; a forge also answers so when the credentials cannot see the repository.',
  unreachable: 'Check the address and the network; `image-factory doctor` tests the connection.',
  moved: 'The repository has moved: put its new address in the configuration.',
  'disk-full': 'Free some space in the cache folder.',
  'git-missing': 'Install git 2.34 or newer and make sure that it is on the PATH.',
  local: 'Run again; if it stays, delete the cache folder, which holds nothing that cannot be fetched again.',
};

export function hintFor(trouble: Trouble): string {
  return hints[trouble];
}

/** A failed command about the state's remote as the error that the port promises. */
export function stateError(failure: unknown, remote: string): Error {
  if (!(failure instanceof GitFailure))
    return failure instanceof Error ? failure : new Error(String(failure));
  const trouble = troubleOf(failure);
  return stateProblem(
    'STATE_UNREACHABLE',
    `the state at ${remote} cannot be used: ${explanation(failure)}`,
    hintFor(trouble),
    failure,
  );
}

export function stateProblem(
  code: ProblemCode,
  message: string,
  hint: string,
  cause?: unknown,
): FactoryError {
  return new FactoryError({ code, message, hint }, cause === undefined ? {} : { cause });
}
