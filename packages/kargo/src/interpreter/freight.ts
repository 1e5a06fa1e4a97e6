import type { Instant } from '@image-factory/core/time.ts';

export interface FreightImage {
  readonly repoUrl: string;
  readonly tag: string;
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface FreightCommit {
  readonly repoUrl: string;
  readonly id: string;
  readonly branch: string;
  readonly message: string;
  readonly author: string;
  readonly committer: string;
}

/** What a Warehouse found, as one thing that Stages promote. */
export interface Freight {
  readonly name: string;
  /** The Warehouse. */
  readonly origin: string;
  /** Its first discovery: finding the same again changes nothing. */
  readonly createdAt: Instant;
  /** Order of creation, for those of one instant. */
  readonly number: number;
  readonly images: readonly FreightImage[];
  readonly commits: readonly FreightCommit[];
  readonly verifiedIn: Set<string>;
}

/** The same contents of the same Warehouse are the same Freight. Source: kargo.md section 1, "Freight id". */
export async function freightName(
  origin: string,
  { images, commits }: Pick<Freight, 'images' | 'commits'>,
): Promise<string> {
  const parts = [
    ...images.map(({ repoUrl, tag, digest }) => `${repoUrl}:${tag}@${digest}`),
    ...commits.map(({ repoUrl, id }) => `${repoUrl}:${id}`),
  ];
  const bytes = new TextEncoder().encode([`Warehouse/${origin}`, ...parts.toSorted()].join('|'));
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-1', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function isNewer(a: Freight, b: Freight): boolean {
  return a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.number > b.number);
}
