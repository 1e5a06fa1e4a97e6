import { readFile, stat } from 'node:fs/promises';
import type { Credential } from '@image-factory/core/ports/credentials.ts';
import { FactoryError } from '@image-factory/core/problem.ts';

/** What a Docker or podman configuration says about credentials. */
export interface ConfigFile {
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
  readonly auths: ReadonlyMap<string, Credential>;
}

const largestFile = 4 * 1024 * 1024;
const empty: ConfigFile = { credHelpers: new Map(), credsStore: undefined, auths: new Map() };

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * Reads `config.json`, podman's `auth.json`, or the data of a Kubernetes secret: `.dockerconfigjson`, and the older
 * `.dockercfg`, which has no `auths` around its entries.
 */
function parseConfigFile(text: string, file: string): ConfigFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  // The parser's own message would quote the file, and so perhaps a password.
  if (!isObject(json)) throw unreadable(file, 'it is no JSON object');
  const wrapped = ['auths', 'credHelpers', 'credsStore'].some((key) => json[key] !== undefined);
  const auths = new Map<string, Credential>();
  for (const [key, entry] of Object.entries(wrapped ? objectOf(json['auths']) : json)) {
    const credential = isObject(entry) ? credentialFrom(entry) : undefined;
    if (credential) auths.set(key, credential);
  }
  const credHelpers = new Map<string, string>();
  for (const [host, helper] of Object.entries(objectOf(json['credHelpers']))) {
    if (typeof helper === 'string') credHelpers.set(host, helper);
  }
  return { auths, credHelpers, credsStore: textOf(json['credsStore']) };
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A password may hold colons: the first one parts it from the user's name. */
function credentialFrom(entry: JsonObject): Credential | undefined {
  const bearer = textOf(entry['registrytoken']);
  if (bearer) return { kind: 'bearer', token: bearer };
  const identity = textOf(entry['identitytoken']);
  if (identity) return { kind: 'identity-token', token: identity };
  const auth = textOf(entry['auth']);
  if (auth) {
    // Docker itself has written padding of zero bytes.
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon < 0) return undefined;
    return basic(decoded.slice(0, colon), decoded.slice(colon + 1));
  }
  const username = textOf(entry['username']);
  const password = textOf(entry['password']);
  return username && password ? basic(username, password) : undefined;
}

/** The user name `<token>` says that the password is an identity token. */
export function basic(username: string, password: string): Credential {
  return username === '<token>'
    ? { kind: 'identity-token', token: password }
    : { kind: 'basic', username, password };
}

function unreadable(file: string, why: string, cause?: unknown): FactoryError {
  return new FactoryError(
    {
      code: 'CREDENTIALS',
      message: `the credentials in ${file} cannot be read: ${why}`,
      hint: 'Mend the file, or write it anew with `docker login`.',
    },
    { cause },
  );
}

/** A configuration file, read again when it changed. */
export class WatchedConfigFile {
  readonly #file: string;
  #seen = 'never read';
  #config: ConfigFile = empty;

  constructor(file: string) {
    this.#file = file;
  }

  /** `version` changes with the content; a file that is not there is empty. */
  async read(): Promise<{ readonly config: ConfigFile; readonly version: string }> {
    // Secrets that are mounted are swapped by a symbolic link: the link's target has another inode.
    const found = await stat(this.#file).catch((error: unknown) => this.#missing(error));
    const version = found ? `${found.dev} ${found.ino} ${found.mtimeMs} ${found.size}` : '';
    if (version === this.#seen) return { config: this.#config, version };
    if (found && found.size > largestFile)
      throw unreadable(this.#file, `it is larger than ${largestFile} bytes`);
    const config = found ? parseConfigFile(await this.#text(), this.#file) : empty;
    this.#config = config;
    this.#seen = version;
    return { config, version };
  }

  async #text(): Promise<string> {
    try {
      return await readFile(this.#file, 'utf8');
    } catch (error) {
      throw unreadable(this.#file, systemCode(error), error);
    }
  }

  #missing(error: unknown): undefined {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return undefined;
    throw unreadable(this.#file, systemCode(error), error);
  }
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown failure';
}
