import type { FactoryError } from '@image-factory/core/problem.ts';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Problem details (RFC 9457): `title` is for people, `code` for programs. */
export function refuse(
  context: Context,
  status: ContentfulStatusCode,
  { problem: { code, message, hint } }: FactoryError,
): Response {
  return context.json({ title: message, status, code, hint }, status, {
    'content-type': 'application/problem+json',
  });
}
