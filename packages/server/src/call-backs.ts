import { providers } from '@image-factory/core/enrolment/schema-parts.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { CallBackNews, CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ServerParts } from './parts.ts';
import { refuse } from './refusal.ts';

/** The largest of the events that matter is far below; forges cut theirs off at 25 MB. */
const largestBody = 2 * 1024 * 1024;

/** Who reads the call-backs of the provider in the address. */
interface Listened {
  readonly Variables: { reader: CallBackReader };
}

/** `POST /hooks/<provider>`: CI systems tell of their runs by themselves. Only what is signed is read at all. */
export function callBackRoutes(parts: ServerParts): Hono<Listened> {
  const limit = bodyLimit({
    maxSize: largestBody,
    onError: () =>
      refuse(
        413,
        new FactoryError({
          code: 'CALL_BACK_INVALID',
          message: `the body is larger than ${largestBody} bytes`,
          hint: 'Send the events of runs alone (workflow_run, Pipeline events).',
        }),
      ),
  });
  const app = new Hono<Listened>();
  // Where nobody listens no body is read.
  app.use('/:provider', async (context, next) => {
    const provider = providers.find((known) => known === context.req.param('provider'));
    const reader = provider && parts.callBacksOf(provider);
    if (reader) {
      context.set('reader', reader);
      return next();
    }
    return refuse(
      404,
      new FactoryError({
        code: 'NOT_FOUND',
        message: 'nobody listens to call-backs here',
        hint: 'Set callBack for this provider in factory.yaml.',
      }),
    );
  });
  app.post('/:provider', limit, async (context) => {
    const reader = context.get('reader');
    const body = new Uint8Array(await context.req.arrayBuffer());
    const headers = new Map(context.req.raw.headers.entries());
    const news = await reader.read({ headers, body });
    return context.json({ ...(await take(parts, reader.provider, news)) }, 202);
  });
  return app;
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
