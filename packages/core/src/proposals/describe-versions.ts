import { code, wordsOf, type RequestText } from './describe-request.ts';

export interface DescribedVersion {
  readonly image: string;
  readonly path: string;
  /** What the file says now, where that was read. */
  readonly before?: string;
  readonly version: string;
  readonly digest: string | undefined;
}

/** Forges take less than 65,536 characters, and a row may be long. */
const mostRows = 150;

/** The words of a request, or of a commit, that writes versions into files. */
export function describeVersions(versions: readonly DescribedVersion[]): RequestText {
  const sorted = versions.toSorted((a, b) => (a.image < b.image ? -1 : 1));
  const rows = sorted
    .slice(0, mostRows)
    .map(({ image, path, version, digest }) =>
      [image, path, version, digest ?? 'not known'].map((cell) => code(cell.slice(0, 120))).join(' | '),
    );
  const more = sorted.length - rows.length;
  const [first, ...others] = sorted;
  const title =
    first && others.length === 0
      ? `Set the version of ${first.image} to ${first.version}`
      : `Set the versions of ${sorted.length} images`;
  const table = [
    '| image | file | version | digest |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ];
  const text = [
    'Image Factory proposes to write down the versions that the last builds of these images were given.',
    [...table, ...(more > 0 ? [`| ... and ${more} more | | | |`] : [])].join('\n'),
    [
      '---',
      'The builds are done: merging this starts none by the factory, and the files are no part of what it takes for a',
      'change of an image. While this is open it is kept up to date. Closing it says no to these versions, and only to',
      'them. After a commit of somebody else to this branch the factory leaves it alone.',
    ].join('\n'),
  ].join('\n\n');
  return wordsOf({
    title,
    text,
    proposes: sorted.map(({ image, path, version }) => [image, path, version]),
    why: sorted.map(
      ({ image, path, before, version }) =>
        `- ${image}: ${before === undefined ? '' : `${before} to `}${version} in ${path}`,
    ),
  });
}
