import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Gate {
  /** `address:port`, as the cluster reaches it. */
  readonly host: string;
  close(): Promise<void>;
}

/** Makes a server of 127.0.0.1 reachable at an address of this machine. */
export async function openGate(address: string, port: number): Promise<Gate> {
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
    from.pipe(to).pipe(from);
  });
  const open = socketsOf(server);
  return { host: `${address}:${await listen(server, address)}`, close: () => closed(server, open) };
}

export interface Recorder extends Gate {
  /** Method, path and body of every request, in order. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly body: string }[];
}

/** Takes the place of a forge: remembers what is asked, and says that a run was created. */
export async function startRecorder(address: string): Promise<Recorder> {
  const requests: { method: string; path: string; body: string }[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      if (body.length < 1_000_000) body += chunk.toString();
    });
    request.on('end', () => {
      requests.push({ method: request.method ?? '', path: request.url ?? '', body });
      const answer =
        request.method === 'POST'
          ? { workflow_run_id: requests.length }
          : { workflow_runs: [], total_count: 0 };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
  const open = socketsOf(server);
  const host = `${address}:${await listen(server, address)}`;
  return { host, requests, close: () => closed(server, open) };
}

async function listen(server: Server, address: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, address, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Connections that somebody keeps open end with it. */
function closed(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}

function socketsOf(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  return open;
}
