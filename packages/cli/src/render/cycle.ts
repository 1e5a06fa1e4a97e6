import type { CycleReport } from '@image-factory/engine/cycle.ts';
import type { Style } from './style.ts';

/** A cycle as JSON: the same for `run --once` and `rebuild`. */
export function cycleValue({ at, started, ended, plan }: CycleReport): unknown {
  return { at, started, ended, plan };
}

export function endedText({ ended }: CycleReport, style: Style): string {
  return ended
    .map(({ image, rebuild }) => {
      const good = rebuild.outcome === 'success';
      const outcome = good ? style.good(rebuild.outcome) : style.bad(rebuild.outcome);
      const detail = good ? (rebuild.digest ?? '') : (rebuild.error ?? '');
      const log = good || rebuild.log === undefined ? '' : `\n  log: ${rebuild.log}`;
      return `${style.bold(image)} ${outcome} (${rebuild.reason}) ${detail}${log}\n`;
    })
    .join('');
}
