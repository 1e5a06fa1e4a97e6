import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { idAt, textAt } from '../ci-http/fields.ts';
import {
  bodyOf,
  callBackReader,
  eventOf,
  lookAt,
  nothing,
  notUnderstood,
  verifyBody,
  type CallBackOptions,
} from '../ci-runs/call-back.ts';

const provider = 'github';
/** SHA-1 in `X-Hub-Signature` is sent beside it for old receivers, and never read here. */
const signature = { header: 'X-Hub-Signature-256', prefix: 'sha256=', algorithm: 'sha256' } as const;
/** `workflow_run`, activity types. */
const actions = ['requested', 'in_progress', 'completed'];
/** How the factory starts runs: whatever else runs in the repository is not followed. */
const started = ['workflow_dispatch', 'repository_dispatch'];

/**
 * The webhooks of a repository, an organisation or an App, by GitHub's documentation "Validating webhook deliveries"
 * (header, `sha256=` and lower-case hex over the body) and "Webhook events and payloads" (`ping`, `workflow_run`).
 */
export function createGithubCallBacks(options: CallBackOptions): CallBackReader {
  return callBackReader(
    {
      provider,
      verify: (callBack, secret) => verifyBody(provider, callBack, signature, secret),
      news(callBack) {
        const event = eventOf(provider, callBack, 'X-GitHub-Event');
        if (event === 'ping') return nothing('the webhook is set up');
        if (event !== 'workflow_run') return nothing(`event ${event}: only workflow_run tells of runs`);
        const body = bodyOf(provider, callBack);
        const action = textAt(body, 'action') ?? '';
        if (!actions.includes(action)) throw notUnderstood(provider, 'it has no known action');
        const look = lookAt(provider, idAt(body, 'workflow_run', 'id'), 'workflow_run.id');
        return started.includes(textAt(body, 'workflow_run', 'event') ?? '')
          ? look
          : nothing('a run that no dispatch started');
      },
    },
    options,
  );
}
