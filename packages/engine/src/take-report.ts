import type { Provider, Settings } from '@image-factory/core/enrolment/types.ts';
import type { CallBackNews } from '@image-factory/core/ports/call-back.ts';
import { intentOfKey, withReport } from '@image-factory/core/rebuild/reported.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { EngineDeps } from './deps.ts';
import { openRecords } from './records.ts';

export type Report = Extract<CallBackNews, { kind: 'report' }>;

/**
 * Commits what a CI system told about the end of a run, so that no later cycle has to hear it again. Answers the image
 * whose open rebuild it is about; undefined where none is open under that key and attempt, and nothing is written. Nobody is
 * believed about the runs of another provider: who may end those is asked itself.
 */
export async function takeReport(
  deps: Pick<EngineDeps, 'store' | 'clock'>,
  engine: Settings['engine'],
  provider: Provider,
  { key, attempt, report }: Report,
): Promise<string | undefined> {
  const records = openRecords({ store: deps.store, dry: false, engine });
  await records.load();
  const isTheirs = (state: FactoryState): boolean => intentOfKey(state, key, attempt)?.provider === provider;
  const image = isTheirs(records.state) ? intentOfKey(records.state, key, attempt)?.image : undefined;
  if (image === undefined) return undefined;
  const at = deps.clock.now();
  await records.transact(`Note what the run of ${image} reported: ${report.status}`, (before) => {
    const state = isTheirs(before) ? withReport(before, key, attempt, { ...report, at }) : before;
    const text = `the run of ${image} reported ${report.status}`;
    const event = { at, type: 'run-reported', image, text, data: { run: report.run, key } };
    return { state, events: state === before ? [] : [event] };
  });
  return image;
}
