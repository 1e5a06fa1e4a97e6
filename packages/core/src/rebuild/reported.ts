import type { FactoryState, Intent, RunReport } from '../state/types.ts';
import { withIntent } from './intents.ts';

/** What a run may be said to have come to, the strongest word last. */
const strength: readonly RunReport['status'][] = ['superseded', 'cancelled', 'failure', 'success'];

/** The open intent of a build key's attempt: a key names its image already. */
export function intentOfKey(state: FactoryState, key: string, attempt: number): Intent | undefined {
  return state.intents.values().find((intent) => intent.key === key && intent.attempt === attempt);
}

/**
 * Can news of this provider's run be news of an open rebuild? A whole organisation may send its call-backs here. Of a
 * rebuild whose run is not known yet it may be the run.
 */
export function concernsOpen(
  intents: FactoryState['intents'],
  provider: string,
  run: string | undefined,
): boolean {
  return intents
    .values()
    .some(
      (intent) => intent.provider === provider && (run === undefined || !intent.run || intent.run.id === run),
    );
}

/**
 * Enters what a CI system said about the end of a run. Reports come twice and in any order, and two runs of one key may
 * both report (the one that lost the claim as superseded): the strongest counts and of equals the first, so that the
 * order makes no difference. Without an open intent nothing changes: it has ended already.
 */
export function withReport(
  state: FactoryState,
  key: string,
  attempt: number,
  report: RunReport,
): FactoryState {
  const intent = intentOfKey(state, key, attempt);
  // What is run again may tell late of the end that it had before, and its provider can be asked.
  if (!intent || intent.retry) return state;
  const known = intent.reported;
  if (known && strength.indexOf(known.status) >= strength.indexOf(report.status)) return state;
  return withIntent(state, { ...intent, reported: report });
}
