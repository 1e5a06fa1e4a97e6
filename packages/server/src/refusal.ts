import type { FactoryError } from '@image-factory/core/problem.ts';

/** Problem details (RFC 9457): `title` is for people, `code` for programs. */
export function refuse(status: number, { problem: { code, message, hint } }: FactoryError): Response {
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json({ title: message, status, code, hint }, { status, headers });
}
