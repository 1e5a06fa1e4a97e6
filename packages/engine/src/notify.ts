import type { Channel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { alertsOf, type Alert, type SeenBases } from '@image-factory/core/notify/alerts.ts';
import { happeningsOf } from '@image-factory/core/notify/happenings.ts';
import { messagesOf, type Telling } from '@image-factory/core/notify/messages.ts';
import { noteAlerts } from '@image-factory/core/notify/told.ts';
import type { Plan } from '@image-factory/core/plan/types.ts';
import type { Message, Notifiers } from '@image-factory/core/ports/notifier.ts';
import type { FactoryState, ImageRecord } from '@image-factory/core/state/types.ts';
import { second } from '@image-factory/core/time.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { counted } from './wording.ts';

/** All channels together; who takes longer is told in the next cycle. */
const tellWithin = 30 * second;
/** For a channel to say what it managed, once it was asked to stop. */
const grace = second;

/**
 * Tells people what is new since they were told last. What was told is written after it was sent: a process that dies in
 * between tells it twice, and nothing is lost. No channel can fail a cycle or hold it up for longer than its time.
 */
export async function notify(
  run: CycleRun,
  plan: Plan,
  config: FactoryConfig,
  seen?: SeenBases,
): Promise<void> {
  const { notifiers } = run.deps;
  const { notifications: channels } = run.settings;
  if (!notifiers || isStopped(run)) return;
  if (channels.length === 0 && !anythingNoted(run.records.state)) return;
  run.now = run.time();
  const alerts = alertsOf(run.records.state, plan, run.now, seen);
  await run.records.transact('Note what people are to be told', (state) => ({
    state: noted(state, alerts, run, config),
    events: [],
  }));
  if (channels.length === 0) return;
  const happenings = happeningsOf(run.records.files, run.now);
  const tellings = messagesOf(run.records.state, alerts, happenings, channels, run.now);
  if (tellings.length === 0) return;
  run.deps.log.progress(`telling ${counted(tellings.length, 'message')}`);
  const told = await tellAll(run, notifiers, channels, tellings);
  if (told.length === 0) return;
  run.now = run.time();
  await run.records.transact(`Note that people were told of ${counted(told.length, 'event')}`, (state) => {
    const records = { images: new Map(state.images), bases: new Map(state.bases) };
    for (const { telling, issue } of told) telling.mark(records, issue, run.now);
    return { state: { ...state, ...records }, events: [] };
  });
}

function anythingNoted({ images }: FactoryState): boolean {
  return images.values().some(({ alerts }) => alerts !== undefined);
}

/** Of images that this cycle did not look at nothing is known; those that nobody enrols have no conditions any more. */
function noted(
  state: FactoryState,
  alerts: readonly Alert[],
  run: CycleRun,
  config: FactoryConfig,
): FactoryState {
  const byImage = Map.groupBy(alerts, ({ image }) => image);
  const looked = new Set(run.images.map(({ name }) => name));
  const enrolled = new Set(config.images.map(({ name }) => name));
  let images: Map<string, ImageRecord> | undefined;
  for (const [name, record] of state.images) {
    if (enrolled.has(name) && !looked.has(name)) continue;
    const next = noteAlerts(record, byImage.get(name) ?? [], run.settings.notifications, run.now);
    if (next !== record) (images ??= new Map(state.images)).set(name, next);
  }
  return images ? { ...state, images } : state;
}

interface Told {
  readonly telling: Telling;
  readonly issue: string | undefined;
}

async function tellAll(
  run: CycleRun,
  notifiers: Notifiers,
  channels: readonly Channel[],
  tellings: readonly Telling[],
): Promise<readonly Told[]> {
  const told: Told[] = [];
  let isClosed = false;
  const stop = new AbortController();
  const onStop = (): void => stop.abort(run.signal?.reason);
  run.signal?.addEventListener('abort', onStop, { once: true });
  const late = new Set<string>();

  async function tellChannel(channel: string, own: readonly Telling[]): Promise<void> {
    late.add(channel);
    const byMessage = new Map<Message, Telling>(own.map((telling) => [telling.message, telling]));
    const arrived = (message: Message, issue?: string): void => {
      const telling = byMessage.get(message);
      if (telling && !isClosed) told.push({ telling, issue });
    };
    try {
      const notifier = await notifiers.open(channel);
      if (notifier) await notifier.tell([...byMessage.keys()], arrived, stop.signal);
    } catch (thrown) {
      if (!stop.signal.aborted) noteProblem(run, thrown);
    } finally {
      // One that took too long has been reported by then.
      if (!stop.signal.aborted) late.delete(channel);
    }
  }

  const work = Promise.all(
    channels.flatMap(({ name }) => {
      const own = tellings.filter(({ channel }) => channel === name);
      return own.length === 0 ? [] : [tellChannel(name, own)];
    }),
  );
  const timer = new AbortController();
  const limit = run.deps.clock
    .sleep(tellWithin, timer.signal)
    .then(async () => {
      stop.abort(new Error('took too long'));
      await run.deps.clock.sleep(grace, timer.signal);
    })
    .catch(() => undefined);
  await Promise.race([work, limit]);
  // What arrives from now on is not in this commit: it is told again.
  isClosed = true;
  timer.abort(new Error('done'));
  run.signal?.removeEventListener('abort', onStop);
  for (const channel of late) {
    if (isStopped(run)) break;
    run.problems.push({
      code: 'NOTIFY_FAILED',
      message: `channel ${channel} took longer than ${tellWithin / second} s`,
      hint: `Check it with image-factory notify --test ${channel}; the next cycle tells what it was not told.`,
      subject: { kind: 'factory' },
    });
  }
  return told;
}
