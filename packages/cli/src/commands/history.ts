import { FactoryError } from '@image-factory/core/problem.ts';
import type { Event } from '@image-factory/core/state/types.ts';
import { decodeEvents } from '@image-factory/core/state/events.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { namesIn, unknownName } from '../names.ts';
import { readState } from '../read-state.ts';
import { ledgerTable } from '../render/ledger.ts';
import { table } from '../render/table.ts';

/** What happened to an image or base, newest first: the audit log, the rebuilds, and for a base its ledger. */
export async function history(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  const { state, files, problems } = await readState(options, io);
  const image = state.images.get(name);
  const base = state.bases.get(name);
  const events = [...files]
    .filter(([path]) => path.startsWith('events/'))
    .flatMap(([, text]) => decodeEvents(text).events)
    .filter((event) => event.image === name || event.base === name)
    // Of the same moment, what was written last happened last.
    .toReversed()
    .toSorted((a, b) => b.at - a.at)
    .filter(onceForEachAttempt())
    .slice(0, Number(flags['limit']));
  if (!image && !base && events.length === 0) {
    throw new FactoryError(unknownName(name, namesIn(state)));
  }
  const ledger = base?.ledger ?? image?.ledger ?? [];
  return {
    value: { name, events, rebuilds: image?.rebuilds ?? [], ledger },
    text: (style) => {
      const parts: string[] = [];
      if (events.length > 0) {
        parts.push(
          table(
            ['when', 'event', 'what'],
            events.map((event) => [style.when(event.at), event.type, event.text]),
            style,
          ),
        );
      }
      if (ledger.length > 0) parts.push(ledgerTable(ledger, style));
      return parts.join('\n') || 'nothing happened yet\n';
    },
    problems,
  };
}

/** What a provider puts off is decided anew in each cycle, maybe for hours: the newest of each is told. */
function onceForEachAttempt(): (event: Event) => boolean {
  const putOff = new Set<string>();
  return ({ type, data }) => {
    const attempt = `${JSON.stringify(data?.['key'])} ${JSON.stringify(data?.['attempt'])}`;
    if (type === 'not-started') return !putOff.has(attempt) && Boolean(putOff.add(attempt));
    if (type !== 'intent' || !putOff.has(attempt)) return true;
    const isFirst = !putOff.has(`decided ${attempt}`);
    putOff.add(`decided ${attempt}`);
    return isFirst;
  };
}
