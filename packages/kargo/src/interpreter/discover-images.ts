import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import type { ImageSubscription } from '../manifests/warehouse.ts';
import type { FreightImage } from './freight.ts';
import type { Outside, SeenImage } from './outside.ts';

/**
 * The image that a subscription selects now; undefined where it finds none. Throws where Kargo's discovery errors, which
 * leaves the Warehouse without new Freight. Source: kargo.md section 1, "Image subscription", and traps 2 to 5.
 */
export async function discoverImage(
  outside: Outside,
  subscription: ImageSubscription,
): Promise<FreightImage | undefined> {
  const {
    repoURL,
    imageSelectionStrategy = 'SemVer',
    constraint,
  } = subscription as ImageSubscription & {
    readonly constraint?: string;
  };
  for (const gone of ['allowTags', 'ignoreTags'])
    if (gone in subscription) throw new Error(`${gone} fails at discovery since 1.11`);
  if (imageSelectionStrategy === 'Digest') {
    if (constraint === undefined) throw new Error('Digest needs a constraint');
    return found(repoURL, constraint, await outside.readImage(repoURL, constraint), subscription.platform);
  }
  const allowed = (await outside.listTags(repoURL)).filter(selector(subscription));
  const limit = subscription.discoveryLimit ?? 20;
  if (imageSelectionStrategy === 'NewestBuild') return newestBuild(outside, subscription, allowed);
  const ordered =
    imageSelectionStrategy === 'SemVer'
      ? bySemver(allowed, strictness(subscription), constraint)
      : allowed.toSorted((a, b) => (a < b ? 1 : -1));
  for (const tag of ordered.slice(0, limit)) {
    const image = found(repoURL, tag, await outside.readImage(repoURL, tag), subscription.platform);
    if (image) return image;
  }
  return undefined;
}

function strictness(subscription: ImageSubscription): boolean {
  return !('strictSemvers' in subscription) || subscription.strictSemvers !== false;
}

function found(
  repoUrl: string,
  tag: string,
  image: SeenImage | undefined,
  platform: string | undefined,
): FreightImage | undefined {
  if (!image) return undefined;
  // A plain manifest says no platform, and so matches none.
  if (platform !== undefined && !image.platforms?.includes(platform)) return undefined;
  return { repoUrl, tag, digest: image.digest, annotations: image.annotations ?? {} };
}

function selector(subscription: ImageSubscription): (tag: string) => boolean {
  const patterns = (key: 'allowTagsRegexes' | 'ignoreTagsRegexes') => {
    const written = (subscription as Partial<Record<typeof key, readonly string[]>>)[key] ?? [];
    return written.map((source) => {
      const pattern = compileTagPattern(source);
      if (!pattern.ok) throw new Error(`${key}: ${pattern.error}`);
      return pattern.value;
    });
  };
  const allow = patterns('allowTagsRegexes');
  const ignore = patterns('ignoreTagsRegexes');
  return (tag) =>
    (allow.length === 0 || allow.some((pattern) => pattern.matches(tag))) &&
    !ignore.some((pattern) => pattern.matches(tag));
}

async function newestBuild(
  outside: Outside,
  { repoURL, platform }: ImageSubscription,
  tags: readonly string[],
): Promise<FreightImage | undefined> {
  let newest: { readonly image: FreightImage; readonly at: number } | undefined;
  for (const tag of tags) {
    const seen = await outside.readImage(repoURL, tag);
    const image = found(repoURL, tag, seen, platform);
    if (image && (!newest || (seen?.createdAt ?? 0) > newest.at))
      newest = { image, at: seen?.createdAt ?? 0 };
  }
  return newest?.image;
}

interface Version {
  readonly tag: string;
  readonly numbers: readonly number[];
  readonly suffix: string;
}

/** Highest first. Ranges are not read: nothing that is generated has one. */
function bySemver(tags: readonly string[], strict: boolean, constraint: string | undefined): string[] {
  if (constraint !== undefined) throw new Error(`the range ${constraint} is not known to this interpreter`);
  return tags
    .flatMap((tag) => readVersion(tag, strict) ?? [])
    .toSorted((a, b) => compareVersions(b, a))
    .map(({ tag }) => tag);
}

function readVersion(tag: string, strict: boolean): Version | undefined {
  const match =
    /^v?([0-9]{1,15})(?:\.([0-9]{1,15}))?(?:\.([0-9]{1,15}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(
      tag,
    );
  if (!match || (strict && (match[2] === undefined || match[3] === undefined))) return undefined;
  return {
    tag,
    numbers: [match[1], match[2], match[3]].map((part) => Number(part ?? 0)),
    suffix: match[4] ?? '',
  };
}

/** Source: semver.org 2.0.0, section 11. */
function compareVersions(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0;
    if (number !== other) return number - other;
  }
  if (a.suffix === b.suffix) return a.tag < b.tag ? -1 : 1;
  if (a.suffix === '') return 1;
  if (b.suffix === '') return -1;
  const [left, right] = [a.suffix.split('.'), b.suffix.split('.')];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const [number, otherNumber] = [/^[0-9]+$/.test(part), /^[0-9]+$/.test(other)];
    if (number && otherNumber) return Number(part) - Number(other);
    if (number !== otherNumber) return number ? -1 : 1;
    return part < other ? -1 : 1;
  }
  return -1;
}
