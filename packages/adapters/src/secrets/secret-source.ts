import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { SecretReference } from '@image-factory/core/enrolment/provider-settings.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { second } from '@image-factory/core/time.ts';

/** Reads secrets where they are named; nothing is kept, so that a rotated secret is used at once. */
export interface SecretSource {
  /** Throws a FactoryError with code CREDENTIALS that names the place, never the content. */
  read(reference: SecretReference, address: string): Promise<string>;
}

export interface SecretSourceOptions {
  /** Relative file names are taken from here: the factory directory. */
  readonly baseDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A private key has 3 KiB; what is larger than this is not a secret. */
const largestSecret = 64 * 1024;
const credentialTimeout = 15 * second;

export function createSecretSource({ baseDir, environment }: SecretSourceOptions): SecretSource {
  return {
    async read(reference, address) {
      switch (reference.kind) {
        case 'env':
          return usable(environment[reference.name], `the environment variable ${reference.name}`);
        case 'file':
          return usable(await readSecretFile(resolve(baseDir, reference.path)), `the file ${reference.path}`);
        case 'git-credential':
          return usable(await fillCredential(address, environment), `git credential for ${address}`);
      }
    },
  };
}

/** Line breaks at the end are the editor's; a control character inside would end a header. */
function usable(text: string | undefined, place: string): string {
  const secret = text?.trim() ?? '';
  const isKey = secret.startsWith('-----BEGIN');
  if (secret !== '' && (isKey || !/\p{Cc}/u.test(secret))) return secret;
  throw new FactoryError({
    code: 'CREDENTIALS',
    message: `${place} holds no secret${secret === '' ? '' : ' that could be sent'}`,
    hint: 'Set it where factory.yaml says, or name another place there.',
  });
}

async function readSecretFile(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    return size > largestSecret ? undefined : await file.readFile('utf8');
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Asks git's helpers, which must not ask a person. */
async function fillCredential(
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const url = new URL(address);
  const child = promisify(execFile)('git', ['credential', 'fill'], {
    env: { ...environment, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', SSH_ASKPASS: '' },
    timeout: credentialTimeout,
    maxBuffer: largestSecret,
  });
  child.child.stdin?.on('error', () => undefined);
  child.child.stdin?.end(`protocol=${url.protocol.slice(0, -1)}\nhost=${url.host}\n\n`);
  const answer = await child.catch(() => undefined);
  return answer?.stdout
    .split('\n')
    .find((line) => line.startsWith('password='))
    ?.slice('password='.length);
}
