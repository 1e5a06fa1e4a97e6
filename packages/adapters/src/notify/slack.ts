import type { SlackChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import { linesOf } from '@image-factory/core/notify/messages.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { asNotTold, notTold } from './failure.ts';
import { oneLine } from './plain-text.ts';
import { createPoster, type Poster } from './post.ts';

/** More than this would be cut by the server. */
const mostPerPost = 10;
const mark = { error: ':red_circle:', warning: ':large_orange_circle:', info: ':white_circle:' } as const;

export interface PostingOptions {
  readonly secrets: SecretSource;
  readonly poster?: Poster;
}

/** Slack's incoming webhooks, and those of others that take their form (Mattermost, Rocket.Chat). */
export function createSlackNotifier(channel: SlackChannel, options: PostingOptions): Notifier {
  const { secrets, poster = createPoster(channel.name) } = options;

  async function address(): Promise<string> {
    try {
      return await secrets.read(channel.address, 'https://hooks.slack.com');
    } catch (thrown) {
      throw asNotTold(channel.name, thrown);
    }
  }

  return {
    async tell(messages, told, signal) {
      const url = await address();
      for (let from = 0; from < messages.length; from += mostPerPost) {
        const part = messages.slice(from, from + mostPerPost);
        const text = part.map(slackText).join('\n\n');
        await poster.post(url, {}, JSON.stringify({ text }), signal);
        for (const message of part) told(message);
      }
    },
    async check() {
      const url = await address();
      if (!URL.canParse(url) || !/^https?:/.test(url))
        throw notTold(
          channel.name,
          'its secret is no address',
          'Set it to the address that the server gave out.',
        );
    },
  };
}

/** Mattermost and others read Markdown and `@all` where Slack reads neither. */
export function escapeSlack(text: string, most: number): string {
  return oneLine(text, most)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('](', ']\u200b(');
}

function slackText(message: Message): string {
  const sign = message.phase === 'resolved' ? ':large_green_circle:' : mark[message.severity];
  const lines = linesOf(message).map(([name, text]) => `${name}: ${escapeSlack(text, 300)}`);
  return [`${sign} ${escapeSlack(message.title, 200)}`, ...lines].join('\n');
}
