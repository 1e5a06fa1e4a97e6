import { minute, second } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import type { HttpConfig } from '../manifests/step-config.ts';
import type { SynthContext } from './context.ts';
import { literal, quoted } from './expression.ts';

/** The forges whose runs Kargo can start and follow. */
export const startingForges = ['github', 'gitlab'] as const;
export type StartingForge = (typeof startingForges)[number];

const created = 'response.status >= 200 && response.status < 300';

/**
 * Sends the request of the intent, once. Every answer ends the step: one that were neither success nor failure would
 * send the request again at each poll, and a failure expression alone makes a poll of every other answer. Source: kargo
 * v1.11.2, pkg/promotion/runner/builtin/http_requester.go.
 */
export function startRequest({ kargo }: SynthContext, forge: StartingForge): HttpConfig {
  return {
    url: '${{ vars.url }}',
    method: 'POST',
    headers: [...headersOf(forge, kargo.secrets[forge]), { name: 'Content-Type', value: 'application/json' }],
    // The text stands in quotes of its own, which Kargo takes off: quote( ) would escape those within it, and without
    // any it would be no text but a mapping.
    body: `"\${{ task.outputs['now'].request }}"`,
    timeout: kargoDuration(30 * second),
    successExpression: created,
    failureExpression: `!(${created})`,
    outputs: [
      {
        name: 'run',
        fromExpression: forge === 'github' ? 'response.body?.workflow_run_id' : 'response.body?.id',
      },
    ],
  };
}

/** Asks how the run is until it has ended. Only what will not change is a failure: a forge that is busy is asked again. */
export function waitRequest({ kargo }: SynthContext, forge: StartingForge): HttpConfig {
  const answered = 'response.status == 200';
  const ended =
    forge === 'github'
      ? {
          success: `response.body?.status == "completed" && response.body?.conclusion == "success"`,
          failure: `response.body?.status == "completed" && response.body?.conclusion != "success"`,
        }
      : {
          success: `response.body?.status == "success"`,
          failure: `response.body?.status in ["failed", "canceled", "skipped"]`,
        };
  return {
    url: `\${{ vars.runs }}/\${{ task.outputs['start'].run }}`,
    method: 'GET',
    headers: headersOf(forge, kargo.secrets[forge]),
    timeout: kargoDuration(30 * second),
    pollInterval: kargoDuration(minute),
    successExpression: `${answered} && ${ended.success}`,
    failureExpression: `response.status == 401 || (${answered} && ${ended.failure})`,
  };
}

function headersOf(
  forge: StartingForge,
  secret: string,
): { readonly name: string; readonly value: string }[] {
  const token = `secret(${literal(secret)}).token`;
  if (forge === 'gitlab')
    return [
      { name: 'Accept', value: 'application/json' },
      { name: 'PRIVATE-TOKEN', value: quoted(token) },
    ];
  return [
    { name: 'Accept', value: 'application/vnd.github+json' },
    { name: 'Authorization', value: `Bearer \${{ ${token} }}` },
    { name: 'X-GitHub-Api-Version', value: '2022-11-28' },
  ];
}
