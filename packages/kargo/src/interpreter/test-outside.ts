import type {
  AnalysisJob,
  Commit,
  HttpRequest,
  HttpResponse,
  JobPhase,
  NewCommit,
  Outside,
  PullRequest,
  Pushed,
  SeenImage,
} from './outside.ts';

/** What Kargo would reach outside, in memory. */
export class TestOutside implements Outside {
  readonly tags = new Map<string, SeenImage>();
  /** Newest first. */
  commits: Commit[] = [];
  files: ReadonlyMap<string, string> = new Map();
  readonly requests: HttpRequest[] = [];
  readonly jobs: AnalysisJob[] = [];
  readonly pushes: { readonly branch: string; readonly message: string }[] = [];
  answer: (request: HttpRequest) => HttpResponse | Error = () => ({ status: 204, headers: {}, body: '' });
  phase: (job: AnalysisJob) => JobPhase = () => 'Successful';

  image(reference: string, digest: string, more: Partial<SeenImage> = {}): void {
    this.tags.set(reference, { digest, ...more });
  }

  committed(subject: string, paths: readonly string[]): Commit {
    const commit: Commit = {
      id: `c${this.commits.length + 1}`,
      message: `${subject}\n\nmore`,
      author: 'factory <factory@example.com>',
      committer: 'factory <factory@example.com>',
      at: this.commits.length,
      paths,
    };
    this.commits = [commit, ...this.commits];
    return commit;
  }

  listTags(repoUrl: string): Promise<readonly string[]> {
    const own = [...this.tags.keys()].filter((name) => name.startsWith(`${repoUrl}:`));
    return Promise.resolve(own.map((name) => name.slice(repoUrl.length + 1)));
  }

  readImage(repoUrl: string, tag: string): Promise<SeenImage | undefined> {
    return Promise.resolve(this.tags.get(`${repoUrl}:${tag}`));
  }

  listCommits(): Promise<readonly Commit[]> {
    return Promise.resolve(this.commits);
  }

  checkOut() {
    return Promise.resolve({ commit: this.commits[0]?.id ?? 'c0', files: this.files });
  }

  readonly #made = new Map<string, NewCommit>();

  commit(_repoUrl: string, commit: NewCommit): Promise<string> {
    const id = `made-${this.#made.size + 1}`;
    this.#made.set(id, commit);
    return Promise.resolve(id);
  }

  push(_repoUrl: string, branch: string, { commit }: Parameters<Outside['push']>[2]): Promise<Pushed> {
    const made = this.#made.get(commit);
    if (!made) throw new Error(`${commit} is no commit of a promotion`);
    this.pushes.push({ branch, message: made.message });
    this.files = new Map([...this.files, ...made.changes]);
    return Promise.resolve({ commit });
  }

  openPullRequests(): Promise<readonly PullRequest[]> {
    return Promise.resolve([]);
  }

  createPullRequest(): Promise<PullRequest> {
    throw new Error('no forge is here');
  }

  pullRequest(): Promise<PullRequest | undefined> {
    return Promise.resolve(undefined);
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    const answer = this.answer(request);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  job(job: AnalysisJob): Promise<JobPhase> {
    if (!this.jobs.some(({ id }) => id === job.id)) this.jobs.push(job);
    return Promise.resolve(this.phase(job));
  }

  secret(name: string): Readonly<Record<string, string>> | undefined {
    return name === 'token' ? { token: 's3cret' } : undefined;
  }
}

export function json(status: number, body: unknown): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}
