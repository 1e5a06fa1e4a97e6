import {
  OutsideError,
  type Forge,
  type ForgeOutside,
  type PullRequest,
} from '@image-factory/kargo/interpreter/outside.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { githubRequests } from '@image-factory/testing/forges/github-requests.ts';
import { gitlabRequests } from '@image-factory/testing/forges/gitlab-requests.ts';
import type { ForgeHandler } from '@image-factory/testing/forges/serve-forge.ts';

const token = 'forge-token';

/** A repository at a fake forge. */
export interface ForgeRepository {
  readonly store: ChangeRequests;
  readonly handle: ForgeHandler;
  readonly repo: string;
}

export function forgeRepository(provider: 'github' | 'gitlab', repo: string): ForgeRepository {
  const store = new ChangeRequests({ repo, token, random: () => 1 });
  return { store, repo, handle: provider === 'github' ? githubRequests(store) : gitlabRequests(store) };
}

type Json = Readonly<Record<string, unknown>>;

/** The calls that Kargo's controller makes at GitHub and GitLab. Source: kargo v1.11, pkg/gitprovider. */
export class ControllerForges implements ForgeOutside {
  readonly #repositories: ReadonlyMap<string, ForgeRepository>;

  constructor(repositories: ReadonlyMap<string, ForgeRepository>) {
    this.#repositories = repositories;
  }

  async openPullRequests(
    forge: Forge,
    { from, into }: { readonly from: string; readonly into: string },
  ): Promise<readonly PullRequest[]> {
    // GitHub ignores a head without its owner: what comes back is every open request.
    const query: Readonly<Record<string, string>> =
      forge.provider === 'github'
        ? { state: 'open', head: from, base: into, per_page: '100' }
        : { source_branch: from, target_branch: into, per_page: '100' };
    const list = (await this.#ask(forge, 'GET', '', query)) as readonly Json[];
    return list.map((each) => this.#read(forge, each)).filter(({ state }) => state === 'open');
  }

  async createPullRequest(
    forge: Forge,
    request: Parameters<ForgeOutside['createPullRequest']>[1],
  ): Promise<PullRequest> {
    const { from, into, title, description, labels } = request;
    if (labels.length > 0) throw new Error('labels are not played');
    const body =
      forge.provider === 'github'
        ? { title, head: from, base: into, body: description, maintainer_can_modify: false }
        : { title, description, source_branch: from, target_branch: into };
    return this.#read(forge, (await this.#ask(forge, 'POST', '', {}, body)) as Json);
  }

  async pullRequest(forge: Forge, number: number): Promise<PullRequest | undefined> {
    return this.#read(forge, (await this.#ask(forge, 'GET', `/${number}`, {})) as Json);
  }

  #read({ provider }: Forge, told: Json): PullRequest {
    if (provider === 'gitlab') {
      const { iid, web_url: url, state, sha } = told;
      return {
        number: Number(iid),
        url: String(url),
        state: state === 'opened' ? 'open' : state === 'merged' ? 'merged' : 'closed',
        headCommit: String(sha),
      };
    }
    const { number, html_url: url, state, merged_at: mergedAt, head } = told;
    const merged = typeof mergedAt === 'string';
    return {
      number: Number(number),
      url: String(url),
      state: state === 'open' ? 'open' : merged ? 'merged' : 'closed',
      headCommit: String((head as Json)['sha']),
    };
  }

  async #ask(
    { provider, repoUrl }: Forge,
    method: string,
    path: string,
    query: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<unknown> {
    const found = this.#repositories.get(repoUrl);
    if (!found) throw new OutsideError(`no forge has ${repoUrl}`);
    const root =
      provider === 'github'
        ? `/repos/${found.repo}/pulls`
        : `/api/v4/projects/${encodeURIComponent(found.repo)}/merge_requests`;
    const reply = await found.handle({
      method,
      path: `${root}${path}`,
      query: new URLSearchParams(query),
      headers: { authorization: `Bearer ${token}` },
      body: body === undefined ? '' : JSON.stringify(body),
    });
    if (reply === 'lost') throw new OutsideError('the answer was lost');
    if (reply.status >= 300) throw new OutsideError(`${reply.status}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }
}
