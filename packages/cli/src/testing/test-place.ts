import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { onTestFinished } from 'vitest';
import type { ExitCode } from '../answer.ts';
import { runCommandLine } from '../command-line.ts';
import type { Io } from '../io.ts';

export const stateBranch = 'image-factory/state';

export interface Outcome {
  readonly exit: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Where whole commands run: a registry, a git remote with the sources, a factory directory, and a time of its own. */
export interface Place {
  readonly root: string;
  /** The factory directory. */
  readonly dir: string;
  readonly registry: FakeRegistry;
  readonly remote: GitRemote;
  readonly env: Record<string, string | undefined>;
  /** Differences from a pipe: tests of terminals set them. */
  readonly io: { -readonly [K in 'stdoutIsTerminal' | 'stderrIsTerminal' | 'width' | 'cwd']: Io[K] };
  now(): number;
  /** Moves the time of the command line and of the registry. */
  pass(duration: number): void;
  /** Runs a command in this process, with the place's `--dir` in front. */
  run(...argv: readonly string[]): Promise<Outcome>;
  /** The same without any option in front. */
  runBare(...argv: readonly string[]): Promise<Outcome>;
  /** The JSON answer of a command, whatever its exit code. */
  ask<T>(...argv: readonly string[]): Promise<T>;
  write(name: string, text: string | Uint8Array): Promise<void>;
  /** Writes images.yaml and factory.yaml. */
  enrol(images: string, factory?: string): Promise<void>;
  /** The texts of the state, from wherever it is kept. */
  stateFiles(): Promise<ReadonlyMap<string, string>>;
  state(): Promise<FactoryState>;
  leave(): Promise<void>;
}

/** A place that is gone when the test ends; tests that run at once hand in their own `onTestFinished`. */
export async function place(finished = onTestFinished): Promise<Place> {
  const made = await makePlace();
  finished(() => made.leave());
  return made;
}

/** For places that several tests share, and for child processes, which know the real time only; the caller leaves it. */
export async function makePlace(time: 'own' | 'real' = 'own'): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'image-factory-cli-'));
  const dir = join(root, 'factory');
  await mkdir(dir);
  let offset = time === 'real' ? 0 : Date.UTC(2026, 5, 1, 8) - Date.now();
  const now = (): number => Date.now() + offset;
  const registry = await startRegistry({ date: now, now });
  const remote = await createGitRemote();
  const env: Record<string, string | undefined> = {
    PATH: process.env['PATH'],
    HOME: join(root, 'home'),
    IMAGE_FACTORY_CACHE_DIR: join(root, 'cache'),
    IMAGE_FACTORY_USER: 'ada',
  };
  const io = { stdoutIsTerminal: false, stderrIsTerminal: false, width: 100, cwd: root };

  async function runBare(...argv: readonly string[]): Promise<Outcome> {
    let out = '';
    let err = '';
    const exit = await runCommandLine(argv, {
      ...io,
      env,
      now,
      out: (text) => void (out += text),
      err: (text) => void (err += text),
    });
    return { exit, out, err };
  }

  async function stateFiles(): Promise<ReadonlyMap<string, string>> {
    const branches = await remote.branches();
    return branches.includes(stateBranch) ? remote.files(stateBranch) : filesBelow(join(dir, 'state'));
  }

  return {
    root,
    dir,
    registry,
    remote,
    env,
    io,
    now,
    pass: (duration) => void (offset += duration),
    runBare,
    run: (...argv) => runBare('--dir', dir, '--log-level', 'warn', ...argv),
    async ask<T>(...argv: readonly string[]): Promise<T> {
      const { out, err } = await runBare('--dir', dir, '--log-level', 'warn', '--output', 'json', ...argv);
      try {
        return JSON.parse(out) as T;
      } catch (cause) {
        throw new Error(`no JSON: ${out}${err}`, { cause });
      }
    },
    async write(name, text) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    },
    async enrol(images, factory = settings({ registry })) {
      await writeFile(join(dir, 'images.yaml'), images);
      await writeFile(join(dir, 'factory.yaml'), factory);
    },
    stateFiles,
    state: async () => decodeState(await stateFiles()).state,
    async leave() {
      await registry.close();
      await remote.remove();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A factory.yaml without waits but the usual half hour in which a digest settles, built with layers alone. */
export function settings(
  {
    registry,
    remote,
  }: { readonly registry: { readonly host: string }; readonly remote?: { readonly path: string } },
  more = '',
): string {
  const state = remote
    ? `{ mode: git, remote: "${remote.path}", branch: ${stateBranch} }`
    : '{ mode: directory }';
  return `state: ${state}
registries: { "${registry.host}": { insecure: true } }
builder: { tool: layers }
timing: { settle: 30m, coordinationWindow: 0s, lookAhead: 0s }
limits: { perImageAndDay: 100 }
${more}`;
}

/** An entry of images.yaml for an image that is built from `<name>/Dockerfile` of the place's remote. */
export function managed(
  {
    registry,
    remote,
  }: { readonly registry: { readonly host: string }; readonly remote: { readonly path: string } },
  name: string,
  more = '',
): string {
  return `- name: ${name}
  repository: ${registry.host}/acme/${name}
  tags: ["1"]
  schedule: "* * * * * *"
  source: { provider: local, repo: "${remote.path}", dockerfile: ${name}/Dockerfile }
${more.replaceAll(/^(?=.)/gm, '  ')}`;
}

/** A folder for PATH that has git and nothing else: no builder is on such a machine. */
export async function onlyGit({ root }: Pick<Place, 'root'>): Promise<string> {
  const programs = join(root, 'programs');
  await mkdir(programs);
  const { stdout } = await promisify(execFile)('which', ['git']);
  await symlink(stdout.trim(), join(programs, 'git'));
  return programs;
}

/** Every file below a folder by its path in it; none where the folder is not there. */
export async function filesBelow(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    paths.toSorted().map(async (path) => {
      // A command that runs meanwhile takes its lock away.
      const text = await readFile(path, 'utf8').catch(() => undefined);
      return text === undefined ? [] : [[relative(folder, path), text] as const];
    }),
  );
  return new Map(texts.flat());
}
