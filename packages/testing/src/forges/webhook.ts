import { createHmac } from 'node:crypto';
import { signed } from './call-back-signing.ts';
import { faulty, noFaults, type FakeForge, type ForgeFaults } from './fake-forge.ts';
import type { ForgeReply, ForgeCall } from './serve-forge.ts';
import { WorkflowRuns, type RunChange, type WorkflowOptions, type WorkflowRun } from './workflow-runs.ts';

/** How one CI system answers: what a fake of it is made of. */
export interface WebhookSystem {
  /** The inputs that a start hands over, by the names of RunInputs; undefined: this is no start. A reply refuses it. */
  start(
    request: ForgeCall,
    runs: readonly WorkflowRun[],
  ): Readonly<Record<string, string>> | ForgeReply | undefined;
  /** The answer to a start. */
  started(run: WorkflowRun): ForgeReply;
  /** What a last step of its runs sends, or the system itself; undefined: nothing about this change. */
  callBack?(run: WorkflowRun, change: RunChange): unknown;
  /** Any other request; undefined: there is no such address. `runs` are those to be seen. */
  other(request: ForgeCall, runs: readonly WorkflowRun[], all: WorkflowRuns): ForgeReply | undefined;
}

export interface FakeWebhookOptions extends WorkflowOptions {
  readonly system: WebhookSystem;
  /** Header and value that every request has to carry. */
  readonly credential: { readonly header: string; readonly value: string };
  /** HMAC-SHA256 in hex over each body, after `sha256=`. */
  readonly signature?: { readonly header: string; readonly key: string };
}

export interface FakeWebhook extends FakeForge {
  creates: number;
  expired: boolean;
  /** Requests to addresses that it does not have, and bodies that were not signed. */
  readonly mistakes: readonly string[];
}

/** A CI system with an HTTP endpoint, in memory. A new run for every start that it accepts. */
export function fakeWebhook(options: FakeWebhookOptions): FakeWebhook {
  const { system, credential, signature, callBacks } = options;
  const runs = new WorkflowRuns(options, (run, change, at) => {
    const payload = callBacks && system.callBack?.(run, change);
    if (!payload) return;
    const { secret, post } = callBacks;
    post.send(signed({ provider: 'webhook', event: change, payload, secret, delivery: run.id }), at);
  });
  const faults: ForgeFaults = { ...noFaults };
  const mistakes: string[] = [];

  function refused({ headers, body }: ForgeCall): ForgeReply | undefined {
    const given = headers[credential.header.toLowerCase()] ?? '';
    if (forge.expired || given !== credential.value)
      return { status: 401, body: { message: `not accepted: ${given}` } };
    if (!signature || body === '') return undefined;
    const hex = createHmac('sha256', signature.key).update(body).digest('hex');
    if (headers[signature.header.toLowerCase()] === `sha256=${hex}`) return undefined;
    mistakes.push('a body was not signed');
    return { status: 403, body: { message: 'wrong signature' } };
  }

  const forge: FakeWebhook = {
    runs: runs.runs,
    faults,
    mistakes,
    creates: 0,
    expired: false,
    catchUp: () => runs.catchUp(),
    async handle(request) {
      runs.catchUp();
      const denied = refused(request);
      if (denied) return denied;
      if (request.method === 'GET' && options.random() < faults.failedReads)
        return { status: 502, body: { message: 'Bad Gateway' } };
      const inputs = system.start(request, runs.runs);
      if (inputs === undefined) {
        const seen = runs.runs.filter((run) => run.visibleAt <= options.now());
        const reply = system.other(request, seen, runs);
        if (reply) return reply;
        mistakes.push(`${request.method} ${request.path}`);
        return { status: 404, body: { message: 'no such address' } };
      }
      forge.creates += 1;
      if (isReply(inputs)) return inputs;
      return faulty(faults, options.random, {
        create: () => system.started(runs.create(String(17 + runs.runs.length), 'acme/app', inputs)),
        drop: () => ({ status: 202, body: {} }),
        throttle: () => ({ status: 429, headers: { 'retry-after': '20' }, body: { message: 'slow down' } }),
      });
    },
  };
  return forge;
}

function isReply(value: Readonly<Record<string, string>> | ForgeReply): value is ForgeReply {
  return typeof value['status'] === 'number';
}
