import { child, isThere, items, quoted, reach, textOf, type At } from '../at.ts';
import { multiArchAnnotation } from '../../manifests/manifest.ts';
import { isVersionRange } from '../constraint.ts';
import { isImageRepoUrl, isPlatform, isTag } from '../forms.ts';
import { isAnchored, re2Mistake } from '../re2.ts';
import type { Resource } from '../resource.ts';
import type { Rule } from '../rule.ts';

const byTag = ['Lexical', 'NewestBuild'];

function images({ subscriptions }: Resource): { at: At; strategy: string }[] {
  return subscriptions.image.map((at) => ({
    at,
    strategy: textOf(child(at, 'imageSelectionStrategy')) ?? 'SemVer',
  }));
}

/** Rules for subscriptions to images. */
export const imageRules = {
  'image-repo-url': {
    severity: 'error',
    description:
      'The repoURL of an image has a scheme, tag, digest, or another part that Kargo refuses, such as two dashes in a row.',
    source: 'admission',
    hint: 'Write it as ghcr.io/acme/web.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at } of images(resource)) {
        const url = child(at, 'repoURL');
        const text = textOf(url);
        if (text !== undefined && text !== '' && !isImageRepoUrl(text))
          yield { at: url, message: `Kargo takes ${quoted(text)} for no image repository` };
      }
    },
  },
  'image-semver-constraint': {
    severity: 'error',
    description:
      'An image has semverConstraint, which went away in Kargo 1.9: it is ignored, and the highest version wins.',
    source: 'practice',
    hint: 'Rename it to constraint.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at } of images(resource)) {
        const constraint = child(at, 'semverConstraint');
        if (isThere(constraint))
          yield { at: constraint, message: 'semverConstraint of an image is ignored; expected constraint' };
      }
    },
  },
  'image-removed-field': {
    severity: 'error',
    description: 'An image has gitRepoURL, which Kargo removed: it is ignored.',
    source: 'practice',
    hint: 'Remove it.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at } of images(resource)) {
        const removed = child(at, 'gitRepoURL');
        if (isThere(removed)) yield { at: removed, message: 'gitRepoURL is ignored' };
      }
    },
  },
  'image-constraint-range': {
    severity: 'error',
    description: 'With the strategy SemVer, the constraint of an image is no range of versions.',
    source: 'admission',
    hint: 'Write a range such as ^1.2 or >=1.2 <2; for a tag use the strategy Digest.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const constraint = child(at, 'constraint');
        const text = textOf(constraint);
        if (strategy === 'SemVer' && text !== undefined && text !== '' && !isVersionRange(text))
          yield { at: constraint, message: `${quoted(text)} is no range of versions` };
      }
    },
  },
  'image-constraint-missing': {
    severity: 'error',
    description: 'With the strategy Digest, an image has no constraint: it names the tag to follow.',
    source: 'admission',
    hint: 'Set constraint to the tag.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const constraint = child(at, 'constraint');
        if (strategy === 'Digest' && (constraint.value ?? '') === '')
          yield { at: constraint, message: 'expected the tag to follow, got nothing' };
      }
    },
  },
  'image-constraint-tag': {
    severity: 'error',
    description: 'With the strategy Digest, the constraint of an image is no tag: it is never found.',
    source: 'discovery',
    hint: 'Write the tag as it is, not a range or an expression.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const constraint = child(at, 'constraint');
        const text = textOf(constraint) ?? '';
        if (strategy === 'Digest' && text !== '' && !isTag(text))
          yield { at: constraint, message: `${quoted(text)} is no tag` };
      }
    },
  },
  'image-field-unused': {
    severity: 'warning',
    description: 'An image has a field that its strategy does not look at.',
    source: 'practice',
    hint: 'Remove the field, or choose the strategy that uses it.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const unused =
          strategy === 'Digest'
            ? ['allowTagsRegexes', 'ignoreTagsRegexes', 'cacheByTag', 'strictSemvers']
            : byTag.includes(strategy)
              ? ['constraint', 'strictSemvers']
              : [];
        for (const name of unused) {
          const field = child(at, name);
          if (isThere(field)) yield { at: field, message: `${strategy} does not look at ${name}` };
        }
      }
    },
  },
  'image-tags-unbounded': {
    severity: 'error',
    description:
      'With Lexical or NewestBuild no allowTagsRegexes say which tags count: signatures, attestations and caches can win, and some of them end the discovery with an error.',
    source: 'discovery',
    hint: "Add allowTagsRegexes such as ['^[0-9]+\\.[0-9]+-alpine$'].",
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const allow = child(at, 'allowTagsRegexes');
        if (
          byTag.includes(strategy) &&
          (!isThere(allow) || (Array.isArray(allow.value) && items(allow).length === 0))
        )
          yield {
            at: allow,
            message: `expected expressions for the tags that ${strategy} may choose, got none`,
          };
      }
    },
  },
  'image-tags-unanchored': {
    severity: 'error',
    description:
      'An expression of allowTagsRegexes is not anchored: it allows every tag that holds what it describes, sha256-… and …-debug included.',
    source: 'practice',
    hint: 'Begin it with ^ and end it with $; put alternatives in brackets.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        if (!byTag.includes(strategy)) continue;
        for (const item of items(child(at, 'allowTagsRegexes'))) {
          const text = textOf(item);
          if (text !== undefined && re2Mistake(text) === undefined && !isAnchored(text))
            yield { at: item, message: `expected an expression from ^ to $, got ${quoted(text)}` };
        }
      }
    },
  },
  'image-tags-referrers': {
    severity: 'warning',
    description:
      'With Lexical or NewestBuild no ignoreTagsRegexes exclude sha256-…: such tags hold signatures and attestations, and one of them ends the whole discovery with an error.',
    source: 'discovery',
    hint: "Add ignoreTagsRegexes: ['^sha256-'].",
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at, strategy } of images(resource)) {
        const ignore = child(at, 'ignoreTagsRegexes');
        const excluded = items(ignore).some((item) => /^(?:\^|\\A)\(?sha256/.test(textOf(item) ?? ''));
        if (byTag.includes(strategy) && !excluded)
          yield { at: ignore, message: 'expected an expression that begins with ^sha256-, got none' };
      }
    },
  },
  'image-platform-form': {
    severity: 'error',
    description: 'A platform is not os/arch or os/arch/variant.',
    source: 'admission',
    hint: 'Write linux/amd64 or linux/arm64/v8, exactly as the index has it.',
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      for (const { at } of images(resource)) {
        const platform = child(at, 'platform');
        const text = textOf(platform);
        if (text !== undefined && text !== '' && !isPlatform(text))
          yield { at: platform, message: `expected os/arch, got ${quoted(text)}` };
      }
    },
  },
  'image-platform-index': {
    severity: 'warning',
    description:
      'An image has a platform: then only an index is ever found, a plain manifest of that very platform never.',
    source: 'discovery',
    hint: `Remove platform, or, if every tag is an index, say so with the annotation ${multiArchAnnotation}: "true".`,
    kinds: ['Warehouse'],
    needs: 'image',
    *check(resource) {
      if (reach(resource.root, 'metadata', 'annotations', multiArchAnnotation).value === 'true') return;
      for (const { at } of images(resource)) {
        const platform = child(at, 'platform');
        const text = textOf(platform) ?? '';
        if (isPlatform(text)) yield { at: platform, message: `with ${text} plain manifests are never found` };
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;
