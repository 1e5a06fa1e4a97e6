import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { dispatchTarget } from '@image-factory/core/rebuild/dispatch.ts';
import { minute } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { kargoApiVersion } from '../manifests/manifest.ts';
import type { PromotionTaskManifest } from '../manifests/project.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import type { SynthContext } from './context.ts';
import { literal, quoted } from './expression.ts';
import { startRequest, waitRequest, type StartingForge } from './forge-requests.ts';
import { left } from './managed-image.ts';
import { metaOf } from './meta.ts';
import { directFrom, stage } from './stage.ts';
import { warehouse } from './warehouse.ts';

/** Subjects are cut at 200 characters, so one of this length may miss names. */
const surelyWhole = 150;

/**
 * The subject of the commit that writes an intent; others touch the file when a run is recorded or has ended. The subject
 * has the names of up to five images. Kargo asks git for the paths of every commit that passes, one process for each, back to the
 * last one of this image: that is why those of other images are left out here.
 */
function startsRebuildOf(name: string): string {
  return (
    `subject startsWith 'Start ' && ` +
    `(subject contains ${literal(name)} || subject endsWith ' more' || len(subject) >= ${surelyWhole})`
  );
}

/** One intent is one commit, one Freight, one promotion and one request. */
export function rebuildImage(
  context: SynthContext,
  enrolment: ManagedEnrolment,
):
  | { readonly forge: StartingForge; readonly manifests: readonly (WarehouseManifest | StageManifest)[] }
  | undefined {
  const { name } = enrolment;
  if (enrolment.mode !== 'dispatch') return undefined;
  const target = dispatchTarget(enrolment, context.settings);
  if (!target.ok) {
    context.problems.push(
      left(
        name,
        `never rebuilt by Kargo: ${target.error}`,
        'Build it by GitHub Actions or GitLab CI (source.provider, source.branch), or by the embedded engine.',
      ),
    );
    return undefined;
  }
  const { kargo, stateRepository, stateBranch } = context;
  const intents = context.names.of('Warehouse', 'intents', name);
  const { provider, url, runs } = target.value;
  const manifests = [
    warehouse(context, intents, { image: name, component: 'rebuild' }, kargo.intervals.intents, {
      git: {
        repoURL: stateRepository,
        branch: stateBranch,
        includePaths: [`intents/${name}.yaml`],
        expressionFilter: startsRebuildOf(name),
        discoveryLimit: 1,
        ...(kargo.partialClone ? { blobless: true } : {}),
      },
    }),
    stage(
      context,
      context.names.of('Stage', 'rebuild', name),
      { image: name, component: 'rebuild' },
      {
        requestedFreight: [directFrom(intents)],
        promotionTemplate: {
          spec: {
            steps: [
              {
                task: { name: startTaskNames[provider] },
                as: 'rebuild',
                vars: [
                  { name: 'image', value: name },
                  { name: 'url', value: url },
                  { name: 'runs', value: runs },
                ],
              },
            ],
          },
        },
      },
    ),
  ];
  return { forge: provider, manifests };
}

export const startTaskNames: Readonly<Record<StartingForge, string>> = {
  github: 'start-on-github',
  gitlab: 'start-on-gitlab',
};

/** What all Stages of a forge do: look whether the intent of the Freight is still the one of now, start it, and wait. */
export function startTask(context: SynthContext, forge: StartingForge): PromotionTaskManifest {
  const { kargo, settings, stateRepository, stateBranch } = context;
  const intent = 'intents/${{ vars.image }}.yaml';
  return {
    apiVersion: kargoApiVersion,
    kind: 'PromotionTask',
    metadata: metaOf(kargo.namespace, startTaskNames[forge], { wave: 'templates', component: 'rebuild' }),
    spec: {
      vars: [{ name: 'image' }, { name: 'url' }, { name: 'runs' }],
      steps: [
        {
          uses: 'git-clone',
          as: 'clone',
          config: {
            repoURL: stateRepository,
            checkout: [
              {
                path: './then',
                commit: quoted(`commitFrom(${literal(stateRepository)}).ID`),
                sparse: ['intents'],
              },
              { path: './now', branch: stateBranch, sparse: ['intents'] },
            ],
            ...(kargo.partialClone ? { blobless: true } : {}),
          },
        },
        {
          uses: 'yaml-parse',
          as: 'then',
          config: {
            path: `./then/${intent}`,
            outputs: [
              { name: 'key', fromExpression: 'key' },
              { name: 'attempt', fromExpression: 'attempt' },
            ],
          },
        },
        {
          uses: 'yaml-parse',
          as: 'now',
          // The file is gone when the intent is closed: the next step says so.
          continueOnError: true,
          config: {
            path: `./now/${intent}`,
            outputs: [
              { name: 'key', fromExpression: 'key' },
              { name: 'attempt', fromExpression: 'attempt' },
              { name: 'request', fromExpression: 'request ?? ""' },
              { name: 'run', fromExpression: 'run?.id ?? ""' },
            ],
          },
        },
        {
          uses: 'fail',
          as: 'still-open',
          if: `\${{ success() && (${differs('key')} || ${differs('attempt')}) }}`,
          config: { message: 'nothing was started: the intent was closed, or another one took its place' },
        },
        {
          uses: 'fail',
          as: 'not-started',
          if: `\${{ success() && task.outputs['now'].run != "" }}`,
          config: { message: 'nothing was started: the intent has a run already' },
        },
        {
          uses: 'fail',
          as: 'for-kargo',
          if: `\${{ success() && task.outputs['now'].request == "" }}`,
          config: {
            message: 'nothing was started: the intent carries no request, so it is not for Kargo to start',
          },
        },
        {
          uses: 'http',
          as: 'start',
          // Sent once; what is sent again after a crash of Kargo the run's own claim of key and attempt stops.
          retry: { errorThreshold: 1, timeout: kargoDuration(2 * minute) },
          config: startRequest(context, forge),
        },
        {
          uses: 'http',
          as: 'wait',
          // Older servers do not name the run: the decide Job finds it, and follows it anyway.
          if: `\${{ success() && task.outputs['start']?.run != nil }}`,
          retry: { errorThreshold: 10, timeout: kargoDuration(settings.limits.runTimeout) },
          config: waitRequest(context, forge),
        },
      ],
    },
  };
}

function differs(key: 'key' | 'attempt'): string {
  return `task.outputs['now']?.${key} != task.outputs['then'].${key}`;
}
