import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { FactoryError } from '@image-factory/core/problem.ts';
import { minute, second } from '@image-factory/core/time.ts';
import type { Hono } from 'hono';

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** The address for people, without a slash at its end. */
  readonly url: string;
  /** Takes no more requests, and waits for those at work, a few seconds at most. */
  close(): Promise<void>;
}

const closeWithin = 10 * second;

/** Opens a socket for the app; port 0 takes any free one. Throws FactoryError where it cannot. */
export async function listen(
  app: Hono,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: 10 * second,
      requestTimeout: 30 * second,
      keepAliveTimeout: 5 * second,
      connectionsCheckingInterval: 5 * second,
      maxHeaderSize: 16 * 1024,
    },
  }) as Server;
  server.maxConnections = 128;
  server.setTimeout(2 * minute);
  await new Promise<void>((resolve, reject) => {
    const refused = (thrown: NodeJS.ErrnoException): void => {
      reject(cannotListen(host, port, thrown));
    };
    server.once('error', refused);
    server.listen({ host, port }, () => {
      server.off('error', refused);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        const forced = setTimeout(() => server.closeAllConnections(), closeWithin);
        server.close(() => {
          clearTimeout(forced);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'no address is known for that name',
};

function cannotListen(host: string, port: number, { code, message }: NodeJS.ErrnoException): FactoryError {
  const why = reasons[code ?? ''] ?? message;
  return new FactoryError({
    code: 'USAGE',
    message: `cannot listen at ${host}:${port}: ${why}`,
    hint: 'Choose another place: --listen 127.0.0.1:8481, or server.listen in factory.yaml.',
  });
}
