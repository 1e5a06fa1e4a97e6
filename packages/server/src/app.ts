import { formatProblem, problemOf, FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { callBackRoutes } from './call-backs.ts';
import type { ServerParts } from './parts.ts';
import { rebuildRoutes } from './rebuilds.ts';
import { refuse } from './refusal.ts';

/** What `image-factory serve` answers: a function from request to response, without any socket. */
export function createApp(parts: ServerParts): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header('cache-control', 'no-store');
    context.header('x-content-type-options', 'nosniff');
  });
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const why = parts.notReady();
    return why === undefined ? context.text('ready\n') : context.text(`${why}\n`, 503);
  });
  app.route('/hooks', callBackRoutes(parts));
  app.route('/api/v1/rebuilds', rebuildRoutes(parts));
  app.notFound(() =>
    refuse(
      404,
      new FactoryError({ code: 'NOT_FOUND', message: 'there is nothing here', hint: 'See docs/server.md.' }),
    ),
  );
  app.onError((thrown) => {
    if (thrown instanceof HTTPException) return unauthorized(thrown);
    const problem = problemOf(thrown);
    const status = statusOf(problem);
    if (status >= 500) parts.log.warn(formatProblem(problem));
    // Whoever asks learns what is wrong with what was sent, and of everything else only that something is.
    return refuse(status, new FactoryError(status < 500 ? problem : hidden(problem)));
  });
  return app;
}

/** What Hono throws is about the token alone. */
function unauthorized(thrown: HTTPException): Response {
  const hint = 'Send "Authorization: Bearer ..." with the token that server.token in factory.yaml names.';
  const message = 'the token is missing, or it is another one';
  const answer = refuse(401, new FactoryError({ code: 'USAGE', message, hint }));
  const challenge = thrown.getResponse().headers.get('www-authenticate');
  if (challenge !== null) answer.headers.set('www-authenticate', challenge);
  return answer;
}

/** A 5xx is sent again by whoever asked; a 4xx is not. */
function statusOf({ code }: Problem): number {
  if (code === 'CALL_BACK_REFUSED') return 401;
  if (code === 'CALL_BACK_INVALID') return 400;
  return code === 'INTERNAL' ? 500 : 503;
}

function hidden({ code }: Problem): Problem {
  return { code, message: 'this could not be done now', hint: 'Ask again; the log of the server says why.' };
}
