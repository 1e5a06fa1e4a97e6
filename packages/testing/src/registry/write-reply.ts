import type { ServerResponse } from 'node:http';
import type { FaultAction } from './faults.ts';
import type { Reply } from './reply.ts';
import { reply } from './reply.ts';

const otherDigest = `sha256:${'0'.repeat(64)}`;

/** Writes the answer out, with the fault in it. Returns the status that was sent, if any was. */
export function writeReply(
  response: ServerResponse,
  method: string,
  right: Reply,
  fault: FaultAction | undefined,
): number | undefined {
  if (fault?.kind === 'hang') return undefined;
  if (fault?.kind === 'drop') {
    response.destroy();
    return undefined;
  }
  const sent = fault ? distorted(right, fault) : right;
  const headers: Record<string, string | string[]> = { 'docker-distribution-api-version': 'registry/2.0' };
  for (const [name, value] of Object.entries(sent.headers)) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  if (fault?.kind === 'no-date') {
    response.sendDate = false;
    response.removeHeader('date');
  }
  if (fault?.kind === 'skewed-date') headers['date'] = new Date(Date.now() + fault.by).toUTCString();
  if (fault && writeBrokenBody(response, sent, headers, fault)) return sent.status;
  if (sent.status !== 204 && sent.status !== 304) headers['content-length'] = String(sent.body.length);
  response.writeHead(sent.status, headers);
  response.end(method === 'HEAD' ? undefined : sent.body);
  return sent.status;
}

function distorted(right: Reply, fault: FaultAction): Reply {
  const without = (name: string): Record<string, string | readonly string[]> =>
    Object.fromEntries(Object.entries(right.headers).filter(([key]) => key !== name));
  switch (fault.kind) {
    case 'status':
      return reply(fault.status, fault.headers ?? {}, Buffer.from(fault.body ?? ''));
    case 'html':
      return reply(
        fault.status ?? 200,
        { 'content-type': 'text/html; charset=utf-8' },
        Buffer.from('<!doctype html><title>Sign in</title><h1>Please sign in</h1>'),
      );
    case 'redirect':
      return reply(fault.status ?? 307, { location: fault.location });
    case 'no-digest-header':
      return { ...right, headers: without('docker-content-digest') };
    case 'wrong-digest-header':
      return {
        ...right,
        headers: { ...without('etag'), 'docker-content-digest': fault.digest ?? otherDigest },
      };
    case 'wrong-body':
      return { ...right, body: Buffer.from(right.body.toString('latin1').replaceAll('a', 'b'), 'latin1') };
    default:
      return right;
  }
}

/** True if the fault concerns how the body is sent, and the answer has been started here. */
function writeBrokenBody(
  response: ServerResponse,
  sent: Reply,
  headers: Record<string, string | string[]>,
  fault: FaultAction,
): boolean {
  switch (fault.kind) {
    case 'endless-body':
      response.writeHead(sent.status, headers);
      pour(response);
      return true;
    case 'slow-body':
      response.writeHead(sent.status, headers);
      trickle(response, fault.interval);
      return true;
    case 'cut-body':
      response.writeHead(sent.status, { ...headers, 'content-length': String(sent.body.length + 100) });
      response.write(sent.body, () => response.destroy());
      return true;
    default:
      return false;
  }
}

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const more = (): void => {
    if (response.destroyed) return;
    if (response.write(chunk)) setImmediate(more);
    else response.once('drain', more);
  };
  more();
}

function trickle(response: ServerResponse, interval: number): void {
  const timer = setInterval(() => response.write(' '), interval);
  response.once('close', () => clearInterval(timer));
}
