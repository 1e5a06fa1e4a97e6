import { testMessage } from '@image-factory/core/notify/messages.ts';
import { FactoryError, problemOf, type Problem } from '@image-factory/core/problem.ts';
import { nearest } from '@image-factory/core/nearest.ts';
import { second } from '@image-factory/core/time.ts';
import type { Answer } from '../answer.ts';
import { loadConfig } from '../config-files.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { openNotifiers } from '../open-notifiers.ts';
import { ProblemsError } from '../problems-error.ts';
import { stopSignal } from '../stop-signal.ts';
import { clockOf } from '../system-clock.ts';

const testWithin = 30 * second;

/** Sends a test message to every channel, or to the one that is named. */
export async function notify(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const loaded = await loadConfig(options.dir);
  if (!loaded.ok) throw new ProblemsError(loaded.error);
  const { settings } = loaded.value;
  const wanted = typeof flags['test'] === 'string' ? flags['test'] : undefined;
  const names = settings.notifications.map(({ name }) => name);
  if (wanted !== undefined && !names.includes(wanted)) throw new FactoryError(unknownChannel(wanted, names));
  if (names.length === 0) throw new FactoryError(noChannel);
  const notifiers = openNotifiers(options.dir, () => settings, io);
  const stop = stopSignal();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(testWithin)]);
  try {
    const results = [];
    for (const name of names) {
      if (wanted !== undefined && name !== wanted) continue;
      results.push({ channel: name, problem: await tell(name) });
    }
    const problems = results.flatMap(({ problem }) => problem ?? []);
    const told = results.flatMap(({ channel, problem }) => (problem ? [] : [channel]));
    return {
      value: { told },
      text: (style) => told.map((name) => `${style.good('told')} ${name}\n`).join(''),
      problems,
    };
  } finally {
    stop.dispose();
    await notifiers.close();
  }

  async function tell(name: string): Promise<Problem | undefined> {
    try {
      const notifier = await notifiers.open(name);
      await notifier?.tell([testMessage(name, clockOf(io).now())], () => undefined, signal);
      return undefined;
    } catch (thrown) {
      if (!signal.aborted) return problemOf(thrown);
      return {
        code: 'NOTIFY_FAILED',
        message: `channel ${name} took longer than ${testWithin / second} s`,
        hint: 'Check its address and the network.',
      };
    }
  }
}

const noChannel: Problem = {
  code: 'USAGE',
  message: 'factory.yaml names no channel',
  hint: 'Add one under notifications: docs/notifications.md has an example of each.',
};

function unknownChannel(name: string, names: readonly string[]): Problem {
  const near = nearest(name, names);
  return {
    code: 'USAGE',
    message: `there is no channel ${name}${near === undefined ? '' : `; did you mean ${near}?`}`,
    hint: names.length === 0 ? noChannel.hint : `Channels: ${names.join(', ')}.`,
  };
}
