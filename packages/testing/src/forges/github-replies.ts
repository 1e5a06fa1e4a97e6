import type { Duration, Instant } from '@image-factory/core/time.ts';
import type { GithubWorkflow } from './github-state.ts';
import type { ForgeReply } from './serve-forge.ts';

/** A limit that is in force: `secondary` names its end or says it only in words. */
export type GithubLimit =
  | { readonly kind: 'secondary'; readonly retryAfter?: Duration; readonly until: Instant }
  | { readonly kind: 'primary'; readonly until: Instant };

export function limited(limit: GithubLimit): ForgeReply {
  if (limit.kind === 'primary') {
    const reset = String(Math.ceil(limit.until / 1000));
    const reply = refusal(403, 'API rate limit exceeded for user ID 1.');
    return { ...reply, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset } };
  }
  const reply = refusal(403, 'You have exceeded a secondary rate limit. Please wait a few minutes.');
  return limit.retryAfter === undefined
    ? reply
    : { ...reply, headers: { 'retry-after': String(limit.retryAfter / 1000) } };
}

export function refusedInputs(workflow: GithubWorkflow, given: unknown): ForgeReply | undefined {
  if (workflow.disabled) return refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow");
  if (!workflow.inputs) return refusal(422, "Workflow does not have 'workflow_dispatch' trigger");
  const inputs = (given ?? {}) as Readonly<Record<string, unknown>>;
  const names = Object.keys(inputs);
  if (names.length > 25) return refusal(422, 'Invalid request.\n\nNo more than 25 properties are allowed.');
  const unexpected = names.filter((name) => !workflow.inputs?.includes(name));
  if (unexpected.length > 0) return refusal(422, `Unexpected inputs provided: ${JSON.stringify(unexpected)}`);
  const missing = workflow.required.find((name) => (inputs[name] ?? '') === '');
  if (missing !== undefined) return refusal(422, `Required input '${missing}' not provided`);
  const isText = Object.values(inputs).every((value) => typeof value === 'string');
  return isText ? undefined : refusal(422, 'Invalid request.\n\nFor inputs, a value is not a string.');
}

export function gitRef(ref: string, sha: string): unknown {
  const url = `https://github.test/git/${ref}`;
  return { ref, node_id: 'x', url, object: { type: 'blob', sha, url } };
}

export function refusal(status: number, message: string): ForgeReply {
  return {
    status,
    body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
  };
}

export function bodyOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
