import { faulty, noFaults, type ForgeFaults } from './fake-forge.ts';
import type { ForgeReply } from './serve-forge.ts';

/** A pull or merge request as a forge keeps it. */
export interface ChangeRequest {
  readonly number: number;
  readonly branch: string;
  readonly into: string;
  title: string;
  body: string;
  state: 'open' | 'merged' | 'closed';
  readonly comments: string[];
}

export interface ChangeRequestsOptions {
  /** `owner/name` or `group/sub/name` */
  readonly repo: string;
  readonly token: string;
  readonly random: () => number;
  /** Branches that exist; undefined: every one. */
  readonly branches?: readonly string[];
  /** May the token write? @default true */
  readonly writes?: boolean;
}

/** What the forges have in common: one open request of a branch, refused otherwise in words of their own. */
export class ChangeRequests {
  readonly all: ChangeRequest[] = [];
  /** Commits of the branches, where a test has a repository. */
  readonly heads = new Map<string, string>();
  readonly faults: ForgeFaults = { ...noFaults };
  /** Requests that no forge would understand. */
  readonly mistakes: string[] = [];
  readonly options: ChangeRequestsOptions;

  constructor(options: ChangeRequestsOptions) {
    this.options = options;
  }

  hasBranch(branch: string): boolean {
    return this.options.branches?.includes(branch) ?? true;
  }

  isOpen(branch: string): boolean {
    return this.all.some((request) => request.branch === branch && request.state === 'open');
  }

  at(number: string | undefined): ChangeRequest | undefined {
    return this.all.find((request) => String(request.number) === number);
  }

  make(
    made: Pick<ChangeRequest, 'branch' | 'into' | 'title' | 'body'>,
    told: (request: ChangeRequest) => ForgeReply,
  ): ForgeReply | 'lost' {
    const { random } = this.options;
    return faulty(this.faults, random, {
      create: () => {
        const request: ChangeRequest = { ...made, number: this.all.length + 1, state: 'open', comments: [] };
        this.all.push(request);
        return told(request);
      },
      drop: () => ({ status: 500, body: { message: 'Internal Server Error' } }),
      throttle: () => ({ status: 429, headers: { 'retry-after': '20' }, body: { message: 'slow down' } }),
    });
  }
}
