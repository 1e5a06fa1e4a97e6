import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Message } from '@image-factory/core/ports/notifier.ts';
import type { SecretSource } from '../secrets/secret-source.ts';

export const at = Date.UTC(2026, 5, 1, 12);

export function message(more: Partial<Message> = {}): Message {
  return {
    id: 'app base-drift raised',
    thread: 'app base-drift 2026-06-01T12:00:00Z',
    phase: 'raised',
    type: 'base-drift',
    severity: 'error',
    at,
    title: 'app: the build did not use the approved base',
    image: 'app',
    since: at,
    next: 'not before a person clears it',
    advice: 'image-factory release app',
    ...more,
  };
}

/** Secrets by the name of their variable. */
export function secretsOf(values: Readonly<Record<string, string>>): SecretSource {
  return {
    async read(reference) {
      return reference.kind === 'env' ? (values[reference.name] ?? '') : '';
    },
  };
}

export const common = { name: 'team', events: [], minSeverity: 'info', remindAfter: 0 } as const;
export const never = new AbortController().signal;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closers: (() => void)[] = [];

export function closeServers(): void {
  for (const close of closers.splice(0)) close();
}

export async function listen(
  answer: (seen: Seen, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      answer(one, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
