import { anything, count, flag, object, oneOf, text, texts, word, type Shape } from '../shape.ts';

/*
 * Subscriptions, which the CRD takes as they are. Fields that a rule of their own speaks of stand as `anything`.
 * Source: kargo v1.11, pkg/subscription.
 */

const shared = { discoveryLimit: count, insecureSkipTLSVerify: flag };
const tagFields = { strictSemvers: flag, allowTagsRegexes: texts, ignoreTagsRegexes: texts };
const legacyTags = { allowTags: anything, ignoreTags: anything };

const imageSubscription = object(
  { repoURL: word },
  {
    ...shared,
    ...tagFields,
    ...legacyTags,
    semverConstraint: anything,
    gitRepoURL: anything,
    imageSelectionStrategy: oneOf('SemVer', 'Lexical', 'NewestBuild', 'Digest'),
    constraint: text,
    platform: text,
    cacheByTag: flag,
  },
);

const gitSubscription = object(
  { repoURL: word },
  {
    ...shared,
    ...tagFields,
    ...legacyTags,
    commitSelectionStrategy: oneOf('NewestFromBranch', 'SemVer', 'Lexical', 'NewestTag'),
    branch: { is: 'text', longest: 255 },
    semverConstraint: text,
    expressionFilter: text,
    includePaths: texts,
    excludePaths: texts,
    since: text,
    blobless: flag,
  },
);

const chartSubscription = object({ repoURL: word }, { ...shared, name: text, semverConstraint: text });

/** By the key of the subscription. */
export const subscriptionShapes: Readonly<Record<string, Shape>> = {
  image: imageSubscription,
  git: gitSubscription,
  chart: chartSubscription,
};
