import { execFile, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Content of a commit: text or bytes per path, a symbolic link, or null to remove. */
export type RemoteFile =
  | string
  | Uint8Array
  | { readonly symlink: string }
  | { readonly submodule: string }
  | null;

export interface GitHttpServer {
  /** `http://127.0.0.1:<port>/<name>.git` */
  readonly url: string;
  /** What was asked, with the Authorization header as it came. */
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly authorization: string | undefined;
  }[];
  close(): Promise<void>;
}

/** A bare repository that stands for a forge. */
export interface GitRemote {
  readonly path: string;
  /** Commits on a branch, which is made if it is not there; returns the commit id. */
  commit(
    files: Readonly<Record<string, RemoteFile>>,
    options?: { readonly branch?: string; readonly message?: string },
  ): Promise<string>;
  head(branch?: string): Promise<string | undefined>;
  /** Texts at the branch head. */
  files(branch?: string): Promise<ReadonlyMap<string, string>>;
  /** Commit messages, newest first. */
  log(branch?: string): Promise<readonly string[]>;
  branches(): Promise<readonly string[]>;
  git(...args: readonly string[]): Promise<string>;
  /** Installs a pre-receive hook that prints the message and refuses; undefined takes it away. */
  refusePushes(message: string | undefined): Promise<void>;
  /** Any hook, as a shell script. */
  hook(name: string, script: string): Promise<void>;
  /** Serves it over smart http, with basic authentication when credentials are given. */
  serve(options?: HttpOptions): Promise<GitHttpServer>;
  remove(): Promise<void>;
}

export interface HttpOptions {
  /** `user:password` that is accepted; others get 401. */
  readonly credential?: string;
  /** Answers every request with this status instead. */
  readonly status?: () => number | undefined;
  /** Called when git has answered a push, before the client hears of it: true cuts the connection. */
  readonly cutAfterPush?: () => boolean;
}

export interface GitRemoteOptions {
  readonly defaultBranch?: string;
  /** Partial clones are allowed (default), as the forges do. */
  readonly allowFilter?: boolean;
}

export async function createGitRemote(options: GitRemoteOptions = {}): Promise<GitRemote> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-remote-'));
  const path = join(folder, 'repository.git');
  const main = options.defaultBranch ?? 'main';
  const environment = {
    ...withoutGit(process.env),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    LC_ALL: 'C',
  };
  const git = async (...args: readonly string[]) => {
    const { stdout } = await run('git', [`--git-dir=${path}`, ...args], {
      env: environment,
      maxBuffer: 1 << 28,
    });
    return stdout;
  };
  await run('git', ['init', '--quiet', '--bare', `--initial-branch=${main}`, '--template=', path], {
    env: environment,
  });
  const allow = options.allowFilter ?? true;
  await git('config', 'uploadpack.allowFilter', String(allow));
  await git('config', 'uploadpack.allowAnySHA1InWant', String(allow));
  await git('config', 'http.receivepack', 'true');
  await git('config', 'gc.auto', '0');
  await git('config', 'receive.autogc', 'false');
  let seconds = 1_760_000_000;

  async function head(branch = main): Promise<string | undefined> {
    const { stdout } = await run(
      'git',
      [`--git-dir=${path}`, 'for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`],
      { env: environment },
    );
    return stdout.trim() || undefined;
  }

  async function hook(name: string, script: string): Promise<void> {
    await run('mkdir', ['-p', join(path, 'hooks')]);
    await writeFile(join(path, 'hooks', name), script, { mode: 0o755 });
  }

  return {
    path,
    head,
    git,
    hook,
    async commit(files, { branch = main, message = 'Change' } = {}) {
      seconds += 1;
      const parts: Buffer[] = [];
      const add = (text: string | Uint8Array) => parts.push(Buffer.from(text));
      const data = (content: string | Uint8Array) => {
        const bytes = Buffer.from(content);
        add(`data ${bytes.length}\n`);
        add(bytes);
        add('\n');
      };
      add(`commit refs/heads/${branch}\nmark :1\ncommitter Test <test@example.com> ${seconds} +0000\n`);
      data(message);
      const parent = await head(branch);
      if (parent !== undefined) add(`from ${parent}\n`);
      for (const [name, content] of Object.entries(files)) {
        if (content === null) add(`D ${name}\n`);
        else if (typeof content === 'object' && 'submodule' in content)
          add(`M 160000 ${content.submodule} ${name}\n`);
        else if (typeof content === 'object' && 'symlink' in content) {
          add(`M 120000 inline ${name}\n`);
          data(content.symlink);
        } else {
          add(`M 100644 inline ${name}\n`);
          data(content);
        }
      }
      add('get-mark :1\ndone\n');
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const child = execFile(
        'git',
        [`--git-dir=${path}`, 'fast-import', '--quiet', '--done'],
        { env: environment },
        (error, stdout) => (error ? reject(error) : resolve(stdout.trim())),
      );
      child.stdin?.end(Buffer.concat(parts));
      return promise;
    },
    async files(branch = main) {
      const names = (await git('ls-tree', '-r', '-z', '--name-only', `refs/heads/${branch}`))
        .split('\0')
        .filter(Boolean);
      const texts = new Map<string, string>();
      for (const name of names)
        texts.set(name, await git('cat-file', 'blob', `refs/heads/${branch}:${name}`));
      return texts;
    },
    log: async (branch = main) =>
      (await git('log', '--format=%B%x00', `refs/heads/${branch}`))
        .split('\0\n')
        .filter((text) => text.trim() !== ''),
    branches: async () =>
      (await git('for-each-ref', '--format=%(refname:short)', 'refs/heads')).split('\n').filter(Boolean),
    async refusePushes(message) {
      if (message === undefined) await rm(join(path, 'hooks', 'pre-receive'), { force: true });
      else await hook('pre-receive', `#!/bin/sh\ncat >/dev/null\ncat <<'END' >&2\n${message}\nEND\nexit 1\n`);
    },
    serve: (httpOptions = {}) => serve(folder, environment, httpOptions),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `git http-backend` is a CGI program: this hands it one request after the other. */
async function serve(
  folder: string,
  environment: NodeJS.ProcessEnv,
  options: HttpOptions,
): Promise<GitHttpServer> {
  const requests: { method: string; path: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
    const { authorization } = request.headers;
    requests.push({ method: request.method ?? '', path: `${pathname}${search}`, authorization });
    const status = options.status?.();
    if (status !== undefined)
      return void response.writeHead(status, { location: 'http://127.0.0.1:9/elsewhere' }).end();
    const expected = options.credential && `Basic ${Buffer.from(options.credential).toString('base64')}`;
    if (expected !== undefined && authorization !== expected) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('no');
    }
    answer(request, response, folder, environment, options);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/repository.git`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  environment: NodeJS.ProcessEnv,
  options: HttpOptions,
): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string) => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...environment,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      // Forges have an owner in front of the name; this remote has one repository.
      PATH_INFO: pathname.replace(/^\/[\w-]+(?=\/[\w.-]+\.git\/)/, ''),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: 'test',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const push = request.method === 'POST' && pathname.endsWith('/git-receive-pack');
    if (push && options.cutAfterPush?.()) return void response.destroy();
    let status = 200;
    for (const line of output.toString('latin1', 0, end).split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === 'status') status = Number.parseInt(value, 10);
      else if (name !== '') response.setHeader(name, value);
    }
    response.writeHead(status).end(output.subarray(end + 4));
  });
}

function withoutGit(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('GIT_')));
}
