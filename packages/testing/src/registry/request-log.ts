import type { IncomingHttpHeaders } from 'node:http';

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Set when the answer has been started. */
  status: number | undefined;
}

/** Long-running embedded use must not grow without end. */
const keptRequests = 100_000;

/** What the registry was asked, oldest first. */
export class RequestLog {
  #requests: LoggedRequest[] = [];

  add(request: LoggedRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > 2 * keptRequests) this.#requests = this.#requests.slice(-keptRequests);
  }

  all(): readonly LoggedRequest[] {
    return this.#requests;
  }

  clear(): void {
    this.#requests = [];
  }

  count(method: string, path: string | RegExp): number {
    const matches = (request: LoggedRequest): boolean =>
      typeof path === 'string' ? request.path === path : path.test(request.path);
    return this.#requests.filter((request) => request.method === method && matches(request)).length;
  }

  /** How often a tag (or digest) was asked for. */
  ofManifest(repository: string, name: string): { readonly head: number; readonly get: number } {
    const path = `/v2/${repository}/manifests/${name}`;
    return { head: this.count('HEAD', path), get: this.count('GET', path) };
  }

  /** Requests to the token service. */
  ofTokens(): number {
    return this.#requests.filter((request) => request.path === '/token').length;
  }
}
