import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import type { SelectionStrategy } from '@image-factory/core/enrolment/types.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import type { ImageSubscription } from '../manifests/warehouse.ts';
import { isImageRepoUrl } from '../validate/forms.ts';
import type { SynthContext } from './context.ts';

/** Fallback tags of OCI referrers: one of them selected ends the whole discovery with an error. */
export const notReferrers = '^sha256-';

export interface Selection {
  readonly registry: string;
  readonly repoUrl: string;
  readonly allowTags: string;
  readonly strategy: SelectionStrategy;
}

/** How Kargo looks for the newest of a selection, with as few requests as possible; in words why it cannot. */
export function upstreamSubscription(
  context: SynthContext,
  { registry, repoUrl, allowTags, strategy }: Selection,
): Result<ImageSubscription, string> {
  const mistake = repoMistake(repoUrl);
  if (mistake !== undefined) return err(mistake);
  const pattern = compileTagPattern(allowTags);
  if (!pattern.ok) return err(`allowTags cannot be used: ${pattern.error}`);
  const common = { ...commonOf(context, registry, repoUrl), discoveryLimit: 1 };
  const { literal, anchored } = pattern.value;
  // One tag is cheapest by digest, whatever was to choose among several.
  if (literal !== undefined) return ok({ ...common, imageSelectionStrategy: 'Digest', constraint: literal });
  const allowTagsRegexes = [anchored ? allowTags : `^.*(?:${allowTags}).*$`] as const;
  const ignoreTagsRegexes = [notReferrers] as const;
  if (strategy === 'SemVer')
    return ok({
      ...common,
      imageSelectionStrategy: 'SemVer',
      // Tags such as 16.4-alpine are versions of two parts with a suffix.
      strictSemvers: false,
      allowTagsRegexes,
      ignoreTagsRegexes,
    });
  // Digest takes exactly one tag, and this expression is none: the highest of its tags is followed.
  const several = strategy === 'NewestBuild' ? 'NewestBuild' : 'Lexical';
  return ok({ ...common, imageSelectionStrategy: several, allowTagsRegexes, ignoreTagsRegexes });
}

const version = /^v?\d{1,10}\.\d{1,10}\.\d{1,10}(-[0-9A-Za-z.-]{1,100})?$/;

/**
 * How Kargo sees that an image of ours was built: by version where it has one, else by the first tag that its build moves.
 * The analysis records the tag that it was told of, so a tag that moves is no version, whatever it looks like.
 */
export function builtSubscription(
  context: SynthContext,
  image: {
    readonly registry: string;
    readonly repoUrl: string;
    readonly tags: readonly string[];
    readonly version: string | undefined;
  },
): Result<ImageSubscription, string> {
  const mistake = repoMistake(image.repoUrl);
  if (mistake !== undefined) return err(mistake);
  const common = { ...commonOf(context, image.registry, image.repoUrl), discoveryLimit: 1 };
  const { version: recorded } = image;
  const match = recorded === undefined || image.tags.includes(recorded) ? undefined : version.exec(recorded);
  if (match)
    return ok({
      ...common,
      imageSelectionStrategy: 'SemVer',
      allowTagsRegexes: [`^v?[0-9]+\\.[0-9]+\\.[0-9]+${match[1] === undefined ? '' : '(-[0-9A-Za-z.-]+)?'}$`],
      ignoreTagsRegexes: [notReferrers],
    });
  return ok({ ...common, imageSelectionStrategy: 'Digest', constraint: image.tags[0] ?? 'latest' });
}

function repoMistake(repoUrl: string): string | undefined {
  return isImageRepoUrl(repoUrl)
    ? undefined
    : `Kargo does not accept the repository name ${repoUrl}: it allows no "--" and no dash or dot at the end of a part`;
}

function commonOf(
  { settings }: SynthContext,
  registry: string,
  repoURL: string,
): { readonly repoURL: string; readonly insecureSkipTLSVerify?: true } {
  const insecure = settings.registries[registry]?.insecure === true;
  return { repoURL, ...(insecure ? { insecureSkipTLSVerify: true } : {}) };
}
