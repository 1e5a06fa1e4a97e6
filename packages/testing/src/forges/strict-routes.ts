import { misfit, type Shape } from './shape.ts';
import type { ForgeReply, ForgeCall } from './serve-forge.ts';

/** One operation of a fake: what it accepts, what it may answer, and what it does. */
export interface Route {
  readonly method: string;
  /** Below the fake's root; groups are handed to `answer`, percent-decoded. */
  readonly path: RegExp;
  /** Names of query parameters that it has. */
  readonly query?: readonly string[];
  readonly body?: Shape;
  /** By status; an answer with a status that is not named, or of another form, is a mistake of the fake. */
  readonly answers: Readonly<Record<number, Shape | 'nothing'>>;
  answer(groups: readonly string[], request: ForgeCall & { readonly json: unknown }): ForgeReply | 'lost';
}

/** Refusals have a form of their own on every server. */
const errorShape: Shape = {
  fields: {
    message: 'anything',
    error: 'text?',
    error_description: 'text?',
    url: 'text?',
    errors: 'anything',
  },
};

/**
 * Answers by the first route that fits. Unknown parameters and fields are refused with 400 and noted in `mistakes`: real
 * servers ignore many of them, and a request with a misspelt one would then do something else than it says.
 */
export function answerStrictly(
  routes: readonly Route[],
  request: ForgeCall,
  path: string,
  mistakes: string[],
): ForgeReply | 'lost' {
  for (const route of routes) {
    const match = route.method === request.method ? route.path.exec(path) : null;
    if (!match) continue;
    const json = parsed(request.body);
    const wrong = mistakeIn(route, request, json);
    if (wrong !== undefined) {
      mistakes.push(`${request.method} ${path}: ${wrong}`);
      return { status: 400, body: { message: wrong } };
    }
    const reply = route.answer(match.slice(1).map(decodeURIComponent), { ...request, json });
    if (reply !== 'lost') checkReply(route, reply, `${request.method} ${path}`);
    return reply;
  }
  return { status: 404, body: { message: '404 Not Found' } };
}

function parsed(body: string): unknown {
  try {
    return body === '' ? undefined : (JSON.parse(body) as unknown);
  } catch {
    return undefined;
  }
}

function mistakeIn(route: Route, request: ForgeCall, json: unknown): string | undefined {
  const unknown = [...request.query.keys()].find((name) => !(route.query ?? []).includes(name));
  if (unknown !== undefined) return `unknown parameter ${unknown}`;
  if (route.body === undefined) return request.body === '' ? undefined : 'a body where none is read';
  return misfit(json, route.body);
}

function checkReply({ answers }: Route, { status, body }: ForgeReply, what: string): void {
  if (status >= 400 && answers[status] === undefined) {
    const wrong = misfit(body, errorShape);
    if (wrong !== undefined) throw new Error(`the fake answered ${what} with a wrong error: ${wrong}`);
    return;
  }
  const shape = answers[status];
  if (shape === undefined) throw new Error(`the fake answered ${what} with ${status}`);
  const wrong = shape === 'nothing' ? (body === undefined ? undefined : 'a body') : misfit(body, shape);
  if (wrong !== undefined) throw new Error(`the fake answered ${what} wrongly: ${wrong}`);
}
