import type { Answer } from '../answer.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { examine } from '../doctor/examine.ts';
import type { Finding } from '../doctor/finding.ts';

/** Looks at everything that a first user gets wrong; each finding says how to mend it. */
export async function doctor(options: GlobalOptions, io: Io): Promise<Answer> {
  const findings = await examine(options, io);
  const bad = findings.filter(({ state }) => state === 'bad').length;
  return {
    value: { healthy: bad === 0, findings },
    text: (style) => {
      const mark: Record<Finding['state'], string> = {
        good: style.good('ok  '),
        odd: style.warn('note'),
        bad: style.bad('bad '),
      };
      const lines = findings.map(
        ({ state, what, mend }) =>
          `${mark[state]} ${what}${mend === undefined ? '' : `\n     ${style.dim(mend)}`}`,
      );
      return `${lines.join('\n')}\n${bad === 0 ? 'Everything needed is there.' : `${bad} to mend.`}\n`;
    },
    exit: bad === 0 ? 0 : 1,
  };
}
