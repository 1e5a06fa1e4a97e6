import { minute } from '@image-factory/core/time.ts';
import { digest } from '../records.ts';
import { chance } from '../world/scheduler.ts';
import { CallBackPost } from './call-back-post.ts';
import type { SentCallBack } from './call-back-signing.ts';
import type { FakeForge } from './fake-forge.ts';
import { fakeGitea } from './gitea.ts';
import { FakeGithub } from './github.ts';
import { fakeGitlab } from './gitlab.ts';
import type { ForgeCall } from './serve-forge.ts';
import { tekton } from './webhook-systems.ts';
import { fakeWebhook } from './webhook.ts';
import type { WorkflowOptions, WorkflowRun } from './workflow-runs.ts';

export type TellingForge = 'github' | 'gitlab' | 'gitea' | 'forgejo' | 'webhook';

export interface ToldRun {
  readonly run: WorkflowRun;
  /** In the order in which the forge sent them. */
  readonly callBacks: readonly SentCallBack[];
}

const token = 'a-token-of-a-test';
const key = '0123456789abcdef0123456789abcdef';

/** One run of the factory's workflow from its start to its end, and what its forge told of it by itself. */
export async function toldRun(
  provider: TellingForge,
  secret: string,
  outcome: 'success' | 'failure' | 'superseded' = 'success',
): Promise<ToldRun> {
  let now = Date.UTC(2026, 0, 1, 12);
  const callBacks: SentCallBack[] = [];
  const post = new CallBackPost({
    now: () => now,
    random: () => 0,
    sink: (callBack) => void callBacks.push(callBack),
  });
  const forge = forgeOf(provider, {
    now: () => now,
    random: chance(1),
    claim: () => outcome !== 'superseded',
    outcome: () => (outcome === 'failure' ? 'failure' : 'success'),
    push: () => digest('what the run pushed'),
    callBacks: { secret, post },
  });
  const reply = await forge.handle({ ...startOf(provider), query: new URLSearchParams() });
  if (reply === 'lost' || reply.status >= 300) throw new Error(`not started: ${JSON.stringify(reply)}`);
  for (let step = 0; step < 10; step++) {
    forge.catchUp();
    now += minute;
  }
  const [run] = forge.runs;
  if (!run) throw new Error('nothing was started');
  return { run, callBacks };
}

function forgeOf(provider: TellingForge, options: WorkflowOptions): FakeForge {
  switch (provider) {
    case 'github': {
      const forge = new FakeGithub(options);
      forge.add('acme/app');
      forge.tokens.set(token, { permissions: { actions: 'write', contents: 'write' } });
      return forge;
    }
    case 'gitlab':
      return fakeGitlab({ ...options, project: 'acme/app', token });
    case 'webhook':
      return fakeWebhook({
        ...options,
        system: tekton,
        credential: { header: 'authorization', value: `Bearer ${token}` },
      });
    default:
      return fakeGitea({
        ...options,
        dialect: provider,
        repo: 'acme/app',
        workflow: 'build-image.yml',
        token,
      });
  }
}

function startOf(provider: TellingForge): Pick<ForgeCall, 'method' | 'path' | 'headers' | 'body'> {
  const inputs = { factory_key: key, factory_attempt: '1', factory_image: 'app' };
  const scheme = provider === 'gitea' || provider === 'forgejo' ? 'token' : 'Bearer';
  const json = (path: string, body: unknown) => ({
    method: 'POST',
    path,
    headers: { authorization: `${scheme} ${token}` },
    body: JSON.stringify(body),
  });
  const dispatch = '/repos/acme/app/actions/workflows/build-image.yml/dispatches';
  switch (provider) {
    case 'github':
      return json(dispatch, { ref: 'main', inputs });
    case 'gitlab':
      return json('/api/v4/projects/acme%2Fapp/pipeline', { ref: 'main', inputs });
    case 'webhook':
      return json('/', { key, attempt: '1', image: 'app' });
    default:
      return json(`/api/v1${dispatch}`, { ref: 'main', inputs });
  }
}
