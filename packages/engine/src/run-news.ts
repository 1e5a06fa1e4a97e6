import type { Provider } from '@image-factory/core/enrolment/types.ts';
import { concernsOpen } from '@image-factory/core/rebuild/reported.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { Alarm } from './alarm.ts';

/** What came in since the last cycle about runs that nobody knew; a whole organisation may send its call-backs here. */
const mostKept = 1000;

/** Rings the alarm for news of runs, as far as they can be those of open rebuilds. */
export interface RunNews {
  /** There is news of a run. Answers whether an open rebuild can be meant, as far as is known now. */
  hear(provider: Provider, run: string | undefined): boolean;
  /** The intents are these now. What came before and is about one of their runs after all rings now. */
  known(intents: FactoryState['intents']): void;
}

/** Before anything is known all news may be about an open rebuild. */
export function createRunNews({ ring }: Pick<Alarm, 'ring'>): RunNews {
  let intents: FactoryState['intents'] | undefined;
  let unheard: { readonly provider: Provider; readonly run: string | undefined }[] = [];
  return {
    hear(provider, run) {
      const concerns = intents === undefined || concernsOpen(intents, provider, run);
      if (concerns) ring();
      // A run that began while a cycle runs may have ended before that cycle.
      else if (unheard.length < mostKept) unheard.push({ provider, run });
      return concerns;
    },
    known(now) {
      intents = now;
      const before = unheard;
      unheard = [];
      // Of what has no run yet that news is no news: the cycle has just looked for it.
      const followed = new Map([...now].filter(([, { run }]) => run !== undefined));
      if (before.some(({ provider, run }) => concernsOpen(followed, provider, run))) ring();
    },
  };
}
