import type { LoggedRequest } from './request-log.ts';

/** What goes wrong with an answer. */
export type FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** A page of HTML, as a proxy or a login wall sends it; status 200 unless said. */
  | { readonly kind: 'html'; readonly status?: number }
  | { readonly kind: 'no-digest-header' }
  /** The digest header names another digest than the content has. */
  | { readonly kind: 'wrong-digest-header'; readonly digest?: string }
  /** The body is other content than was asked for. */
  | { readonly kind: 'wrong-body' }
  /** A body without end, as fast as it is read. */
  | { readonly kind: 'endless-body' }
  /** A body that trickles: so many milliseconds between the bytes. */
  | { readonly kind: 'slow-body'; readonly interval: number }
  /** The connection is closed without an answer. */
  | { readonly kind: 'drop' }
  /** The headers promise a body, and the connection is closed within it. */
  | { readonly kind: 'cut-body' }
  /** Nothing is ever answered. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  | { readonly kind: 'no-date' }
  /** The Date header is off by so many milliseconds. */
  | { readonly kind: 'skewed-date'; readonly by: number }
  /** The right answer, so many milliseconds later. */
  | { readonly kind: 'delay'; readonly by: number };

export interface Fault {
  readonly action: FaultAction;
  /** Which requests it hits; default: all. */
  readonly when?: (request: LoggedRequest) => boolean;
  /** How often it happens; default: until it is removed. */
  readonly times?: number;
}

/** The faults in force. The first that matches a request is used up once. */
export class Faults {
  #faults: { fault: Fault; left: number }[] = [];

  /** Returns a function that removes the fault. */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#faults.push(entry);
    return () => {
      this.#faults = this.#faults.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.#faults = [];
  }

  take(request: LoggedRequest): FaultAction | undefined {
    const hit = this.#faults.find(({ fault, left }) => left > 0 && (fault.when?.(request) ?? true));
    if (!hit) return undefined;
    hit.left -= 1;
    return hit.fault.action;
  }
}
