import { minute } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import type { HttpConfig } from '../manifests/step-config.ts';
import type { SynthContext } from './context.ts';
import { literal } from './expression.ts';

/**
 * Has a running Image Factory start the rebuild of the intent, and tells how it is. A PUT is made to be repeated
 * (RFC 9110, 9.2.2): an answer that is neither success nor failure sends it again at the next poll, also after a crash of
 * the server. What no repetition mends ends the promotion.
 */
export function serverRequest({ kargo }: SynthContext): HttpConfig {
  const then = `task.outputs['then']`;
  const answered = 'response.status == 200';
  const refused = 'response.status in [400, 401, 403, 404, 409]';
  const ended = `response.body?.status in ["failure", "cancelled", "superseded", "base-drift"]`;
  return {
    url: `${kargo.server ?? ''}/api/v1/rebuilds/\${{ vars.image }}/\${{ ${then}.key }}/\${{ ${then}.attempt }}`,
    method: 'PUT',
    headers: [
      { name: 'Accept', value: 'application/json' },
      { name: 'Authorization', value: `Bearer \${{ secret(${literal(kargo.secrets.server)}).token }}` },
    ],
    // It may have to commit, and to wait for a CI system.
    timeout: kargoDuration(2 * minute),
    pollInterval: kargoDuration(minute),
    successExpression: `${answered} && response.body?.status == "success"`,
    failureExpression: `${refused} || (${answered} && ${ended})`,
  };
}
