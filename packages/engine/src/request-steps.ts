import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type {
  FileFault,
  ProposedSource,
  ShownRequest,
  SourceRequests,
} from '@image-factory/core/ports/proposals.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { RequestText } from '@image-factory/core/proposals/describe-request.ts';
import type { Result } from '@image-factory/core/result.ts';
import type { ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';

/** Which of its requests a record speaks of. */
export type RequestField = 'pullRequest' | 'versionRequest';

/** What became of one image's part of a request. */
export interface Outcome {
  /** `left`: it is no longer in the request. `moved`: nor here, but it goes on in another one. */
  readonly kind: 'open' | 'kept' | 'merged' | 'declined' | 'moot' | 'left' | 'moved';
  readonly field: RequestField;
  readonly image: string;
  readonly request?: ShownRequest;
  readonly head?: string;
  readonly madeOn?: string;
}

/** One image's part of a request that is to be. */
export interface Part {
  readonly image: ManagedEnrolment;
  readonly record: ImageRecord;
  /** What its record says of it. */
  readonly targets: Readonly<Record<string, string>>;
  readonly file: string;
  /** What the part was made from: where it is still the same, the file need not be read again. */
  readonly madeOn: string | undefined;
}

/** An image that is in a request and is to leave it. */
export interface Leaving {
  readonly name: string;
  readonly request: SourceRequest;
  /** It goes on in another request. */
  readonly moves: boolean;
  /** Its file says that it cannot stay, which the state does not know. */
  readonly byFile?: true;
}

/** The files with all parts in them, and what stands against some. */
export interface Edited {
  readonly texts: ReadonlyMap<string, string>;
  readonly refused: ReadonlyMap<string, Problem>;
  /** Images whose file says already what it should, and which version it says. */
  readonly done: ReadonlyMap<string, string>;
}

/** What is proposed, behind all that requests have in common. */
export interface Change {
  /** May it be proposed now, as far as the registries know? */
  isServed(run: CycleRun): Promise<boolean>;
  edit(files: ReadonlyMap<string, Result<string, FileFault>>): Edited;
  words(parts: readonly Part[]): RequestText;
}

/** One request: what is to be in it, and what is in it now and is not to be. */
export interface Unit {
  readonly field: RequestField;
  readonly branch: string;
  /** Its repository is the request's, its provider opens it; one of the images. */
  readonly speaker: ManagedEnrolment;
  readonly requests: SourceRequests;
  /** None: the request is to be closed. */
  readonly parts: readonly Part[];
  readonly leaving: readonly Leaving[];
  readonly change: Change;
  /** Said when it is closed. */
  readonly why: string;
}

export type Step =
  | { readonly kind: 'known'; readonly outcomes: readonly Outcome[] }
  | {
      readonly kind: 'change';
      readonly words: RequestText;
      readonly texts: ReadonlyMap<string, string>;
      readonly isThere: boolean;
      readonly source: ProposedSource;
      readonly open: ShownRequest | undefined;
    }
  | { readonly kind: 'close'; readonly number: number; readonly head: string | undefined };

export interface Looked {
  readonly unit: Unit;
  readonly step: Step;
  /** Images whose file turned out to say already what it should. */
  readonly done?: readonly { readonly image: string; readonly path: string; readonly version: string }[];
}
