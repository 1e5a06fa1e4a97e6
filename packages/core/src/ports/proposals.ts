import type { ManagedEnrolment, Provider } from '../enrolment/types.ts';
import type { Result } from '../result.ts';

/** A pull or merge request as its forge shows it. */
export interface ShownRequest {
  /** The forge's own number in the repository. */
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'merged' | 'closed';
  readonly title: string;
  readonly body: string;
}

export interface RequestWords {
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

/**
 * Pull and merge requests of one provider, told apart by the branch that they come from. Every call throws FactoryError
 * with a CI_ code or CREDENTIALS. A create is never repeated: after CI_UNREACHABLE it is unknown whether one exists, and
 * `find` tells.
 */
export interface SourceRequests {
  readonly provider: Provider;
  /** The open request of a branch; where none is open, the one that was made last. */
  find(image: ManagedEnrolment, branch: string, signal?: AbortSignal): Promise<ShownRequest | undefined>;
  /** Undefined: the forge has an open one of this branch already, and made none. `into`: the branch to change. */
  create(
    image: ManagedEnrolment,
    branch: string,
    into: string,
    words: RequestWords,
  ): Promise<ShownRequest | undefined>;
  update(image: ManagedEnrolment, number: number, words: RequestWords): Promise<void>;
  /** Says why, and closes it. */
  close(image: ManagedEnrolment, number: number, comment: string): Promise<void>;
}

/** Why a file of a source cannot be changed: it is not there, or it is nothing that may be changed. In words. */
export interface FileFault {
  readonly kind: 'missing' | 'unfit';
  readonly message: string;
}

/** Where a source stands, and what is on the branch that the factory proposes on. */
export interface ProposedSource {
  /** Name of the branch that images are built from. */
  readonly into: string;
  readonly commit: string;
  /** The files that were asked for, as they are there. */
  readonly files: ReadonlyMap<string, Result<string, FileFault>>;
  /** Undefined: there is no such branch. */
  readonly proposed:
    | {
        readonly head: string;
        /** One commit of the factory, on a commit of the source branch: nobody else has committed. */
        readonly isOurs: boolean;
        /** The source commit below ours. */
        readonly madeOn: string | undefined;
        /** The files that were asked for, as they are on it; undefined where one is gone. */
        readonly files: ReadonlyMap<string, string | undefined>;
        /** Every file that our commit changes; undefined where it does not say. */
        readonly changed: readonly string[] | undefined;
      }
    | undefined;
}

export interface ProposedCommit {
  /** A branch of the factory's own, or the source branch itself (`into`): then the commit goes on top of it. */
  readonly branch: string;
  /** Path to the whole text. */
  readonly files: ReadonlyMap<string, string>;
  /** The source commit that it goes on. */
  readonly parent: string;
  /** What the branch has to show now: a commit, or undefined where it must not exist. */
  readonly expected: string | undefined;
  readonly subject: string;
  readonly body: string;
}

/** Branches that changes are proposed on, in the repositories of sources. Throws FactoryError with a SOURCE_ code. */
export interface ProposalBranches {
  read(
    image: ManagedEnrolment,
    branch: string,
    files: readonly string[],
    signal?: AbortSignal,
  ): Promise<ProposedSource>;
  /** The new head; undefined where the branch is not at `expected`: somebody else was faster, and nothing was pushed. */
  push(image: ManagedEnrolment, commit: ProposedCommit): Promise<string | undefined>;
  /** Takes the branch away if it is at `expected` still. */
  remove(image: ManagedEnrolment, branch: string, expected: string): Promise<void>;
}
