/** One answer of the registry, before faults and before it is written out. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

const empty = Buffer.alloc(0);

export function reply(
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: Buffer = empty,
): Reply {
  return { status, headers, body };
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Reply {
  return reply(
    status,
    { 'content-type': 'application/json', ...headers },
    Buffer.from(JSON.stringify(value)),
  );
}

/** The error body of the distribution specification. */
export function errorReply(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Reply {
  return jsonReply(status, { errors: [{ code, message }] }, headers);
}
