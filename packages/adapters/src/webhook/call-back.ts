import type { WebhookCallBack, WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import {
  bodyOf,
  callBackReader,
  notUnderstood,
  verifyBody,
  type CallBackOptions,
} from '../ci-runs/call-back.ts';
import type { RunMark } from '../ci-runs/run-mark.ts';
import { runIdAt, statusIn, wordAt } from './answer.ts';
import { idOf, usualId } from './run-id.ts';

export interface WebhookCallBackOptions extends CallBackOptions {
  readonly settings: WebhookCallBack;
  /** Where the system names its runs: the call-back is asked for it at the same JSON path as the answer to a start. */
  readonly run: WebhookSettings['run'];
}

const provider = 'webhook';
/** As `buildKey` of the core makes them. */
const keyForm = /^[0-9a-f]{32}$/;
const longestState = 200;

/**
 * Call-backs of the system that `providers.webhook` describes, read by the JSON paths of `callBack`. Its word counts for
 * the end of a run, since it may be one that cannot be asked; that a run goes on is only a reason to look.
 */
export function createWebhookCallBacks(options: WebhookCallBackOptions): CallBackReader {
  const { settings, run: runId } = options;
  return callBackReader(
    {
      provider,
      verify: (callBack, secret) => verifyBody(provider, callBack, settings.sign, secret),
      news(callBack) {
        const body = bodyOf(provider, callBack);
        const mark = markAt(body, settings);
        const state = wordAt(body, settings.state);
        if (state === undefined || state.length > longestState)
          throw notUnderstood(provider, `${settings.state} is not a state`);
        const run = idOf(mark, runIdAt(body, runId) ?? usualId(mark));
        const { status, ...told } = statusIn(body, settings);
        return status === 'running'
          ? { kind: 'look', run }
          : { kind: 'report', ...mark, report: { status, run, ...told } };
      },
    },
    options,
  );
}

function markAt(body: unknown, settings: WebhookCallBack): RunMark {
  const key = wordAt(body, settings.key) ?? '';
  if (!keyForm.test(key)) throw notUnderstood(provider, `${settings.key} is not a build key`);
  const attempt = wordAt(body, settings.attempt) ?? '';
  if (!/^[1-9]\d{0,5}$/.test(attempt))
    throw notUnderstood(provider, `${settings.attempt} is not the number of an attempt`);
  return { key, attempt: Number(attempt) };
}
