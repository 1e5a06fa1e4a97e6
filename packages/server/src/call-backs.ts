import { providers } from '@image-factory/core/enrolment/schema-parts.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { CallBackNews } from '@image-factory/core/ports/call-back.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ServerParts } from './parts.ts';
import { refuse } from './refusal.ts';

/** The largest of the events that matter is far below; forges cut theirs off at 25 MB. */
const largestBody = 2 * 1024 * 1024;

/** `POST /hooks/<provider>`: CI systems tell of their runs by themselves. Only what is signed is read at all. */
export function callBackRoutes(parts: ServerParts): Hono {
  const limit = bodyLimit({
    maxSize: largestBody,
    onError: (context) =>
      refuse(
        context,
        413,
        invalid(
          `the body is larger than ${largestBody} bytes`,
          'Send the events of runs alone (workflow_run, Pipeline events).',
        ),
      ),
  });
  return new Hono().post('/:provider', limit, async (context) => {
    const provider = providers.find((known) => known === context.req.param('provider'));
    const reader = provider && parts.callBacksOf(provider);
    if (!reader) {
      const hint = 'Set callBack for this provider in factory.yaml.';
      return refuse(context, 404, invalid('nobody listens to call-backs here', hint));
    }
    const body = new Uint8Array(await context.req.arrayBuffer());
    const headers = new Map(context.req.raw.headers.entries());
    const news = await reader.read({ headers, body });
    return context.json({ ...(await take(parts, provider, news)) }, 202);
  });
}

async function take(
  parts: ServerParts,
  provider: Provider,
  news: CallBackNews,
): Promise<{ readonly heard: string; readonly why?: string; readonly image?: string }> {
  if (news.kind === 'nothing') return { heard: 'nothing', why: news.why };
  if (news.kind === 'look')
    return parts.lookSoon(provider, news.run)
      ? { heard: 'look' }
      : { heard: 'nothing', why: 'it is the run of no open rebuild' };
  const image = await parts.takeReport(provider, news);
  return image === undefined
    ? { heard: 'nothing', why: 'no rebuild is open under this key and attempt' }
    : { heard: 'report', image };
}

function invalid(message: string, hint: string): FactoryError {
  return new FactoryError({ code: 'CALL_BACK_INVALID', message, hint });
}
