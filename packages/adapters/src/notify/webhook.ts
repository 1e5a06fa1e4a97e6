import { createHmac } from 'node:crypto';
import type { WebhookChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import { formatInstant } from '@image-factory/core/time.ts';
import { asNotTold, notTold } from './failure.ts';
import { oneLine, someLines } from './plain-text.ts';
import { createPoster } from './post.ts';
import type { PostingOptions } from './slack.ts';

const mostPerPost = 50;

/** Any endpoint that takes a POST; docs/notifications.md describes its body and signature. */
export function createWebhookNotifier(channel: WebhookChannel, options: PostingOptions): Notifier {
  const { secrets, poster = createPoster(channel.name) } = options;

  async function open(): Promise<{ readonly url: string; readonly key: string | undefined }> {
    try {
      const { address, sign } = channel;
      const url = typeof address === 'string' ? address : await secrets.read(address, 'https://webhook');
      return { url, key: sign && (await secrets.read(sign.secret, url)) };
    } catch (thrown) {
      throw asNotTold(channel.name, thrown);
    }
  }

  return {
    async tell(messages, told, signal) {
      const { url, key } = await open();
      for (let from = 0; from < messages.length; from += mostPerPost) {
        const part = messages.slice(from, from + mostPerPost);
        const body = JSON.stringify({ version: 1, channel: channel.name, messages: part.map(bodyOf) });
        const headers: Record<string, string> = {};
        if (channel.sign && key !== undefined)
          headers[channel.sign.header] = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
        await poster.post(url, headers, body, signal);
        for (const message of part) told(message);
      }
    },
    async check() {
      const { url } = await open();
      if (!URL.canParse(url) || !/^https?:/.test(url))
        throw notTold(channel.name, 'its secret is no address', 'Set it to the whole address.');
    },
  };
}

function bodyOf(told: Message): unknown {
  const { at, since, title, error, issue: _, ...message } = told;
  return {
    ...message,
    at: formatInstant(at),
    ...(since === undefined ? {} : { since: formatInstant(since) }),
    title: oneLine(title, 500),
    ...(error === undefined ? {} : { error: someLines(error, 4000) }),
  };
}
