import { inCluster } from '@image-factory/adapters/kubernetes/cluster-access.ts';
import {
  createClusterApi,
  namespaceOf,
  type PatchOutcome,
} from '@image-factory/adapters/kubernetes/cluster-api.ts';
import { kargoKeys } from '@image-factory/kargo/manifests/manifest.ts';
import { decideLook, hourOf, type LeftBecause } from '@image-factory/kargo/spread-looks/decide-look.ts';
import { readWatchedWarehouse } from '@image-factory/kargo/spread-looks/watched-warehouse.ts';
import { slotLabel } from '@image-factory/kargo/synth/meta.ts';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { stopSignal } from '../stop-signal.ts';

const words: Readonly<
  Record<LeftBecause | Exclude<PatchOutcome, 'patched'> | 'refused' | 'hour-over', string>
> = {
  'in-its-hour': 'looked at in this hour already, as every day',
  'asked-lately': 'asked for within 25 hours, or by a request without a time',
  looking: 'not looked at yet, or being looked at',
  'other-interval': 'with an interval that is not whole days',
  'other-hour': 'of another hour',
  changed: 'changed meanwhile',
  gone: 'gone meanwhile',
  refused: 'that the API server does not let be asked for',
  'hour-over': 'left for tomorrow, since the hour is over',
};

type Left = keyof typeof words;

/**
 * Asks Kargo for one look at each upstream Warehouse of this hour whose looks fall into another one. Runs in a pod whose
 * ServiceAccount may list and patch Warehouses; twice in an hour it does no more than once.
 */
export async function spreadLooks(
  _options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const folder = typeof flags['serviceAccount'] === 'string' ? flags['serviceAccount'] : undefined;
  const access = inCluster(io.env, folder);
  const place = {
    group: 'kargo.akuity.io',
    version: 'v1alpha1',
    resource: 'warehouses',
    namespace: namespaceOf(access),
  };
  const isDryRun = flags['dryRun'] === true;
  const hour = hourOf(io.now());
  const api = createClusterApi(access, { fieldManager: 'image-factory-spread-looks' });
  const stop = stopSignal();
  const asked: string[] = [];
  const left = new Map<Left, number>();
  const problems: Problem[] = [];
  try {
    for await (const listed of api.list(place, `${slotLabel}=${hour}`, stop.signal)) {
      const warehouse = readWatchedWarehouse(listed);
      if (!warehouse) continue;
      const result = await ask(warehouse);
      if (result === 'patched') asked.push(warehouse.name);
      else left.set(result, (left.get(result) ?? 0) + 1);
    }
  } catch (thrown) {
    // What was asked for is told, and the next run goes on.
    if (!stop.signal.aborted) throw thrown;
  } finally {
    stop.dispose();
    await api.close();
  }
  return {
    value: { hour, dryRun: isDryRun, asked, left: Object.fromEntries(left) },
    text: (style) => {
      const verb = isDryRun ? 'would ask for a look at' : 'asked for a look at';
      const lines = [
        ...asked.map((name) => `${style.good(verb)} ${name}`),
        ...[...left].map(([reason, count]) => `${count} ${words[reason]}`),
        ...(asked.length + [...left].length === 0 ? [`no upstream Warehouse has the hour ${hour}`] : []),
      ];
      return lines.map((line) => `${line}\n`).join('');
    },
    problems,
  };

  async function ask(
    warehouse: NonNullable<ReturnType<typeof readWatchedWarehouse>>,
  ): Promise<Left | 'patched'> {
    const now = io.now();
    // A look after the hour would have to be moved again.
    if (hourOf(now) !== hour) return 'hour-over';
    const decision = decideLook(warehouse, now);
    if ('left' in decision) return decision.left;
    if (isDryRun) return 'patched';
    return annotate(warehouse, decision.ask);
  }

  /** What is refused for one Warehouse is no reason to leave the others. */
  async function annotate(
    warehouse: Parameters<typeof ask>[0],
    value: string,
  ): Promise<PatchOutcome | 'refused'> {
    try {
      return await api.annotate(place, warehouse, { key: kargoKeys.refresh, value }, stop.signal);
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem.code !== 'CLUSTER_DENIED') throw thrown;
      problems.push(problem);
      return 'refused';
    }
  }
}
