import { stableHash } from '@image-factory/core/reference/short-name.ts';
import type { Duration, Instant } from '@image-factory/core/time.ts';

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
  /** In which Stages it is used, since when; and the longest time that it was used in one after it was verified there. */
  readonly usedIn: Map<string, Instant>;
  readonly longestUse: Map<string, Duration>;
}

/** Another Freight takes its place. Source: kargo v1.11, freight_types.go. */
export function leave(freight: Freight, stage: string, now: Instant): void {
  const since = freight.usedIn.get(stage);
  freight.usedIn.delete(stage);
  if (since === undefined || !freight.verifiedIn.has(stage)) return;
  freight.longestUse.set(stage, Math.max(now - since, freight.longestUse.get(stage) ?? 0));
}

/**
 * When it will have been used in a Stage for so long without a break, should it stay there; undefined: not by itself.
 * Source: kargo.md section 1, "Stage"; kargo v1.11, freight_types.go.
 */
export function soakedAt(freight: Freight, stage: string, required: Duration): Instant | undefined {
  if (!freight.verifiedIn.has(stage)) return undefined;
  if ((freight.longestUse.get(stage) ?? 0) >= required) return freight.createdAt;
  const since = freight.usedIn.get(stage);
  return since === undefined ? undefined : since + required;
}

/**
 * The same contents of the same Warehouse are the same Freight. Kargo's hash is SHA-1; which one it is nobody can see.
 * Source: kargo.md section 1, "Freight id".
 */
export function freightName(
  origin: string,
  { images, commits }: Pick<Freight, 'images' | 'commits'>,
): string {
  const parts = [
    ...images.map(({ repoUrl, tag, digest }) => `${repoUrl}:${tag}@${digest}`),
    ...commits.map(({ repoUrl, id }) => `${repoUrl}:${id}`),
  ];
  return stableHash([`Warehouse/${origin}`, ...parts.toSorted()].join('|')).slice(0, 40);
}

export function isNewer(a: Freight, b: Freight): boolean {
  return a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.number > b.number);
}
