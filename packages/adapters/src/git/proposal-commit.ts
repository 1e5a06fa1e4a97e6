import { Buffer } from 'node:buffer';
import type { ProposedCommit } from '@image-factory/core/ports/proposals.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { authorLine, type Author } from './commit-stream.ts';

const longestSubject = 200;
const longestBody = 16_000;

/**
 * The input of `git fast-import` that makes one commit and prints its id. Its last lines say whose it is and on what it
 * was made; unlike commits of the state it starts the team's CI.
 */
export function proposalStream(
  commit: ProposedCommit & { readonly mode: string },
  by: { readonly image: string; readonly author: Author; readonly now: Instant; readonly ref: string },
): (string | Buffer)[] {
  const { parent, file, mode, text } = commit;
  const message = Buffer.from(messageOf(commit, by.image), 'utf8');
  const content = Buffer.from(text, 'utf8');
  return [
    `commit ${by.ref}\nmark :1\ncommitter ${authorLine(by.author)} ${Math.floor(by.now / 1000)} +0000\n`,
    `data ${message.length}\n`,
    message,
    `\nfrom ${parent}\nM ${mode} inline ${file}\ndata ${content.length}\n`,
    content,
    '\nget-mark :1\ndone\n',
  ];
}

function messageOf({ subject, body, parent }: ProposedCommit, image: string): string {
  const line = clean(subject).replace(/\s+/g, ' ').trim().slice(0, longestSubject).toWellFormed();
  const words = clean(body).trim().slice(0, longestBody).toWellFormed();
  return `${line}\n\n${words === '' ? '' : `${words}\n\n`}${requestTrailer}: ${image}\n${parentTrailer}: ${parent}\n`;
}

function clean(text: string): string {
  return text.replaceAll('\u0000', '').replaceAll('\r\n', '\n');
}

const requestTrailer = 'Image-Factory-Request';
const parentTrailer = 'Image-Factory-Made-On';

/**
 * Is a branch head (as `git cat-file commit` prints it) a commit of ours for this image? A commit of somebody else on top
 * has no such lines at its end; an amended or rebased one has another committer or parent.
 */
export function isOurCommit(
  raw: string,
  image: string,
  author: Author,
): { readonly isOurs: boolean; readonly madeOn: string | undefined } {
  const end = raw.indexOf('\n\n');
  const headers = raw.slice(0, end).split('\n');
  const parents = headers.flatMap((line) => /^parent ([0-9a-f]+)$/.exec(line)?.[1] ?? []);
  const committer = headers.find((line) => line.startsWith('committer '));
  const [request, madeOn] = raw.slice(end).trimEnd().split('\n').slice(-2);
  const isOurs =
    committer?.startsWith(`committer ${authorLine(author)} `) === true &&
    parents.length === 1 &&
    request === `${requestTrailer}: ${image}` &&
    madeOn === `${parentTrailer}: ${parents[0]}`;
  return { isOurs, madeOn: isOurs ? parents[0] : undefined };
}
