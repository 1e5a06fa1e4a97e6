import type { ManagedEnrolment } from '../enrolment/types.ts';
import { reasonText } from '../plan/reason-text.ts';
import type { FactoryState } from '../state/types.ts';
import {
  code,
  detailsOf,
  escapeMarkdown,
  longestTitle,
  parts,
  readable,
  shortened,
  wordsOf,
  type RequestText,
} from './describe-request.ts';
import { targetsOf, type PinMove, type Proposal } from './types.ts';

export interface GroupMember extends Pick<Proposal, 'due' | 'moves'> {
  readonly image: ManagedEnrolment;
}

/** Forges take less than 65,536 characters; what is over this is left out of the details. */
const longestText = 50_000;

/** The words of a request that several images share: each image with what moves in it, then each move once. */
export function describeGroup(
  group: string,
  members: readonly GroupMember[],
  state: FactoryState,
): RequestText {
  const sorted = members.toSorted((a, b) => (a.image.name < b.image.name ? -1 : 1));
  const rows = sorted.flatMap(({ image, moves }) =>
    moves.map(({ written, moved }) => {
      const cells = [
        image.name,
        image.source.dockerfile,
        parts(written).name,
        ...[written, moved].map((reference) => shortened(parts(reference).rest)),
      ];
      return `| ${cells.map(code).join(' | ')} |`;
    }),
  );
  const table = shortenedTo(longestText / 2, rows, (left) => `| ... and ${left} more | | | | |`, '\n');
  const head = [
    `Image Factory proposes to move what ${imagesText(sorted.length)} of the group **${escapeMarkdown(group)}** ${sorted.length === 1 ? 'is' : 'are'} built from.`,
    ['| image | file | base image | from | to |', '|---|---|---|---|---|', table].join('\n'),
  ].join('\n\n');
  const tail = [
    '---',
    'Merging this lets your own CI build the images on it. While this is open it is kept up to date: newer digests that',
    'have proved themselves take the place of those above, and images come and go. Closing it says no to these digests,',
    'and only to them. After a commit of somebody else to this branch the factory leaves it alone.',
  ].join('\n');
  const details = shortenedTo(
    longestText - head.length - tail.length,
    sections(sorted, state),
    (left) => `... and ${left} more of such.`,
    '\n\n',
  );
  return wordsOf({
    title: titleOf(group, sorted),
    text: [head, details, tail].join('\n\n'),
    proposes: sorted.map(({ image, moves }) => [image.name, targetsOf(moves)]),
    why: sorted.flatMap(({ image, due }) => due.map((reason) => `- ${image.name}: ${reasonText(reason)}`)),
  });
}

/** Every move once, with the images that it is proposed for. */
function sections(members: readonly GroupMember[], state: FactoryState): string[] {
  const moves = new Map<string, { readonly move: PinMove; readonly of: GroupMember[] }>();
  for (const member of members)
    for (const move of member.moves) {
      const key = `${move.base} ${move.written} ${move.moved}`;
      const known = moves.get(key) ?? { move, of: [] };
      known.of.push(member);
      moves.set(key, known);
    }
  return [...moves.values()].map(({ move, of }) => {
    const why = of.flatMap(({ due }) => due.filter(({ base }) => base === move.base))[0];
    const delays = of.map(({ image }) => image.rebuildDelay);
    const images = of.map(({ image }) => code(image.name)).join(', ');
    return `${detailsOf(move, why, delays, state.bases.get(move.base))}\n- In: ${images}`;
  });
}

function titleOf(group: string, members: readonly GroupMember[]): string {
  const moves = members.flatMap((member) => member.moves);
  const [only, ...others] = members;
  const where = only && others.length === 0 ? only.image.name : `${imagesText(members.length)} of ${group}`;
  const targets = new Map(moves.map((move) => [`${move.base} ${move.moved}`, move]));
  const [first, ...more] = targets.values();
  if (!first) return `Move nothing of ${group}`;
  const { name, target } = readable(first);
  const bases = new Set(moves.map(({ base }) => base));
  const what =
    more.length === 0
      ? `${name} to ${shortened(target)}`
      : bases.size === 1
        ? first.base
        : `${bases.size} bases`;
  return `Move ${what} in ${where}`.slice(0, longestTitle);
}

function imagesText(count: number): string {
  return count === 1 ? '1 image' : `${count} images`;
}

function shortenedTo(
  most: number,
  pieces: readonly string[],
  rest: (left: number) => string,
  between: string,
): string {
  let length = 0;
  const fitting = pieces.findIndex((piece) => (length += piece.length + between.length) > most);
  if (fitting < 0) return pieces.join(between);
  return [...pieces.slice(0, fitting), rest(pieces.length - fitting)].join(between);
}
