// The scenarios of the builder contract on real services: npm run test:live [-- --yes]
//
// For each of GITHUB, GITLAB, GITEA and FORGEJO for which IMAGE_FACTORY_LIVE_..._REPO and _TOKEN are set (and perhaps _URL).
// It says what it will create in that repository, asks, and removes it again.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { openSandbox, type Sandbox } from './live/sandbox.ts';
import { ended, scenarios, Skipped, type Stage } from './live/scenarios.ts';
import {
  apiOf,
  builderOf,
  deleteRun,
  remoteOf,
  serviceNames,
  serviceOf,
  type Service,
} from './live/services.ts';
import { workflowOf } from './live/workflows.ts';

export interface LiveTest {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** True: a person has agreed. Undefined: nobody can be asked. */
  readonly ask: (() => Promise<boolean>) | undefined;
  /** Aborted: what was begun is ended, and what was made is removed. */
  readonly signal: AbortSignal;
  /** For tests. */
  readonly clock?: Clock;
  readonly patience?: Duration;
  readonly newName?: () => string;
  readonly remote?: (service: Service) => string;
}

/** Answers the exit code: 0 also where there is nothing to test with, which is said. */
export async function testLive(options: LiveTest): Promise<number> {
  const { args, env, say, ask, signal } = options;
  const unknown = args.find((each) => each !== '--yes');
  if (unknown !== undefined) {
    say(`unknown argument ${unknown}; the only one is --yes`);
    return 2;
  }
  const services: (readonly [Service, string])[] = [];
  for (const name of serviceNames) {
    const service = serviceOf(name, env);
    if (typeof service === 'string') say(`${name} skipped: ${service}`);
    else services.push([service, options.newName?.() ?? newName()]);
  }
  if (services.length === 0) return 0;
  for (const [service, name] of services) for (const line of planOf(service, name)) say(line);
  if (!args.includes('--yes')) {
    if (!ask) {
      say('nothing was done: there is no terminal to ask at, and no --yes');
      return 2;
    }
    if (!(await ask())) {
      say('nothing was done');
      return 1;
    }
  }
  let failed = 0;
  for (const [service, name] of services) {
    if (signal.aborted) break;
    failed += await testService(service, name, options).catch((thrown: unknown) => {
      say(`${service.name} failed: ${wordsOf(thrown)}`);
      return 1;
    });
  }
  if (signal.aborted) say('interrupted');
  return failed > 0 || signal.aborted ? 1 : 0;
}

function newName(): string {
  return `image-factory-live-${randomBytes(4).toString('hex')}`;
}

function planOf(service: Service, name: string): readonly string[] {
  const { path } = workflowOf(service);
  const content =
    service.name === 'github'
      ? 'at the head of the default branch; what the repository itself does on a push, it does'
      : `with the file ${path} alone`;
  return [
    `${service.name} ${service.repo} at ${service.url} will get, for as long as this takes:`,
    `  a branch ${name}, ${content}`,
    `  six runs of ${path}: they claim, sleep and tell a made-up digest; no image is built or pushed`,
    `  refs ${`refs/factory/claims/${name}-*`}, the claims of the runs`,
  ];
}

/** Answers how many scenarios failed. */
async function testService(service: Service, name: string, options: LiveTest): Promise<number> {
  const { say, signal, clock = realClock, patience = 20 * minute } = options;
  const sandbox = await openSandbox({
    remote: options.remote?.(service) ?? remoteOf(service),
    token: service.token,
  });
  const api = apiOf(service, clock);
  const stage: Stage = {
    builder: builderOf(service, api, clock),
    stranger: builderOf(service, api, clock, '0123456789abcdef0123456789abcdef01234567'),
    clock,
    signal,
    patience,
    name,
    image: (image, branch) =>
      enrolment({
        name: image,
        source: { provider: service.name, repo: service.repo, branch, workflow: service.workflow },
      }),
    asked: [],
  };
  const report = (line: string): void => say(`${service.name} ${line}`);
  const played = async (): Promise<number> =>
    (await prepare(service, sandbox, name, say)) ? play(stage, report) : 1;
  try {
    const failed = await played().catch((thrown: unknown) => {
      report(`failed: ${wordsOf(thrown)}`);
      return 1;
    });
    const remove = (id: string) => deleteRun(service, api, id);
    return failed + ((await removeAll(service, stage, { report, sandbox, remove })) ? 0 : 1);
  } finally {
    await api.close();
    await sandbox.close();
  }
}

/** GitHub starts only workflows that are on the default branch, where this test writes nothing. */
async function prepare(
  service: Service,
  sandbox: Sandbox,
  name: string,
  say: LiveTest['say'],
): Promise<boolean> {
  const { path, text } = workflowOf(service);
  if (service.name !== 'github') {
    await sandbox.branchOfFile(name, path, text);
    return true;
  }
  if ((await sandbox.fileAtHead(path)) === text.trim()) {
    await sandbox.branchOfHead(name);
    return true;
  }
  say(`github failed: the default branch of ${service.repo} has no ${path}, or another one.`);
  say('GitHub starts no workflow that is only on another branch. Commit this file there once:');
  for (const line of text.trimEnd().split('\n')) say(line);
  return false;
}

async function play(stage: Stage, report: LiveTest['say']): Promise<number> {
  let failed = 0;
  for (const scenario of scenarios) {
    try {
      stage.signal.throwIfAborted();
      await scenario.play(stage);
      report(`passed: ${scenario.name}`);
    } catch (thrown) {
      if (stage.signal.aborted) return failed;
      if (!(thrown instanceof Skipped)) failed += 1;
      report(`${thrown instanceof Skipped ? 'skipped' : 'failed'}: ${scenario.name}: ${wordsOf(thrown)}`);
    }
  }
  return failed;
}

interface Removal {
  readonly report: LiveTest['say'];
  readonly sandbox: Sandbox;
  readonly remove: (id: string) => Promise<number | undefined>;
}

/** Runs first: one that still goes could claim after the claims were removed. False: something of git's is left. */
async function removeAll(
  service: Service,
  stage: Stage,
  { report, sandbox, remove }: Removal,
): Promise<boolean> {
  // What is removed is removed also where a person has interrupted.
  const calm: Stage = { ...stage, signal: new AbortController().signal, patience: 2 * minute };
  const stay: string[] = [];
  const ids = new Map<string, Stage['asked'][number]['image']>();
  for (const { image, key, attempt, id } of stage.asked) {
    const found = id ?? (await stage.builder.find(image, key, attempt).catch(() => undefined))?.id;
    if (found !== undefined) ids.set(found, image);
  }
  for (const [id, image] of ids) {
    try {
      if ((await stage.builder.get(image, id))?.status === 'running') {
        await stage.builder.cancel(image, id);
        await ended(calm, image, id);
      }
      const status = await remove(id);
      if (status !== undefined) stay.push(`${id} (${status})`);
    } catch (thrown) {
      stay.push(`${id} (${wordsOf(thrown)})`);
    }
  }
  if (stay.length > 0) report(`runs that stay in the list of ${service.repo}: ${stay.join(', ')}`);
  try {
    const refs = await sandbox.remove(stage.name);
    report(`removed: ${[`${ids.size - stay.length} runs`, ...refs].join(', ')}`);
    return true;
  } catch (thrown) {
    report(
      `NOT removed: refs/heads/${stage.name} and refs/factory/claims/${stage.name}-*: ${wordsOf(thrown)}`,
    );
    return false;
  }
}

function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Without `terminal`, Ctrl-C reaches the process and not the question. */
async function askTerminal(signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
  try {
    return (await lines.question('Type yes to go on: ', { signal })).trim() === 'yes';
  } catch {
    return false;
  } finally {
    lines.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (!stop.signal.aborted) console.log('stopping, and removing what was made');
      stop.abort(new Error('interrupted'));
    });
  process.exitCode = await testLive({
    args: process.argv.slice(2),
    env: process.env,
    say: (line) => console.log(line),
    ask: process.stdin.isTTY ? () => askTerminal(stop.signal) : undefined,
    signal: stop.signal,
  });
}
