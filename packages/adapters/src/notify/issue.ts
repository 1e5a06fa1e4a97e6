import { createHash } from 'node:crypto';
import type { IssueChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import { hour } from '@image-factory/core/time.ts';
import { asNotTold } from './failure.ts';
import type { IssueTracker } from './issue-tracker.ts';
import { markdownOf } from './markdown.ts';
import { oneLine } from './plain-text.ts';

/** Forges slow down who makes many at once; the rest is for the next cycle. */
const mostAtOnce = 20;
/** The forge's clock may be behind. */
const clockMargin = hour;

/**
 * One issue per condition, from its beginning to its end. Before one is made it is looked for by a mark in its body, so
 * that a process that died after making it leaves no second one behind; if two processes made one at the same moment,
 * the later is closed.
 */
export function createIssueNotifier(channel: IssueChannel, tracker: IssueTracker): Notifier {
  async function opened(message: Message, signal: AbortSignal): Promise<string> {
    const mark = markOf(message);
    const since = (message.since ?? message.at) - clockMargin;
    const [before] = await tracker.find(mark, since, signal);
    if (before !== undefined) return before;
    const body = `${markdownOf(message)}\n\n${mark}\n`;
    const made = await tracker.create(oneLine(message.title, 200), body, signal);
    const [first = made, ...others] = await tracker.find(mark, since, signal);
    if (first === made || !others.includes(made)) return made;
    await tracker.close(made, signal);
    return first;
  }

  async function tellOne(message: Message, signal: AbortSignal): Promise<string | undefined> {
    if (message.phase === 'test') {
      await tracker.close(await opened(message, signal), signal);
      return undefined;
    }
    const known = message.issue === undefined ? undefined : await tracker.read(message.issue, signal);
    if (message.phase === 'resolved') {
      const number =
        known?.number ??
        (await tracker.find(markOf(message), (message.since ?? message.at) - clockMargin, signal))[0];
      // A person may have closed it: then nobody waits for the news.
      if (number === undefined || known?.open === false) return undefined;
      await tracker.close(number, signal);
      await tracker.comment(number, markdownOf(message), signal);
      return undefined;
    }
    if (!known) return opened(message, signal);
    if (message.phase === 'still') await tracker.comment(known.number, markdownOf(message), signal);
    return known.number;
  }

  return {
    async tell(messages, told, signal) {
      try {
        for (const message of messages.slice(0, mostAtOnce)) told(message, await tellOne(message, signal));
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        throw asNotTold(channel.name, thrown);
      }
    },
    async check(signal) {
      try {
        await tracker.find(markOf({ thread: '' }), Date.now(), signal);
      } catch (thrown) {
        throw asNotTold(channel.name, thrown);
      }
    },
  };
}

/** Not to be seen by readers of the issue. */
export function markOf({ thread }: Pick<Message, 'thread'>): string {
  const hash = createHash('sha256').update(thread).digest('hex');
  return `<!-- image-factory-alert ${hash.slice(0, 40)} -->`;
}
