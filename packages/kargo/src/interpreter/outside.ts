import type { Instant } from '@image-factory/core/time.ts';

/** What a registry says of one tag. */
export interface SeenImage {
  readonly digest: string;
  readonly createdAt?: Instant;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `os/arch` of an index; absent for a plain manifest. */
  readonly platforms?: readonly string[];
}

export interface Commit {
  readonly id: string;
  /** The whole message; its first line is the subject. */
  readonly message: string;
  readonly author: string;
  readonly committer: string;
  readonly at: Instant;
  /** Paths that it changed. */
  readonly paths: readonly string[];
}

export interface CheckedOut {
  readonly commit: string;
  readonly files: ReadonlyMap<string, string>;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One metric of a verification: the Job, with its arguments filled in. */
export interface AnalysisJob {
  /** Of this run of the analysis: asked again with the same one until it has ended. */
  readonly id: string;
  readonly stage: string;
  readonly template: string;
  readonly metric: string;
  /** Arguments of its container. */
  readonly args: readonly string[];
}

export type JobPhase = 'Running' | 'Successful' | 'Failed' | 'Error';

/** A commit that nobody but its promotion sees until it is pushed. */
export interface NewCommit {
  readonly onto: string;
  readonly message: string;
  /** Whole files, by path; all others are as in the commit before. */
  readonly changes: ReadonlyMap<string, string>;
}

/**
 * How a push ended: under the id that the commit has now; `behind`: somebody else was faster; `conflict`: what came in
 * between touches the same lines.
 */
export type Pushed = { readonly commit: string } | 'behind' | 'conflict';

export interface GitOutside {
  /** Newest first; undefined branch: the default one. The same list again means that the branch has not moved. */
  listCommits(repoUrl: string, branch: string | undefined): Promise<readonly Commit[]>;
  checkOut(
    repoUrl: string,
    what: { readonly branch?: string; readonly commit?: string; readonly tag?: string },
  ): Promise<CheckedOut | undefined>;
  /** Its id. */
  commit(repoUrl: string, commit: NewCommit): Promise<string>;
  /** After a rebase onto what is there; with `force` over it. */
  push(
    repoUrl: string,
    branch: string,
    what: { readonly commit: string; readonly force: boolean },
  ): Promise<Pushed>;
}

export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'merged' | 'closed';
  /** Of its source branch. */
  readonly headCommit: string;
}

export interface Forge {
  readonly provider: string;
  readonly repoUrl: string;
}

/** Pull requests, or merge requests. */
export interface ForgeOutside {
  /** Open ones, newest first. */
  openPullRequests(
    forge: Forge,
    branches: { readonly from: string; readonly into: string },
  ): Promise<readonly PullRequest[]>;
  createPullRequest(
    forge: Forge,
    request: {
      readonly from: string;
      readonly into: string;
      readonly title: string;
      readonly description: string;
      readonly labels: readonly string[];
    },
  ): Promise<PullRequest>;
  pullRequest(forge: Forge, number: number): Promise<PullRequest | undefined>;
}

/** What a network, a server or git refused. A step that meets it has errored, and may be run again. */
export class OutsideError extends Error {}

/** Everything that Kargo reaches outside. Failures are thrown as {@link OutsideError}. */
export interface Outside extends GitOutside, ForgeOutside {
  listTags(repoUrl: string): Promise<readonly string[]>;
  readImage(repoUrl: string, tag: string): Promise<SeenImage | undefined>;
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Starts the Job on first sight of its id; asked again while it runs. */
  job(job: AnalysisJob): Promise<JobPhase>;
  secret(name: string): Readonly<Record<string, string>> | undefined;
}
