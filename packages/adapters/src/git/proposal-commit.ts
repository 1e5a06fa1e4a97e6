import { Buffer } from 'node:buffer';
import type { ProposedCommit } from '@image-factory/core/ports/proposals.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { authorLine, type Author } from './commit-stream.ts';

const longestSubject = 200;
const longestBody = 16_000;

export interface CommitBy {
  /** Whose branch it is for; undefined: it goes on the source branch itself, and nobody has to know it again. */
  readonly owner: string | undefined;
  readonly author: Author;
  readonly now: Instant;
  readonly ref: string;
  /** File modes, by path. */
  readonly modes: ReadonlyMap<string, string>;
}

/**
 * The input of `git fast-import` that makes one commit and prints its id. The last lines of a proposed one say whose it is,
 * what it changes and on what it was made; unlike commits of the state it starts the team's CI.
 */
export function proposalStream(commit: ProposedCommit, by: CommitBy): (string | Buffer)[] {
  const message = Buffer.from(messageOf(commit, by.owner), 'utf8');
  const changes = [...commit.files].flatMap(([file, text]) => {
    const content = Buffer.from(text, 'utf8');
    return [`M ${by.modes.get(file) ?? '100644'} inline ${file}\ndata ${content.length}\n`, content, '\n'];
  });
  return [
    `commit ${by.ref}\nmark :1\ncommitter ${authorLine(by.author)} ${Math.floor(by.now / 1000)} +0000\n`,
    `data ${message.length}\n`,
    message,
    `\nfrom ${commit.parent}\n`,
    ...changes,
    'get-mark :1\ndone\n',
  ];
}

function messageOf({ subject, body, parent, files }: ProposedCommit, owner: string | undefined): string {
  const line = clean(subject).replace(/\s+/g, ' ').trim().slice(0, longestSubject).toWellFormed();
  const words = clean(body).trim().slice(0, longestBody).toWellFormed();
  const said = `${line}\n${words === '' ? '' : `\n${words}\n`}`;
  if (owner === undefined) return said;
  const changed = [...files.keys()].toSorted().map((file) => `${fileTrailer}: ${file}\n`);
  return `${said}\n${changed.join('')}${requestTrailer}: ${owner}\n${parentTrailer}: ${parent}\n`;
}

function clean(text: string): string {
  return text.replaceAll('\u0000', '').replaceAll('\r\n', '\n');
}

const fileTrailer = 'Image-Factory-File';
const requestTrailer = 'Image-Factory-Request';
const parentTrailer = 'Image-Factory-Made-On';

export interface KnownCommit {
  readonly isOurs: boolean;
  readonly madeOn: string | undefined;
  /** Undefined where it does not say what it changes. */
  readonly changed: readonly string[] | undefined;
}

/**
 * Is a branch head (as `git cat-file commit` prints it) a commit of ours for this owner? A commit of somebody else on top
 * has no such lines at its end; an amended or rebased one has another committer or parent.
 */
export function readOwnCommit(raw: string, owner: string, author: Author): KnownCommit {
  const end = raw.indexOf('\n\n');
  const headers = raw.slice(0, end).split('\n');
  const parents = headers.flatMap((line) => /^parent ([0-9a-f]+)$/.exec(line)?.[1] ?? []);
  const committer = headers.find((line) => line.startsWith('committer '));
  const lines = raw.slice(end).trimEnd().split('\n');
  const [request, madeOn] = lines.slice(-2);
  const isOurs =
    committer?.startsWith(`committer ${authorLine(author)} `) === true &&
    parents.length === 1 &&
    request === `${requestTrailer}: ${owner}` &&
    madeOn === `${parentTrailer}: ${parents[0]}`;
  if (!isOurs) return { isOurs, madeOn: undefined, changed: undefined };
  const from = lines.findLastIndex((line) => line === '');
  const changed = lines
    .slice(from + 1, -2)
    .flatMap((line) => (line.startsWith(`${fileTrailer}: `) ? [line.slice(fileTrailer.length + 2)] : []));
  return { isOurs, madeOn: parents[0], changed: changed.length === 0 ? undefined : changed };
}
