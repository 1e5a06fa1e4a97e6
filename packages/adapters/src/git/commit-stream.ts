import { Buffer } from 'node:buffer';
import type { StateChanges } from '@image-factory/core/ports/state-store.ts';
import type { Instant } from '@image-factory/core/time.ts';

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface PlannedCommit {
  readonly subject: string;
  readonly body: string | undefined;
  readonly changes: StateChanges;
}

const longestSubject = 200;
const longestBody = 16_000;

/** Subject with the mark that keeps the team's CI from starting, blank line, body. */
export function commitMessage(subject: string, body: string | undefined): string {
  const line =
    clean(subject).replace(/\s+/g, ' ').trim().slice(0, longestSubject).toWellFormed() || 'Update state';
  const text = clean(body ?? '')
    .trimEnd()
    .slice(0, longestBody);
  return `${line} [skip ci]\n${text === '' ? '' : `\n${text}\n`}`;
}

function clean(text: string): string {
  return text.replaceAll('\u0000', '').replaceAll('\r\n', '\n');
}

/** `Name <email>` without the characters that git gives a meaning to. */
export function authorLine(author: Author): string {
  const plain = (text: string) => text.replace(/[<>\p{Cc}]/gu, '').trim();
  return `${plain(author.name) || 'Image Factory'} <${plain(author.email)}>`;
}

/**
 * The input of `git fast-import` that makes these commits one after the other on `parent` and prints their ids.
 * Ends in `done`: a stream that breaks off makes no commit.
 */
export function commitStream(
  commits: readonly PlannedCommit[],
  parent: string | undefined,
  ref: string,
  author: Author,
  now: Instant,
): (string | Buffer)[] {
  const parts: (string | Buffer)[] = [];
  function data(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    parts.push(`data ${bytes.length}\n`, bytes, '\n');
  }
  for (const [index, commit] of commits.entries()) {
    parts.push(
      `commit ${ref}\nmark :${index + 1}\ncommitter ${authorLine(author)} ${Math.floor(now / 1000)} +0000\n`,
    );
    data(commitMessage(commit.subject, commit.body));
    if (index === 0 && parent !== undefined) parts.push(`from ${parent}\n`);
    // Removals first: a file may take the place of a folder that the same commit empties.
    for (const [path, text] of commit.changes) if (text === null) parts.push(`D ${path}\n`);
    for (const [path, text] of commit.changes) {
      if (text === null) continue;
      parts.push(`M 100644 inline ${path}\n`);
      data(text);
    }
  }
  for (const index of commits.keys()) parts.push(`get-mark :${index + 1}\n`);
  parts.push('done\n');
  return parts;
}
