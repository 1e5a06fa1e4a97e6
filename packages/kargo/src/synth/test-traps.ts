import type { Manifest } from '../manifests/any-manifest.ts';
import { readKargoDuration } from '../manifests/duration.ts';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import type { UsesStep } from '../manifests/step.ts';

/** The traps that a generator of Kargo resources must never step into, each looked for in what was generated. */
type Trap = (all: readonly Manifest[]) => readonly string[];

const subscriptionFields = {
  image: [
    'repoURL',
    'imageSelectionStrategy',
    'constraint',
    'strictSemvers',
    'allowTagsRegexes',
    'ignoreTagsRegexes',
    'discoveryLimit',
    'insecureSkipTLSVerify',
  ],
  git: [
    'repoURL',
    'branch',
    'includePaths',
    'excludePaths',
    'expressionFilter',
    'discoveryLimit',
    'blobless',
  ],
} as const;

const ownSteps = [
  'compose-output',
  'fail',
  'git-clone',
  'git-commit',
  'git-open-pr',
  'git-push',
  'http',
  'kustomize-set-image',
  'yaml-parse',
  'yaml-update',
];

export const traps: Readonly<Record<string, Trap>> = {
  '1: subscriptions are checked by nobody else': (all) =>
    subscriptions(all).flatMap(({ name, subscription }) => {
      const [type, ...others] = Object.keys(subscription);
      if (others.length > 0 || (type !== 'image' && type !== 'git')) return [`${name}: ${type}`];
      const fields = Object.keys(subscription.image ?? subscription.git ?? {});
      const known: readonly string[] = subscriptionFields[type];
      return fields.filter((field) => !known.includes(field)).map((field) => `${name}: ${field}`);
    }),
  '2: semverConstraint of an image is ignored': (all) => withField(all, 'semverConstraint'),
  '3: allowTags and ignoreTags make discovery fail': (all) => [
    ...withField(all, 'allowTags'),
    ...withField(all, 'ignoreTags'),
  ],
  '4: with a platform plain manifests never match': (all) => withField(all, 'platform'),
  '5: referrers are tags too': (all) =>
    images(all).flatMap(({ name, image }) => {
      if (image.imageSelectionStrategy === 'Digest') return image.constraint === '' ? [name] : [];
      const anchored = image.allowTagsRegexes?.every((each) => each.startsWith('^') && each.endsWith('$'));
      return anchored === true && image.ignoreTagsRegexes?.includes('^sha256-') === true ? [] : [name];
    }),
  '6: a request that is neither success nor failure is sent for ever': (all) =>
    steps(all).flatMap(({ name, step }) =>
      step.uses === 'http' &&
      (step.config.failureExpression === undefined || step.retry?.timeout === undefined)
        ? [name]
        : [],
    ),
  '7: a trigger ends with every answer, and waiting is another step': (all) =>
    steps(all).flatMap(({ name, step }) => {
      if (step.uses !== 'http' || step.config.method !== 'POST') return [];
      const { successExpression, failureExpression } = step.config;
      return successExpression !== undefined && failureExpression === `!(${successExpression})` ? [] : [name];
    }),
  '8: only the steps of open-source Kargo': (all) =>
    steps(all).flatMap(({ name, step }) => (ownSteps.includes(step.uses) ? [] : [`${name}: ${step.uses}`])),
  '9: a Project has no spec, a ProjectConfig its name': (all) =>
    all.flatMap((each) => {
      if (each.kind === 'Project') return 'spec' in each ? [each.metadata.name] : [];
      if (each.kind !== 'ProjectConfig') return [];
      return each.metadata.name === each.metadata.namespace ? [] : [each.metadata.name];
    }),
  '10: no interval below five minutes': (all) =>
    all.flatMap((each) =>
      each.kind === 'Warehouse' && (readKargoDuration(each.spec.interval) ?? 0) < 300_000
        ? [each.metadata.name]
        : [],
    ),
  '11: a failed promotion is not tried again, so each try is Freight of its own': (all) =>
    all.flatMap((each) => {
      if (each.kind !== 'Stage' || !each.metadata.name.startsWith('rebuild-')) return [];
      const [only, ...others] = each.spec.requestedFreight;
      const source = all.find(
        (other) => other.kind === 'Warehouse' && other.metadata.name === only.origin.name,
      );
      const git = source?.kind === 'Warehouse' ? source.spec.subscriptions[0].git : undefined;
      const isOwn = git?.includePaths?.length === 1 && git.expressionFilter !== undefined;
      return others.length === 0 && only.sources.direct === true && isOwn ? [] : [each.metadata.name];
    }),
  '12: verification arguments have a value, and templates declare them': (all) =>
    all.flatMap((each) => {
      if (each.kind !== 'Stage' || !each.spec.verification) return [];
      const { args = [], analysisTemplates } = each.spec.verification;
      const declared = all.flatMap((other) =>
        other.kind === 'AnalysisTemplate' &&
        analysisTemplates.some(({ name }) => name === other.metadata.name)
          ? [(other.spec.args ?? []).map(({ name }) => name)]
          : [],
      );
      const names = args.map(({ name }) => name);
      const fits =
        declared.length === analysisTemplates.length &&
        declared.every((list) => list.toSorted().join() === names.toSorted().join()) &&
        args.every(({ value }) => typeof value === 'string' && value !== '');
      return fits ? [] : [each.metadata.name];
    }),
  '13: short metric names, each once': (all) =>
    all.flatMap((each) => {
      if (each.kind !== 'AnalysisTemplate') return [];
      const names = each.spec.metrics.map(({ name }) => name);
      const fits = names.every((name) => /^[a-z0-9]([-a-z0-9]{0,21}[a-z0-9])?$/.test(name));
      return fits && new Set(names).size === names.length ? [] : [each.metadata.name];
    }),
  'an entry of a kustomization is replaced as a whole, its newName too': (all) =>
    steps(all).flatMap(({ name, step }) =>
      step.uses === 'kustomize-set-image' && step.config.images.some(({ newName }) => newName !== '*')
        ? [name]
        : [],
    ),
  'yaml-update replaces to the end of the line, so what it leaves is read before it is committed': (all) =>
    all.flatMap((each) => {
      const own = each.kind === 'Stage' ? (each.spec.promotionTemplate?.spec.steps ?? []) : [];
      return own.flatMap((step, index) => {
        const next = own[index + 1];
        return step.uses !== 'yaml-update' ||
          (next?.uses === 'yaml-parse' && next.config.path === step.config.path)
          ? []
          : [each.metadata.name];
      });
    }),
  'a branch that is proposed again and again is pushed over what is there': (all) =>
    all.flatMap((each) => {
      const own = each.kind === 'Stage' ? (each.spec.promotionTemplate?.spec.steps ?? []) : [];
      const proposed = own.flatMap((step) => (step.uses === 'git-open-pr' ? [step.config.sourceBranch] : []));
      const forced = own.flatMap((step) =>
        step.uses === 'git-push' && step.config.force === true ? [step.config.targetBranch] : [],
      );
      return proposed.join() === forced.join() && !proposed.some((branch) => branch.includes('${{'))
        ? []
        : [each.metadata.name];
    }),
  'due in 1.12: author of git-commit, createTargetBranch of git-open-pr': (all) => [
    ...withField(all, 'createTargetBranch'),
    ...steps(all).flatMap(({ name, step }) =>
      step.uses === 'git-commit' && 'author' in step.config ? [name] : [],
    ),
  ],
};

/** What was generated, as the union of kinds; anything else fails the test here. */
export function knownKinds(manifests: readonly KubernetesManifest[]): readonly Manifest[] {
  const kinds = [
    'Project',
    'ProjectConfig',
    'AnalysisTemplate',
    'PromotionTask',
    'Warehouse',
    'Stage',
    'CronJob',
    'Service',
    'PodDisruptionBudget',
    'Deployment',
  ];
  for (const { kind } of manifests) if (!kinds.includes(kind)) throw new Error(`nobody expects a ${kind}`);
  return manifests as readonly Manifest[];
}

function subscriptions(all: readonly Manifest[]) {
  return all.flatMap((each) =>
    each.kind === 'Warehouse'
      ? each.spec.subscriptions.map((subscription) => ({ name: each.metadata.name, subscription }))
      : [],
  );
}

function images(all: readonly Manifest[]) {
  return subscriptions(all).flatMap(({ name, subscription: { image } }) => (image ? [{ name, image }] : []));
}

function steps(all: readonly Manifest[]): readonly { readonly name: string; readonly step: UsesStep }[] {
  return all.flatMap((each) => {
    const found =
      each.kind === 'Stage'
        ? (each.spec.promotionTemplate?.spec.steps ?? [])
        : each.kind === 'PromotionTask'
          ? each.spec.steps
          : [];
    return found.flatMap((step) =>
      step.uses === undefined ? [] : [{ name: `${each.metadata.name} ${step.as ?? ''}`, step }],
    );
  });
}

/** Resources with a field of this name, wherever it stands. */
function withField(all: readonly Manifest[], field: string): readonly string[] {
  return all
    .filter((each) => JSON.stringify(each).includes(`"${field}":`))
    .map(({ metadata }) => metadata.name);
}
