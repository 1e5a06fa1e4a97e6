import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { textAt } from '../ci-http/fields.ts';
import {
  bodyOf,
  callBackReader,
  eventOf,
  lookAt,
  nothing,
  verifyBody,
  type CallBackOptions,
} from '../ci-runs/call-back.ts';
import { runIdAt } from '../ci-runs/run-fields.ts';

export interface GiteaCallBackOptions extends CallBackOptions {
  readonly provider: 'gitea' | 'forgejo';
}

interface Words {
  /** Bare hex digits of the HMAC-SHA256 of the body; sent empty where the webhook has no secret. */
  readonly signature: string;
  readonly event: string;
  /** Where the payload of each event that tells of runs has the run, and how that was started. */
  readonly runs: ReadonlyMap<string, { readonly id: readonly string[]; readonly event: readonly string[] }>;
}

const ofJob = { id: ['workflow_job', 'run_id'], event: [] };
const ofForgejo = { id: ['run', 'id'], event: ['run', 'event'] };

/**
 * Gitea: `workflow_run` since 1.25 (go-gitea/gitea#33964), `workflow_job` since 1.24 (#33694), in GitHub's words.
 * Forgejo: `action_run_success`, `action_run_failure` (cancelled runs too) and, beside the first, `action_run_recover`,
 * all with the same payload and only once a run is done (`services/webhook/notifier.go`, `ActionRunNowDone`, as in
 * Forgejo 15; the first version that has them was not looked up). Both sign alike, Forgejo under both names
 * (`services/webhook/shared/payloader.go`, `AddDefaultHeaders`).
 */
const words: Readonly<Record<GiteaCallBackOptions['provider'], Words>> = {
  gitea: {
    signature: 'X-Gitea-Signature',
    event: 'X-Gitea-Event',
    runs: new Map([
      ['workflow_run', { id: ['workflow_run', 'id'], event: ['workflow_run', 'event'] }],
      ['workflow_job', ofJob],
    ]),
  },
  forgejo: {
    signature: 'X-Forgejo-Signature',
    event: 'X-Forgejo-Event',
    runs: new Map([
      ['action_run_success', ofForgejo],
      ['action_run_failure', ofForgejo],
      ['action_run_recover', ofForgejo],
      ['workflow_job', ofJob],
    ]),
  },
};

/** The webhooks of a repository, an organisation or a whole server. */
export function createGiteaCallBacks(options: GiteaCallBackOptions): CallBackReader {
  const { provider } = options;
  const { signature: header, event: eventHeader, runs } = words[provider];
  return callBackReader(
    {
      provider,
      verify: (callBack, secret) =>
        verifyBody(provider, callBack, { header, prefix: '', algorithm: 'sha256' }, secret),
      news(callBack) {
        const event = eventOf(provider, callBack, eventHeader);
        const at = runs.get(event);
        if (!at) return nothing(`event ${event}: it does not tell of runs`);
        const body = bodyOf(provider, callBack);
        const look = lookAt(provider, runIdAt(body, ...at.id), at.id.join('.'));
        // A job does not say what started its run.
        const by = at.event.length === 0 ? undefined : textAt(body, ...at.event);
        return by === undefined || by === 'workflow_dispatch'
          ? look
          : nothing('a run that no dispatch started');
      },
    },
    options,
  );
}
