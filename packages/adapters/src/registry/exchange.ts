import type { Dispatcher } from 'undici';
import { plainAddress, registryFailure } from './failures.ts';
import { headerOf, type AnswerHeaders } from './answer-headers.ts';

export interface WireAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** What an exchange must know of its request. */
interface ExchangeRequest {
  readonly registry: string;
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly maxBody: number;
}

const largestErrorBody = 64 * 1024;
const nothing = Buffer.alloc(0);

/**
 * Takes in the answer to one request, within its limits. A handler of undici's and not its `request`, which makes a
 * stream and an abort signal for every answer: most of ours have no body at all.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<WireAnswer>;
  readonly #request: ExchangeRequest;
  readonly #resolve: (answer: WireAnswer) => void;
  readonly #reject: (reason: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #ended: { readonly reason: unknown } | undefined;
  #status = 0;
  #headers: AnswerHeaders = {};
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(request: ExchangeRequest) {
    this.#request = request;
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Ends it with a failure and closes its connection, wherever it is. */
  giveUp(reason: unknown): void {
    if (this.#ended) return;
    this.#reject(reason);
    this.#close(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#ended) controller.abort(asError(this.#ended.reason));
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    // 103 and its like come before the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (this.#request.method === 'HEAD' || !this.#successful) return;
    if (Number(headerOf(headers, 'content-length') ?? 0) > this.#limit) this.#tooLarge();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#size += chunk.length;
    if (this.#size <= this.#limit) {
      this.#chunks.push(chunk);
      return;
    }
    if (this.#successful) {
      this.#tooLarge();
      return;
    }
    // What is wrong stands in the status; of an endless explanation the start is enough.
    this.onResponseEnd();
    this.#close(new Error('the rest is not needed'));
  }

  onResponseEnd(): void {
    const body = this.#chunks.length === 0 ? nothing : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }

  get #successful(): boolean {
    return this.#status < 300;
  }

  get #limit(): number {
    return this.#successful ? this.#request.maxBody : largestErrorBody;
  }

  #tooLarge(): void {
    const { registry, url } = this.#request;
    const detail = `${plainAddress(url)} sent more than ${this.#limit} bytes`;
    this.giveUp(registryFailure('REGISTRY_TOO_LARGE', registry, detail));
  }

  /** Closes the connection: the rest of the answer is never read. */
  #close(reason: unknown): void {
    this.#ended = { reason };
    this.#controller?.abort(asError(reason));
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
