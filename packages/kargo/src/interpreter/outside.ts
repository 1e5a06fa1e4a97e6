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

/** Everything that Kargo reaches outside. Errors thrown are such as a network has: asked again, things may be well. */
export interface Outside {
  listTags(repoUrl: string): Promise<readonly string[]>;
  readImage(repoUrl: string, tag: string): Promise<SeenImage | undefined>;
  /** Newest first; undefined branch: the default one. The same list again means that the branch has not moved. */
  listCommits(repoUrl: string, branch: string | undefined): Promise<readonly Commit[]>;
  checkOut(
    repoUrl: string,
    what: { readonly branch?: string; readonly commit?: string; readonly tag?: string },
  ): Promise<CheckedOut | undefined>;
  /** Pushes a commit onto the one that was checked out; undefined: somebody else was faster. */
  push(
    repoUrl: string,
    branch: string,
    commit: {
      readonly onto: string;
      readonly message: string;
      readonly files: ReadonlyMap<string, string>;
    },
  ): Promise<string | undefined>;
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Starts the Job on first sight of its id; asked again while it runs. */
  job(job: AnalysisJob): Promise<JobPhase>;
  secret(name: string): Readonly<Record<string, string>> | undefined;
}
