import type { Provider } from '../enrolment/types.ts';
import type { RunReport } from '../state/types.ts';

/** A request that a CI system sent by itself, as it came in. */
export interface CallBack {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The very bytes that were sent: signatures are over these. */
  readonly body: Uint8Array;
}

/** What an authentic call-back tells. */
export type CallBackNews =
  /** Nothing about a run of ours; why, for the one who set it up and looks at the answer. */
  | { readonly kind: 'nothing'; readonly why: string }
  /** Some run has news: whoever follows it asks now, and believes the answer and not the call. */
  | { readonly kind: 'look'; readonly run?: string }
  /** How a run ended, from a system that cannot be asked. */
  | {
      readonly kind: 'report';
      readonly key: string;
      readonly attempt: number;
      readonly report: Omit<RunReport, 'at'>;
    };

/**
 * Reads the call-backs of one provider. They come late, twice, in any order, or never; and from anybody who knows the
 * address.
 */
export interface CallBackReader {
  readonly provider: Provider;
  /**
   * Throws FactoryError: CALL_BACK_REFUSED where it is not authentic, CALL_BACK_INVALID where it cannot be understood,
   * CREDENTIALS where our own secret cannot be read, so that nothing can be said of it.
   */
  read(callBack: CallBack): Promise<CallBackNews>;
}
