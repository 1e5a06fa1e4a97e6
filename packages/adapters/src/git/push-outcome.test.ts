import { expect, it } from 'vitest';
import { commitMessage } from './commit-stream.ts';
import { readPushOutcome } from './push-outcome.ts';

it.each([
  ['*\tabc:refs/heads/b\t[new branch]', 'done'],
  [' \tabc:refs/heads/b\t1234567..89abcde', 'done'],
  ['!\tabc:refs/heads/b\t[rejected] (stale info)', 'stale'],
  ['!\tabc:refs/heads/b\t[rejected] (fetch first)', 'stale'],
  [
    "!\tabc:refs/heads/b\t[remote rejected] (cannot lock ref 'refs/heads/b': is at 1 but expected 2)",
    'stale',
  ],
  ['!\tabc:refs/heads/b\t[remote rejected] (failed to update ref)', 'stale'],
  ['!\tabc:refs/heads/b\t[remote rejected] (pre-receive hook declined)', 'refused'],
  ['!\tabc:refs/heads/b\t[remote rejected] (protected branch hook declined)', 'refused'],
  ['!\tabc:refs/heads/b\t[remote rejected] (push declined due to repository rule violations)', 'refused'],
  ['!\tabc:refs/heads/b\t[remote rejected] (Internal Server Error)', 'unknown'],
  ['fatal: something else', undefined],
])('%s is %s', (line, kind) => {
  expect(readPushOutcome(`To https://host/x\n${line}\nDone\n`, '')?.kind).toBe(kind);
});

it('knows whether the remote has seen the push', () => {
  expect(readPushOutcome('!\ta:b\t[rejected] (stale info)', '')).toEqual({ kind: 'stale', sent: false });
  expect(readPushOutcome('!\ta:b\t[remote rejected] (failed to update ref)', '')).toEqual({
    kind: 'stale',
    sent: true,
  });
});

it('gives the words of the remote', () => {
  const outcome = readPushOutcome(
    '!\ta:b\t[remote rejected] (pre-receive hook declined)',
    'remote: GL-HOOK: no\nremote: \nTo x\n',
  );
  expect(outcome).toEqual({
    kind: 'refused',
    message: 'GL-HOOK: no; [remote rejected] (pre-receive hook declined)',
  });
});

it.each([
  ['Approve\nnode', undefined, 'Approve node [skip ci]\n'],
  ['', '  ', 'Update state [skip ci]\n'],
  ['a\0b', 'c\r\n\n', 'ab [skip ci]\n\nc\n'],
])('makes a message of %j and %j', (subject, body, message) =>
  expect(commitMessage(subject, body)).toBe(message),
);
