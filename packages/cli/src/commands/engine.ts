import type { Settings } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { stateVersion } from '@image-factory/core/state/intent-codec.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { minute, second } from '@image-factory/core/time.ts';
import type { Changed } from '@image-factory/engine/enter.ts';
import type { Answer } from '../answer.ts';
import { openFactory, type Factory } from '../factory.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { stopSignal } from '../stop-signal.ts';

type Engine = Settings['engine'];

const engines: readonly Engine[] = ['embedded', 'kargo'];
/** Between two looks at what is still open. */
const pause = 15 * second;

/**
 * Says which engine owns the state, or hands it over (brief 4.4): what is open is followed to its end first, and the new
 * owner works in a new epoch, in which no intent of the old one is started any more.
 */
export async function engine(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const wanted = args[0] === undefined ? undefined : engineOf(args[0]);
  // Whoever hands the state over follows what is open to its end, also where a server did that, which is stopped by now.
  const factory = await openFactory(options, io, {}, { isServer: true });
  const stop = stopSignal();
  try {
    const { engine: first, intents } = await factory.read();
    let owner = first;
    if (wanted && owner?.engine !== wanted) {
      const patience = flags['wait'] === false ? 0 : 60 * minute;
      if (intents.size > 0) await drained(factory, owner?.engine, patience, stop.signal);
      await factory.change(`Hand the state over to the ${wanted} engine`, (state) =>
        handedOver(state, wanted, factory.deps.clock.now()),
      );
      owner = (await factory.read()).engine;
    }
    return {
      value: owner ?? { engine: factory.config.settings.engine, epoch: 0 },
      text: () =>
        (owner ? `${owner.engine}, epoch ${owner.epoch}` : 'nobody yet: the first run decides') +
        (owner && owner.engine !== factory.config.settings.engine
          ? `\nset engine: ${owner.engine} in factory.yaml now\n`
          : '\n'),
    };
  } finally {
    stop.dispose();
    await factory.close();
  }
}

function engineOf(word: string): Engine {
  const found = engines.find((known) => known === word);
  if (found) return found;
  throw new FactoryError({
    code: 'USAGE',
    message: `there is no engine ${word}`,
    hint: `Write one of ${engines.join(', ')}.`,
  });
}

/** Follows what is open, starting nothing, until nothing is. */
async function drained(
  factory: Factory,
  owner: Engine | undefined,
  patience: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = factory.deps;
  if (owner && owner !== factory.config.settings.engine) {
    throw new FactoryError({
      code: 'STATE_EPOCH',
      message: `rebuilds of the ${owner} engine are still open, and factory.yaml says engine: ${factory.config.settings.engine}`,
      hint: `Set engine: ${owner} again until this command has handed the state over.`,
      subject: { kind: 'factory' },
    });
  }
  const began = clock.monotonic();
  for (;;) {
    const { state } = await factory.cycle({ startOnly: new Set(), only: new Set(), follow: true, signal });
    const open = [...state.intents.keys()];
    if (open.length === 0) return;
    signal.throwIfAborted();
    if (clock.monotonic() - began >= patience) throw stillOpen(open);
    factory.log.progress(`waiting for ${open.join(', ')}`);
    await clock.sleep(pause, signal);
  }
}

function handedOver(state: FactoryState, wanted: Engine, at: number): Changed {
  const open = [...state.intents.keys()];
  // Decided on the newest records: the old engine may have started something meanwhile.
  if (open.length > 0) throw stillOpen(open);
  const epoch = (state.engine?.epoch ?? 0) + 1;
  const text = `the state is handed over from the ${state.engine?.engine ?? 'embedded'} to the ${wanted} engine`;
  return {
    state: { ...state, engine: { engine: wanted, epoch, version: stateVersion } },
    events: [{ at, type: 'engine', text, data: { engine: wanted, epoch } }],
  };
}

function stillOpen(open: readonly string[]): FactoryError {
  return new FactoryError({
    code: 'STATE_EPOCH',
    message: `rebuilds are still open: ${open.slice(0, 5).join(', ')}${open.length > 5 ? ` and ${open.length - 5} more` : ''}`,
    hint: 'Stop the engine that owns the state, wait until its rebuilds have ended, and run this again.',
    subject: { kind: 'factory' },
  });
}
