import type { ImageUser, WrittenPart } from '@image-factory/core/enrolment/image-users.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { GitProvider, KustomizeImage } from '../manifests/step-config.ts';
import type { PromotionStep } from '../manifests/step.ts';
import type { SynthContext } from './context.ts';
import { literal, quoted } from './expression.ts';
import { left, type AnalyzedImage } from './managed-image.ts';
import { repositoryUrl } from './source-repository.ts';
import { stage, verifiedBy } from './stage.ts';

/** A forge may show a request's new head a moment late: then Kargo does not know its own request again, and errs. */
const proposalAttempts = 3;

/** One Stage for each user of an image, so that a failure of one holds up no other. */
export function updateUsers(
  context: SynthContext,
  image: AnalyzedImage,
  analyzedStage: string | undefined,
): readonly StageManifest[] {
  const counts = new Map<string, number>();
  return image.enrolment.updates.flatMap((user) => {
    const number = (counts.get(user.format) ?? 0) + 1;
    counts.set(user.format, number);
    return updateUser(context, image, user, { number, analyzedStage }) ?? [];
  });
}

function updateUser(
  context: SynthContext,
  { enrolment, repoUrl, imageWarehouse }: AnalyzedImage,
  user: ImageUser,
  { number, analyzedStage }: { readonly number: number; readonly analyzedStage: string | undefined },
): StageManifest | undefined {
  const { name } = enrolment;
  const url = repositoryUrl(user, context.settings.providers, context.repository);
  if (!url.ok) {
    context.problems.push(
      left(name, `${user.format} is not updated: ${url.error}`, 'Name the repository by an https URL.'),
    );
    return undefined;
  }
  // Without its Warehouse the image has a problem already.
  if (imageWarehouse === undefined || analyzedStage === undefined) return undefined;
  const [first, ...others] = changeSteps(user, repoUrl);
  if (!first) return undefined;
  const stageName = context.names.of('Stage', 'update', `${name}-${user.format}-${number}`);
  return stage(
    context,
    stageName,
    { image: name, component: 'update' },
    {
      requestedFreight: [verifiedBy(imageWarehouse, analyzedStage)],
      promotionTemplate: {
        spec: {
          steps: [
            {
              uses: 'git-clone',
              as: 'clone',
              config: {
                repoURL: url.value,
                checkout: [{ path: './repo', branch: user.branch }],
                ...(context.kargo.partialClone ? { blobless: true } : {}),
              },
            },
            first,
            ...others,
            {
              uses: 'git-commit',
              as: 'commit',
              config: { path: './repo', message: `${name}: \${{ imageFrom(${literal(repoUrl)}).Tag }}` },
            },
            ...deliverySteps(user, {
              name,
              repoURL: url.value,
              branch: `image-factory-update/${context.kargo.namespace}/${stageName}`,
            }),
          ],
        },
      },
    },
  );
}

function changeSteps(user: ImageUser, repoUrl: string): PromotionStep[] {
  return user.paths.flatMap((path): PromotionStep[] => {
    const place = path === '.' ? './repo' : `./repo/${path}`;
    if (user.format === 'kustomize') {
      const image = user.image ?? repoUrl;
      // Without the star Kargo takes away the newName that stands there, and the image would come from elsewhere.
      const set: KustomizeImage =
        user.part === 'tag'
          ? { image, newName: '*', tag: written('tag', repoUrl) }
          : { image, newName: '*', digest: written('digest', repoUrl) };
      return [{ uses: 'kustomize-set-image', config: { path: place, images: [set] } }];
    }
    const [first, ...others] = Object.entries(user.keys)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => ({ key, value: written(part, repoUrl) }));
    return first
      ? [{ uses: 'yaml-update', config: { path: place, updates: [first, ...others] } }, stillYaml(place)]
      : [];
  });
}

/** Kargo replaces a line from its value to its end, a brace too: a file that this breaks must never be committed. */
function stillYaml(path: string): PromotionStep {
  return { uses: 'yaml-parse', config: { path, outputs: [{ name: 'yaml', fromExpression: 'true' }] } };
}

function written(part: WrittenPart, repoUrl: string): string {
  const image = `imageFrom(${literal(repoUrl)})`;
  if (part === 'tag') return quoted(`${image}.Tag`);
  if (part === 'digest') return quoted(`${image}.Digest`);
  return `${repoUrl}:\${{ ${image}.Tag }}@\${{ ${image}.Digest }}`;
}

interface Delivery {
  readonly name: string;
  readonly repoURL: string;
  /** For pull requests. */
  readonly branch: string;
}

/**
 * Each only where the one before it changed something: an update that is there already is no failure. A request is not
 * waited for: while Kargo waits every newer Freight would queue behind it, to be proposed one after the other. So there is
 * one branch for each user, and one open request that is moved on to the newest build.
 */
function deliverySteps(user: ImageUser, { name, repoURL, branch }: Delivery): PromotionStep[] {
  const after = (alias: string): string => `\${{ success() && status('${alias}') == 'Succeeded' }}`;
  if (user.mode === 'push')
    return [
      {
        uses: 'git-push',
        as: 'push',
        if: after('commit'),
        config: { path: './repo', targetBranch: user.branch },
      },
    ];
  const provider: GitProvider = user.provider === 'forgejo' ? 'gitea' : user.provider;
  return [
    {
      uses: 'git-push',
      as: 'push',
      if: after('commit'),
      config: { path: './repo', targetBranch: branch, force: true },
    },
    {
      uses: 'git-open-pr',
      as: 'propose',
      if: after('push'),
      retry: { errorThreshold: proposalAttempts },
      config: {
        repoURL,
        provider,
        sourceBranch: branch,
        targetBranch: user.branch,
        title: `Update ${name}`,
        description: `The newest build of ${name}. Image Factory moves this branch on to newer ones.`,
      },
    },
  ];
}
