import { spawn, type ChildProcess } from 'node:child_process';
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { httpSink, type ImageSink } from './registry/push.ts';

export interface DockerRegistry {
  /** `127.0.0.1:<port>`: the domain of its references. */
  readonly host: string;
  readonly origin: string;
  readonly sink: ImageSink;
  readonly pid: number;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

export interface DockerRegistryOptions {
  /** Default: `docker-registry`, searched in PATH. */
  readonly binary?: string;
  /** Default: a folder of its own under the system's temporary folder. */
  readonly parentFolder?: string;
}

const startTimeout = 20_000;

/** Where the registry of Debian's package `docker-registry` is; undefined if it is not installed. */
export async function findDockerRegistry(
  searchPath: string = process.env['PATH'] ?? '',
): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    const file = join(folder, 'docker-registry');
    const usable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return file;
  }
  return undefined;
}

/** Starts a real registry on a free port, with its data in a temporary folder. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const binary = options.binary ?? (await findDockerRegistry());
  if (!binary) throw new Error('docker-registry is not installed (Debian package docker-registry)');
  const folder = await mkdtemp(join(options.parentFolder ?? tmpdir(), 'image-factory-registry-'));
  try {
    return await startIn(folder, binary);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: string, binary: string): Promise<DockerRegistry> {
  // Between finding a free port and its use another process may take it: then the next port is tried.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const file = join(folder, 'config.json');
    await writeFile(file, configuration(folder, host));
    const child = spawn(binary, ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const output = tail(child);
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    const end = async (): Promise<void> => {
      await endProcess(child);
      process.removeListener('exit', killAtExit);
    };
    if (await answers(`http://${host}/v2/`, child)) {
      const stop = async (): Promise<void> => {
        await end();
        await rm(folder, { recursive: true, force: true });
      };
      return { host, origin: `http://${host}`, sink: httpSink(`http://${host}`), pid: child.pid ?? 0, stop };
    }
    await end();
    if (attempt === 3) throw new Error(`docker-registry did not start: ${output().slice(-500)}`);
  }
}

/** JSON is YAML as well, and needs no quoting rules. */
function configuration(folder: string, host: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: host, headers: { 'X-Content-Type-Options': ['nosniff'] } },
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-4000);
  });
  child.once('error', (error) => {
    text += error.message;
  });
  return () => text;
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  // A program that cannot be started says so in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  const giveUpAt = performance.now() + startTimeout;
  while (performance.now() < giveUpAt) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false;
    const response = await fetch(url).catch(() => undefined);
    // A stranger's server on this port would answer too, but our child would have ended by then.
    if (response?.ok && child.exitCode === null) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(killer);
}
