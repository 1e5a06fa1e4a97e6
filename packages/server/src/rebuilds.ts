import { createHash, timingSafeEqual } from 'node:crypto';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Handed, HandedState } from '@image-factory/engine/handed.ts';
import { Hono, type Context } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { z } from 'zod';
import type { ServerParts } from './parts.ts';
import { refuse } from './refusal.ts';

const handedShape = z.strictObject({
  image: z.string().min(1).max(100),
  key: z.string().regex(/^[0-9a-z]{1,128}$/),
  attempt: z
    .string()
    .regex(/^[1-9]\d{0,5}$/)
    .transform(Number),
});

/**
 * `PUT /api/v1/rebuilds/<image>/<key>/<attempt>` has the run of a decided rebuild started, once however often it is asked,
 * and tells how it is; `GET` only tells. `status` is `waiting` or `running` while it is open, else its outcome.
 */
export function rebuildRoutes(parts: ServerParts): Hono {
  const authorized = bearerAuth({
    verifyToken: async (token) => isSame(token, await parts.token()),
  });
  const path = '/:image/:key/:attempt';
  return new Hono()
    .use(authorized)
    .put(path, async (context) => answer(context, (handed) => parts.startRebuild(handed)))
    .get(path, async (context) => answer(context, (handed) => parts.rebuildState(handed)));
}

async function answer(context: Context, ask: (handed: Handed) => Promise<HandedState>): Promise<Response> {
  const handed = handedShape.safeParse(context.req.param());
  if (!handed.success) return refuse(400, misunderstood());
  const state = await ask(handed.data);
  if (state.kind === 'unknown') return refuse(404, unknown(handed.data));
  // What only a person can change is no answer to wait for.
  if (state.kind === 'waiting' && state.why !== undefined) return refuse(409, unstartable(state.why));
  return context.json(answerOf(state));
}

function answerOf(state: Exclude<HandedState, { readonly kind: 'unknown' }>): object {
  if (state.kind === 'waiting') return { status: 'waiting' };
  if (state.kind === 'running')
    return { status: 'running', run: state.run, ...(state.url === undefined ? {} : { url: state.url }) };
  const { run, digest, log, error } = state.ended;
  return { status: state.outcome, run, digest, log, error };
}

/** Takes as long whatever is sent: hashes are of one length. Without a token of ours nothing is the same. */
function isSame(sent: string, own: string | undefined): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(sent), hash(own ?? '')) && own !== undefined && own !== '';
}

function misunderstood(): FactoryError {
  return new FactoryError({
    code: 'USAGE',
    message: 'this names no rebuild',
    hint: 'Write /api/v1/rebuilds/IMAGE/BUILD-KEY/ATTEMPT, as the intent has them.',
  });
}

function unknown({ image, attempt }: Handed): FactoryError {
  return new FactoryError({
    code: 'NOT_FOUND',
    message: `attempt ${attempt} of ${image} under this key is neither open nor among its last rebuilds`,
    hint: 'It was closed, or another decision took its place: see image-factory history.',
  });
}

function unstartable(why: string): FactoryError {
  return new FactoryError({ code: 'USAGE', message: why, hint: 'Run image-factory synth, and apply dist/.' });
}
