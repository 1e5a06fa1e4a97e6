import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** One HTTP request to a fake forge, as its server or a test in virtual time hands it over. */
export interface ForgeCall {
  readonly method: string;
  /** Without the query, percent-encoded as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ForgeReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is text. */
  readonly body?: unknown;
}

/** `lost`: the connection is closed without an answer, after the forge did what it was asked. */
export type ForgeHandler = (request: ForgeCall) => Promise<ForgeReply | 'lost'>;

export interface ServedForge {
  /** `http://127.0.0.1:<port>`, or `https://localhost:<port>` */
  readonly url: string;
  close(): Promise<void>;
}

const largestBody = 4 * 1024 * 1024;

/** Serves a fake forge on a free port of 127.0.0.1; with a certificate over TLS, as `localhost`. */
export async function serveForge(
  handle: ForgeHandler,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ServedForge> {
  const listener: RequestListener = (incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > largestBody) return incoming.socket.destroy();
        chunks.push(chunk);
      }
      const url = new URL(incoming.url ?? '/', 'http://forge.invalid');
      const reply = await handle({
        method: incoming.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.concat(chunks).toString('utf8'),
      });
      if (reply === 'lost') return incoming.socket.destroy();
      const isText = typeof reply.body === 'string' || reply.body === undefined;
      outgoing.writeHead(reply.status, {
        'content-type': isText ? 'text/plain' : 'application/json',
        ...reply.headers,
      });
      outgoing.end(isText ? reply.body : JSON.stringify(reply.body));
      return undefined;
    })().catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  };
  const server = tls ? createTlsServer({ ...tls }, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
