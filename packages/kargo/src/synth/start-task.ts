import { minute } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { kargoApiVersion } from '../manifests/manifest.ts';
import type { PromotionTaskManifest } from '../manifests/project.ts';
import type { UsesStep } from '../manifests/step.ts';
import type { SynthContext } from './context.ts';
import { literal, quoted } from './expression.ts';
import { startRequest, waitRequest, type StartingForge } from './forge-requests.ts';
import { metaOf } from './meta.ts';
import { serverRequest } from './server-request.ts';

/** Who starts runs: a forge that Kargo asks, or a running Image Factory that it asks. */
export type Starter = StartingForge | 'server';

export const startTaskNames: Readonly<Record<Starter, string>> = {
  github: 'start-on-github',
  gitlab: 'start-on-gitlab',
  server: 'start-by-image-factory',
};

/** What all Stages of a starter do: look whether the intent of the Freight is still the one of now, start it, and wait. */
export function startTask(context: SynthContext, starter: Starter): PromotionTaskManifest {
  const { kargo } = context;
  const isServer = starter === 'server';
  return {
    apiVersion: kargoApiVersion,
    kind: 'PromotionTask',
    metadata: metaOf(kargo.namespace, startTaskNames[starter], { wave: 'templates', component: 'rebuild' }),
    spec: {
      vars: isServer ? [{ name: 'image' }] : [{ name: 'image' }, { name: 'url' }, { name: 'runs' }],
      steps: [...stillOpen(context), ...(isServer ? askServer(context) : askForge(context, starter))],
    },
  };
}

/** Reads the intent as it was in the Freight and as it is now, and ends the promotion where they are not the same. */
function stillOpen({
  kargo,
  stateRepository,
  stateBranch,
}: SynthContext): readonly [UsesStep, ...UsesStep[]] {
  const intent = 'intents/${{ vars.image }}.yaml';
  return [
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
  ];
}

/** One request, once: what is sent again after a crash of Kargo the run's own claim of key and attempt stops. */
function askForge(context: SynthContext, forge: StartingForge): readonly UsesStep[] {
  return [
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
      retry: { errorThreshold: 10, timeout: kargoDuration(context.settings.limits.runTimeout) },
      config: waitRequest(context, forge),
    },
  ];
}

/** The server starts a run once however often it is asked, so one step asks until the run has ended. */
function askServer(context: SynthContext): readonly UsesStep[] {
  return [
    {
      uses: 'http',
      as: 'rebuild',
      retry: { errorThreshold: 10, timeout: kargoDuration(context.settings.limits.runTimeout) },
      config: serverRequest(context),
    },
  ];
}

function differs(key: 'key' | 'attempt'): string {
  return `task.outputs['now']?.${key} != task.outputs['then'].${key}`;
}
