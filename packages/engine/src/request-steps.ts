import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ProposedSource, ShownRequest, SourceRequests } from '@image-factory/core/ports/proposals.ts';
import type { RequestText } from '@image-factory/core/proposals/describe-request.ts';
import type { Proposal } from '@image-factory/core/proposals/types.ts';
import type { ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';

/** What became of one image's request. */
export interface Outcome {
  readonly kind: 'open' | 'kept' | 'merged' | 'declined' | 'moot';
  readonly image: string;
  readonly request?: ShownRequest;
  readonly head?: string;
  readonly madeOn?: string;
}

/** An image that is to have a request. */
export interface Wanted {
  readonly image: ManagedEnrolment;
  readonly record: ImageRecord;
  readonly proposal: Proposal;
  readonly requests: SourceRequests;
}

/** A request that is not to be any more. */
export interface Retiring {
  readonly image: ManagedEnrolment;
  readonly request: SourceRequest;
  readonly requests: SourceRequests;
  readonly why: string;
}

export type Step =
  | { readonly kind: 'known'; readonly outcome: Outcome }
  | {
      readonly kind: 'change';
      readonly words: RequestText;
      readonly text: string;
      readonly source: ProposedSource;
      readonly open: ShownRequest | undefined;
    }
  | { readonly kind: 'close'; readonly number: number; readonly head: string | undefined };

export interface Looked extends Wanted {
  readonly step: Step;
}

export interface LookedRetired extends Retiring {
  readonly step: Step;
}
