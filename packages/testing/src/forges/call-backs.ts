import type { CallBackSetup } from './call-back-post.ts';
import { checkCallBack, type callBackShapes } from './call-back-shapes.ts';
import { signed } from './call-back-signing.ts';
import type { RunChange } from './workflow-runs.ts';

type ForgeName = keyof typeof callBackShapes;

/** What a forge says about one change of a run. */
export interface ForgeNews {
  readonly event: string;
  readonly payload: unknown;
}

/** Sends what `newsOf` makes of every change of a run, checked against its published form and signed. */
export function forgeCallBacks<R>(
  provider: ForgeName,
  setup: CallBackSetup | undefined,
  newsOf: (run: R, change: RunChange) => readonly ForgeNews[],
): (run: R, change: RunChange, at: number) => void {
  let deliveries = 0;
  return (run, change, at) => {
    if (!setup) return;
    for (const { event, payload } of newsOf(run, change)) {
      deliveries += 1;
      const delivery = `00000000-0000-4000-8000-${String(deliveries).padStart(12, '0')}`;
      checkCallBack(provider, event, payload);
      setup.post.send(signed({ provider, event, payload, secret: setup.secret, delivery }), at);
    }
  };
}

/** GitHub's word for a change, which Gitea has taken over. */
export const activity: Readonly<Record<RunChange, string>> = {
  created: 'requested',
  begun: 'in_progress',
  ended: 'completed',
};
