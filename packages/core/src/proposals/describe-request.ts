import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import { reasonText } from '../plan/reason-text.ts';
import type { Reason } from '../plan/types.ts';
import { parseReference } from '../reference/parse.ts';
import type { BaseRecord, FactoryState, LedgerEntry } from '../state/types.ts';
import { formatDuration, formatInstant, type Duration } from '../time.ts';
import { targetsOf, type PinMove, type Proposal } from './types.ts';

export interface RequestText {
  readonly title: string;
  /** Markdown. Ends with a mark that only the factory reads; says no times that pass, so that it stays the same. */
  readonly body: string;
  readonly commit: { readonly subject: string; readonly body: string };
  readonly mark: RequestMark;
}

/** What a request proposes and says, as two hashes: told apart without trusting that a forge gives texts back unchanged. */
export interface RequestMark {
  readonly moves: string;
  readonly text: string;
}

export const longestTitle = 120;

/** A request's words: what moves, why, what is known of the old and the new digest, and what comes next. */
export function describeRequest(
  image: ManagedEnrolment,
  { due, moves }: Pick<Proposal, 'due' | 'moves'>,
  state: FactoryState,
): RequestText {
  const parts = [
    `Image Factory proposes to move what **${escapeMarkdown(image.name)}** is built from, in ${code(image.source.dockerfile)}.`,
    tableOf(moves),
    ...moves.map((move) =>
      detailsOf(
        move,
        due.find((reason) => reason.base === move.base),
        [image.rebuildDelay],
        state.bases.get(move.base),
      ),
    ),
    [
      '---',
      'Merging this lets your own CI build the image on it. While this is open it is kept up to date: a newer digest that',
      'has proved itself takes the place of the one above. Closing it says no to these digests, and only to them. After a',
      'commit of somebody else to this branch the factory leaves it alone.',
    ].join('\n'),
  ];
  return wordsOf({
    title: titleOf(image.name, moves),
    text: parts.join('\n\n'),
    proposes: targetsOf(moves),
    why: due.map((reason) => `- ${reasonText(reason)}`),
  });
}

/** Title and text as a request that the factory knows again; `proposes` is what it would change, in any form. */
export function wordsOf(said: {
  readonly title: string;
  readonly text: string;
  readonly proposes: unknown;
  readonly why: readonly string[];
}): RequestText {
  const { title, text } = said;
  const mark = { moves: hashOf(JSON.stringify(said.proposes)), text: hashOf(`${title}\n${text}`) };
  return {
    title,
    body: `${text}\n\n${markComment(mark)}\n`,
    commit: { subject: title, body: said.why.join('\n') },
    mark,
  };
}

/** The mark in a body that came back from a forge; undefined where somebody took it out. */
export function markIn(body: string): RequestMark | undefined {
  // The last one is ours: what stands before it may be anybody's words.
  const found = [
    ...body.slice(0, 100_000).matchAll(/<!-- image-factory ([0-9a-f]{16}) ([0-9a-f]{16}) -->/g),
  ].at(-1);
  return found ? { moves: found[1] ?? '', text: found[2] ?? '' } : undefined;
}

function markComment({ moves, text }: RequestMark): string {
  return `<!-- image-factory ${moves} ${text} -->`;
}

function hashOf(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, 16);
}

function titleOf(image: string, moves: readonly PinMove[]): string {
  const [first, ...others] = moves;
  const names = new Set(moves.map(({ base }) => base));
  if (!first || others.length > 0)
    return `Move ${names.size === 1 ? first?.base : `${names.size} bases`} of ${image}`;
  const { name, target } = readable(first);
  return `Move ${name} to ${shortened(target)} in ${image}`.slice(0, longestTitle);
}

function tableOf(moves: readonly PinMove[]): string {
  const rows = moves.map(({ written, moved }) => {
    const from = parts(written);
    const to = parts(moved);
    return `| ${code(from.name)} | ${code(shortened(from.rest))} | ${code(shortened(to.rest))} |`;
  });
  return ['| base image | from | to |', '|---|---|---|', ...rows].join('\n');
}

/** What is known of a move; `delays` are those of the images that it is proposed for. */
export function detailsOf(
  move: PinMove,
  why: Reason | undefined,
  delays: readonly Duration[],
  base: BaseRecord | undefined,
): string {
  const old = entryOf(base, move.written);
  const next = entryOf(base, move.moved);
  const link = pageOf(move.moved);
  const lines = [
    `### ${escapeMarkdown(parts(move.written).name)}`,
    why ? `- Why: ${escapeMarkdown(reasonText(why))}` : undefined,
    `- New: ${code(parts(move.moved).rest)}${ageOf(next)}`,
    `- Old: ${code(parts(move.written).rest)}${ageOf(old)}`,
    next && why?.code !== 'emergency-cve' && base?.managedBy === undefined
      ? `- It has stood the delay of ${[...new Set(delays)].map(formatDuration).join(' and ')} since it was first seen.`
      : undefined,
    ...changesBetween(old, next),
    link === undefined ? undefined : `- [Its page at the registry](${link})`,
  ];
  return lines.filter((line) => line !== undefined).join('\n');
}

function ageOf(entry: LedgerEntry | undefined): string {
  if (!entry) return ', not seen under its tag by this factory';
  const published = entry.publishedAt === undefined ? '' : `, published ${formatInstant(entry.publishedAt)}`;
  const replaced = entry.replacedAt === undefined ? '' : `, replaced ${formatInstant(entry.replacedAt)}`;
  return `, first seen ${formatInstant(entry.firstSeen)}${published}${replaced}`;
}

/** Platforms that come and go, and how many layers are others. */
function changesBetween(old: LedgerEntry | undefined, next: LedgerEntry | undefined): string[] {
  if (!next?.platforms) return [];
  const platforms = Object.keys(next.platforms).toSorted();
  const lines = [`- Platforms: ${platforms.map(code).join(', ')}`];
  for (const [platform, content] of Object.entries(next.platforms).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const before = old?.platforms?.[platform as keyof typeof old.platforms];
    if (!before) continue;
    const known = new Set<string>(before.diffIds);
    const changed = content.diffIds.filter((layer) => !known.has(layer)).length;
    const config = before.config === content.config ? '' : ', and its configuration changed';
    lines.push(`- ${code(platform)}: ${changed} of ${content.diffIds.length} layers are new${config}`);
  }
  const gone = Object.keys(old?.platforms ?? {}).filter((platform) => !platforms.includes(platform));
  if (gone.length > 0) lines.push(`- No longer there: ${gone.toSorted().map(code).join(', ')}`);
  return lines;
}

function entryOf(base: BaseRecord | undefined, reference: string): LedgerEntry | undefined {
  const digest = reference.slice(reference.indexOf('@') + 1);
  return base?.ledger.findLast((entry) => entry.digest === digest);
}

/** A reference as its repository and what stands behind it. */
export function parts(reference: string): { readonly name: string; readonly rest: string } {
  const parsed = parseReference(reference);
  if (!parsed.ok) return { name: reference, rest: '' };
  const { domain, path, tag, digest } = parsed.value;
  const name = `${domain}/${path}${digest === undefined || tag === undefined ? '' : `:${tag}`}`;
  return { name, rest: digest ?? tag ?? '' };
}

export function readable(move: PinMove): { readonly name: string; readonly target: string } {
  const name = parts(move.written).name.replace(/^docker\.io\/(library\/)?/, '');
  const from = parseReference(move.written);
  const to = parseReference(move.moved);
  const tagMoved = from.ok && to.ok && from.value.tag !== to.value.tag;
  return tagMoved
    ? { name: name.replace(/:[^/]*$/, ''), target: to.value.tag ?? '' }
    : { name, target: parts(move.moved).rest };
}

export function shortened(target: string): string {
  return target.replace(/^(\w+:[0-9a-f]{12})[0-9a-f]+$/, '$1');
}

/** Pages that people know of; other registries have none that could be told. */
function pageOf(reference: string): string | undefined {
  const parsed = parseReference(reference);
  if (!parsed.ok) return undefined;
  const { domain, path, tag } = parsed.value;
  if (domain === 'docker.io') {
    const name = path.startsWith('library/') ? `_/${path.slice('library/'.length)}` : `r/${path}`;
    return `https://hub.docker.com/${name}/tags${tag === undefined ? '' : `?name=${tag}`}`;
  }
  if (domain === 'quay.io') return `https://quay.io/repository/${path}?tab=tags`;
  return domain === 'ghcr.io' ? `https://github.com/${path.split('/')[0]}?tab=packages` : undefined;
}

/** Text of others cannot become markup, a mention or a link. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .replaceAll(/[\\`*_{}[\]<>()#+!|~]/g, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('@', '@\u200B')
    .replaceAll(/(https?):\/\//g, '$1:\u200B//');
}

export function code(text: string): string {
  return `\`${text.replaceAll(/[\s\p{Cc}`|]+/gu, ' ').trim()}\``;
}
