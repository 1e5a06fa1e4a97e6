import { join, resolve } from 'node:path';
import type { Api } from '@image-factory/adapters/ci-http/api.ts';
import type { ForgeRequests } from '@image-factory/adapters/ci-runs/forge-requests.ts';
import { publicForges } from '@image-factory/adapters/git/source-location.ts';
import type { Enrolment, Provider, Settings } from '@image-factory/core/enrolment/types.ts';
import type { ProposalBranches, SourceRequests } from '@image-factory/core/ports/proposals.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { repositoryPath } from '@image-factory/core/rebuild/dispatch.ts';
import type { EngineDeps } from '@image-factory/engine/deps.ts';
import type { Io } from './io.ts';
import { placesOf } from './places.ts';
import { clockOf } from './system-clock.ts';

type Forge = 'github' | 'gitlab' | 'gitea' | 'forgejo';
type BaseUrls = Readonly<Partial<Record<Provider, string>>>;

export interface OpenProposals extends NonNullable<EngineDeps['proposals']> {
  /** The token that git reads a repository of this provider with; undefined where none is set up for its server. */
  sourceToken(images: readonly Enrolment[], provider: Provider, url: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const usualAuthor = { name: 'Image Factory', email: 'image-factory@localhost' };

/** Requests at the forges of factory.yaml, as it says now; each is loaded when there is something to propose. */
export function openProposals(
  dir: string,
  settings: () => Settings,
  baseUrls: () => BaseUrls,
  io: Io,
): OpenProposals {
  const baseDir = resolve(io.cwd, dir);
  const clock = clockOf(io);
  const opened = new Map<string, Promise<ForgeRequests>>();
  const apis: Api[] = [];

  async function open(provider: Forge): Promise<ForgeRequests> {
    const [{ createApi }, { createSecretSource }] = await Promise.all([
      import('@image-factory/adapters/ci-http/api.ts'),
      import('@image-factory/adapters/secrets/secret-source.ts'),
    ]);
    const secrets = createSecretSource({ baseDir, environment: io.env });
    const apiFor = ({ url, ca }: { readonly url: string; readonly ca: string | undefined }): Api => {
      const api = createApi({
        provider,
        url,
        ca: ca === undefined ? undefined : resolve(baseDir, ca),
        clock,
      });
      apis.push(api);
      return api;
    };
    const { github, gitlab } = settings().providers;
    if (provider === 'github') {
      const { createGithubRequests } = await import('@image-factory/adapters/github/pull-requests.ts');
      return createGithubRequests({
        settings: github,
        api: apiFor(github),
        secrets,
        clock,
        environment: io.env,
      });
    }
    if (provider === 'gitlab') {
      const { createGitlabRequests } = await import('@image-factory/adapters/gitlab/merge-requests.ts');
      return createGitlabRequests({ settings: gitlab, api: apiFor(gitlab), secrets, clock });
    }
    const forge = settings().providers[provider];
    if (!forge) throw new Error(`no settings of ${provider}`);
    const { createGiteaRequests } = await import('@image-factory/adapters/gitea/pull-requests.ts');
    return createGiteaRequests({ provider, settings: forge, api: apiFor(forge), secrets, clock });
  }

  function requestsOf(provider: Forge): Promise<ForgeRequests> {
    const key = JSON.stringify([provider, settings().providers[provider]]);
    const known = opened.get(key) ?? open(provider);
    opened.set(key, known);
    return known;
  }

  const branchesBySettings = new Map<string, Promise<ProposalBranches>>();
  function branches(): Promise<ProposalBranches> {
    const { state } = settings();
    const author = state.mode === 'git' ? state.author : usualAuthor;
    const key = JSON.stringify([author, baseUrls()]);
    const known = branchesBySettings.get(key) ?? openBranches(author, baseUrls());
    branchesBySettings.set(key, known);
    return known;
  }

  async function openBranches(author: typeof usualAuthor, urls: BaseUrls): Promise<ProposalBranches> {
    const { createProposalBranches } = await import('@image-factory/adapters/git/proposal-branches.ts');
    return createProposalBranches({
      factoryDir: baseDir,
      cacheDir: join(placesOf(dir, io).git, 'proposals'),
      clock,
      environment: io.env,
      author,
      baseUrls: urls,
      token: async (image) => {
        const { provider } = image.source;
        return isForge(provider) ? (await requestsOf(provider)).gitToken(image) : undefined;
      },
    });
  }

  return {
    branches: {
      read: async (...asked) => (await branches()).read(...asked),
      push: async (...asked) => (await branches()).push(...asked),
      remove: async (...asked) => (await branches()).remove(...asked),
    },
    requestsFor(provider): SourceRequests | undefined {
      if (!isForge(provider) || settings().providers[provider] === undefined) return undefined;
      return {
        provider,
        find: async (...asked) => (await requestsOf(provider)).find(...asked),
        create: async (...asked) => (await requestsOf(provider)).create(...asked),
        update: async (...asked) => (await requestsOf(provider)).update(...asked),
        close: async (...asked) => (await requestsOf(provider)).close(...asked),
      };
    },
    async sourceToken(images, provider, url) {
      if (!isForge(provider) || settings().providers[provider] === undefined) return undefined;
      // A repository elsewhere may have the same name: the token is for the provider's own server.
      const home = baseUrls()[provider] ?? publicForges[provider];
      if (home === undefined || !url.startsWith(`${home.replace(/\/+$/, '')}/`)) return undefined;
      const image = images.find(
        (each) => each.kind === 'managed' && each.source.provider === provider && isAt(url, each.source.repo),
      );
      if (image?.kind !== 'managed') return undefined;
      try {
        return await (await requestsOf(provider)).gitToken(image);
      } catch (thrown) {
        // Without a token, and at another server, the repository is read as everybody may.
        const { code } = problemOf(thrown);
        if (code === 'CREDENTIALS' || code === 'CI_REFUSED') return undefined;
        throw thrown;
      }
    },
    async close() {
      for (const api of apis) await api.close();
    },
  };
}

/** Is this address that of the repository, in whichever way it is written? */
function isAt(url: string, repo: string): boolean {
  const path = repositoryPath(repo);
  return path !== undefined && url.replace(/(?:\.git)?\/?$/, '').endsWith(`/${path}`);
}

function isForge(provider: Provider): provider is Forge {
  return provider === 'github' || provider === 'gitlab' || provider === 'gitea' || provider === 'forgejo';
}
