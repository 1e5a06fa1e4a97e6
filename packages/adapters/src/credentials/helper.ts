import { execFile } from 'node:child_process';
import type { Credential } from '@image-factory/core/ports/credentials.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { second, type Duration } from '@image-factory/core/time.ts';
import { basic } from './config-file.ts';

export interface HelperOptions {
  /** @default 10 s */
  readonly timeout?: Duration;
  /** Environment of the helper; it may need the user's folders and sockets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const largestOutput = 1024 * 1024;
/** What helpers say when they know nothing of a server (docker-credential-helpers). */
const unknownServer = /credentials not found|no credentials server url|no credentials found/i;

/**
 * Asks `docker-credential-<name> get` for a server; undefined if it knows none. The helper is started without a
 * shell, and what it prints never stands in a message: it may be the secret.
 */
export function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credential | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    return Promise.reject(
      failure('', `"${name.slice(0, 40).replace(/[^\x20-\x7e]/g, '?')}" is no name of a helper`),
    );
  }
  const program = `docker-credential-${name}`;
  const { timeout = 10 * second, environment } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      ['get'],
      {
        timeout,
        killSignal: 'SIGKILL',
        maxBuffer: largestOutput,
        env: { ...environment },
        windowsHide: true,
      },
      (error, stdout) => {
        if (!error) {
          const credential = parseOutput(stdout);
          if (credential === 'invalid') reject(failure(program, 'its answer is no credential'));
          else resolve(credential);
        } else if (unknownServer.test(stdout)) resolve(undefined);
        else reject(failure(program, whyFailed(error, timeout)));
      },
    );
    // A helper that ends without reading gives EPIPE here, and its exit code tells what happened.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(server);
  });
}

function parseOutput(stdout: string): Credential | 'invalid' | undefined {
  let json: { Username?: unknown; Secret?: unknown } | null;
  try {
    json = JSON.parse(stdout) as { Username?: unknown; Secret?: unknown } | null;
  } catch {
    return 'invalid';
  }
  const { Username: username, Secret: secret } = json ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string') return 'invalid';
  return username === '' && secret === '' ? undefined : basic(username, secret);
}

function whyFailed(error: Error & { code?: unknown; killed?: boolean }, timeout: Duration): string {
  if (error.code === 'ENOENT') return 'it is not installed';
  if (error.code === 'EACCES') return 'it may not be executed';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed too much';
  if (error.killed) return `it did not answer within ${timeout / second} s`;
  return `it ended with exit code ${String(error.code)}`;
}

function failure(program: string, why: string): FactoryError {
  return new FactoryError({
    code: 'CREDENTIALS',
    message: `the credential helper ${program ? `${program} failed: ` : ''}${why}`,
    hint: 'Try it by hand: `echo <registry> | docker-credential-<name> get`; helpers are named in the Docker config as credHelpers and credsStore.',
  });
}
