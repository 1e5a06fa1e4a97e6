import type { ImageUser, WrittenPart } from '@image-factory/core/enrolment/image-users.ts';
import { day } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { GitProvider, KustomizeImage } from '../manifests/step-config.ts';
import type { PromotionStep } from '../manifests/step.ts';
import type { SynthContext } from './context.ts';
import { literal, quoted } from './expression.ts';
import { left, type AnalyzedImage } from './managed-image.ts';
import { repositoryUrl } from './source-repository.ts';
import { stage, verifiedBy } from './stage.ts';

/** People look at pull requests in their own time. */
const pullRequestTimeout = 7 * day;

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
  return stage(
    context,
    context.names.of('Stage', 'update', `${name}-${user.format}-${number}`),
    { image: name, component: 'update' },
    {
      requestedFreight: [verifiedBy(imageWarehouse, analyzedStage)],
      promotionTemplate: {
        spec: {
          steps: [
            {
              uses: 'git-clone',
              as: 'clone',
              config: { repoURL: url.value, checkout: [{ path: './repo', branch: user.branch }] },
            },
            first,
            ...others,
            {
              uses: 'git-commit',
              as: 'commit',
              config: { path: './repo', message: `${name}: \${{ imageFrom(${literal(repoUrl)}).Tag }}` },
            },
            ...deliverySteps(user, url.value, name),
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
      const set: KustomizeImage =
        user.part === 'tag'
          ? { image, tag: written('tag', repoUrl) }
          : { image, digest: written('digest', repoUrl) };
      return [{ uses: 'kustomize-set-image', config: { path: place, images: [set] } }];
    }
    const [first, ...others] = Object.entries(user.keys)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => ({ key, value: written(part, repoUrl) }));
    return first ? [{ uses: 'yaml-update', config: { path: place, updates: [first, ...others] } }] : [];
  });
}

function written(part: WrittenPart, repoUrl: string): string {
  const image = `imageFrom(${literal(repoUrl)})`;
  if (part === 'tag') return quoted(`${image}.Tag`);
  if (part === 'digest') return quoted(`${image}.Digest`);
  return `${repoUrl}:\${{ ${image}.Tag }}@\${{ ${image}.Digest }}`;
}

/** Each only where the one before it changed something: an update that is there already is no failure. */
function deliverySteps(user: ImageUser, repoURL: string, name: string): PromotionStep[] {
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
      config: { path: './repo', generateTargetBranch: true },
    },
    {
      uses: 'git-open-pr',
      as: 'propose',
      if: after('push'),
      config: {
        repoURL,
        provider,
        sourceBranch: `\${{ outputs['push'].branch }}`,
        targetBranch: user.branch,
        title: `Update ${name}`,
      },
    },
    {
      uses: 'git-wait-for-pr',
      as: 'merged',
      if: after('propose'),
      retry: { timeout: kargoDuration(pullRequestTimeout) },
      config: { repoURL, provider, prNumber: `\${{ outputs['propose'].pr.id }}` },
    },
  ];
}
