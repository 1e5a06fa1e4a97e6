import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { parseNamed } from '@image-factory/core/reference/parse.ts';
import { askForge } from '@image-factory/testing/world/forge-endpoint.ts';
import type { SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import type { TestFactory } from '@image-factory/engine/test-factory.ts';
import { builtImage } from '@image-factory/engine/test-kargo.ts';
import {
  OutsideError,
  type AnalysisJob,
  type CheckedOut,
  type Commit,
  type HttpRequest,
  type HttpResponse,
  type JobPhase,
  type Outside,
  type SeenImage,
} from '@image-factory/kargo/interpreter/outside.ts';
import { serverToken, serverUrl, type SimulatedServer } from './test-agreement-server.ts';

export const stateUrl = 'https://git.test/acme/factory.git';
export const stateBranch = 'image-factory/state';

/** The simulated world as Kargo reaches it: registries, git over the state's commits, the CI over HTTP, and our Jobs. */
export class WorldOutside implements Outside {
  readonly jobs: AnalysisJob[] = [];
  /** The running Image Factory, where there is one. */
  server: SimulatedServer | undefined;
  /** With a server Kargo has no credentials of the CI. */
  hasCiToken = true;
  readonly #factory: TestFactory;
  readonly #runJob: (job: AnalysisJob) => Promise<void>;
  #sources: readonly Commit[];
  #states: readonly Commit[] = [];
  #calls = 0;

  constructor(factory: TestFactory, runJob: (job: AnalysisJob) => Promise<void>) {
    this.#factory = factory;
    this.#runJob = runJob;
    this.#sources = [];
    this.sourceChanged();
  }

  /** Somebody pushed to the repository of the sources. */
  sourceChanged(paths: readonly string[] = [...this.#factory.world.dockerfiles.keys()]): void {
    const person = 'ada <ada@example.com>';
    const id = `source-${this.#sources.length + 1}`;
    const at = this.#factory.world.now;
    this.#sources = [
      { id, message: 'Change', author: person, committer: person, at, paths },
      ...this.#sources,
    ];
  }

  listTags(repoUrl: string): Promise<readonly string[]> {
    const prefix = `${normal(repoUrl)}:`;
    const own = [...this.#factory.world.tags.keys()].filter((name) => name.startsWith(prefix));
    return Promise.resolve(own.map((name) => name.slice(prefix.length)));
  }

  readImage(repoUrl: string, tag: string): Promise<SeenImage | undefined> {
    const digest = this.#factory.world.tags.get(`${normal(repoUrl)}:${tag}`);
    return Promise.resolve(digest && { digest });
  }

  listCommits(repoUrl: string, branch: string | undefined): Promise<readonly Commit[]> {
    if (repoUrl !== stateUrl || branch !== stateBranch) return Promise.resolve(this.#sources);
    const author = 'factory <factory@example.com>';
    const { commits } = this.#factory.world;
    const more = commits.slice(this.#states.length).map(({ subject, paths, at }, index): Commit => {
      const id = `state-${this.#states.length + index + 1}`;
      return { id, message: `${subject} [skip ci]`, author, committer: author, at, paths };
    });
    if (more.length > 0) this.#states = [...more.toReversed(), ...this.#states];
    return Promise.resolve(this.#states);
  }

  checkOut(
    repoUrl: string,
    { branch, commit }: { readonly branch?: string; readonly commit?: string },
  ): Promise<CheckedOut | undefined> {
    if (repoUrl !== stateUrl) throw new Error(`nothing checks out ${repoUrl}`);
    const { commits } = this.#factory.world;
    const number = commit === undefined ? commits.length : Number(/^state-([0-9]+)$/.exec(commit)?.[1]);
    const found = branch === undefined || branch === stateBranch ? commits[number - 1] : undefined;
    return Promise.resolve(found && { commit: `state-${number}`, files: found.files });
  }

  commit(): never {
    throw new Error('Kargo commits nothing here');
  }

  push(): never {
    throw new Error('Kargo pushes nothing here');
  }

  openPullRequests(): never {
    throw new Error('Kargo proposes nothing here');
  }

  createPullRequest(): never {
    throw new Error('Kargo proposes nothing here');
  }

  pullRequest(): never {
    throw new Error('Kargo proposes nothing here');
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    if (request.url.startsWith(serverUrl)) {
      if (!this.server) throw new OutsideError('connection refused');
      return this.server.request(request);
    }
    return this.#within(async (process) => {
      if (request.headers['Authorization'] !== 'Bearer ci-token')
        return { status: 401, headers: {}, body: '' };
      const { world } = this.#factory;
      return askForge(world, process, request, (name) => builtImage(this.#factory, name));
    });
  }

  async job(job: AnalysisJob): Promise<JobPhase> {
    this.jobs.push(job);
    await this.#runJob(job);
    return 'Successful';
  }

  secret(name: string): Readonly<Record<string, string>> | undefined {
    if (name === 'factory-token') return { token: serverToken };
    return name === 'github-token' && this.hasCiToken ? { token: 'ci-token' } : undefined;
  }

  async #within<T>(work: (process: SimulatedProcess) => Promise<T>): Promise<T> {
    const { scheduler } = this.#factory;
    let answer: T | undefined;
    const process = scheduler.spawn(`controller-${++this.#calls}`, async (own) => {
      answer = await work(own);
    });
    await scheduler.run();
    if (process.outcome?.error !== undefined) throw new FactoryError(problemOf(process.outcome.error));
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }
}

/** `debian` and `docker.io/library/debian` are the same repository. */
function normal(repoUrl: string): string {
  const named = parseNamed(repoUrl);
  if (!named.ok) throw new Error(named.error);
  return `${named.value.domain}/${named.value.path}`;
}
