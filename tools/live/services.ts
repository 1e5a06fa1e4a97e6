import { defaultProviders } from '@image-factory/core/enrolment/provider-settings.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { createApi, type Api } from '@image-factory/adapters/ci-http/api.ts';
import { createGitea } from '@image-factory/adapters/gitea/create-gitea.ts';
import { createGithub } from '@image-factory/adapters/github/github.ts';
import { createGitlab } from '@image-factory/adapters/gitlab/create-gitlab.ts';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';

export type ServiceName = 'github' | 'gitlab' | 'gitea' | 'forgejo';

/** A sandbox repository, as the environment names it. */
export interface Service {
  readonly name: ServiceName;
  /** Address of the API's root, without a slash at its end. */
  readonly url: string;
  /** `owner/name`; at GitLab there may be more groups. */
  readonly repo: string;
  readonly token: string;
  /** File that is started, without its folder. At GitLab it is unused. */
  readonly workflow: string;
}

const usualUrls: Readonly<Record<ServiceName, string>> = {
  github: defaultProviders.github.url,
  gitlab: defaultProviders.gitlab.url,
  gitea: 'https://gitea.com',
  forgejo: 'https://codeberg.org',
};

export const serviceNames = Object.keys(usualUrls) as readonly ServiceName[];

/** The service, or why it is skipped. */
export function serviceOf(name: ServiceName, env: NodeJS.ProcessEnv): Service | string {
  const named = (part: string): string => `IMAGE_FACTORY_LIVE_${name.toUpperCase()}_${part}`;
  const read = (part: string): string => (env[named(part)] ?? '').trim();
  const missing = ['REPO', 'TOKEN'].filter((part) => read(part) === '').map(named);
  if (missing.length > 0) return `${missing.join(' and ')} not set`;
  const repo = read('REPO');
  const isPath = /^\w[\w.-]*(\/\w[\w.-]*)+$/.test(repo) && !repo.endsWith('.git');
  if (!isPath || (name !== 'gitlab' && repo.split('/').length !== 2))
    return `${named('REPO')} is ${JSON.stringify(repo)}, expected owner/name`;
  const url = (read('URL') || usualUrls[name]).replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return `${named('URL')} is not an http address`;
  const workflow = (name === 'github' && read('WORKFLOW')) || 'image-factory-live.yml';
  if (!/^\w[\w.-]*\.ya?ml$/.test(workflow)) return `${named('WORKFLOW')} is not the name of a YAML file`;
  return { name, url, repo, token: read('TOKEN'), workflow };
}

/** Where git finds the repository. */
export function remoteOf({ name, url, repo }: Service): string {
  const { host, origin } = new URL(url);
  if (name !== 'github') return `${url}/${repo}.git`;
  // GitHub's API has a host of its own, an Enterprise server's a path.
  const isApiHost = host === 'api.github.com' || /^api\..+\.ghe\.com$/.test(host);
  return `${isApiHost ? `https://${host.slice('api.'.length)}` : origin}/${repo}.git`;
}

export function apiOf({ name, url }: Service, clock: Clock): Api {
  return createApi({ provider: name, url, ca: undefined, clock });
}

/** The real adapter, with this token. */
export function builderOf(service: Service, api: Api, clock: Clock, token = service.token): Builder {
  const { name, url } = service;
  const variable = 'LIVE_TOKEN';
  const environment = { [variable]: token };
  const secrets = createSecretSource({ baseDir: '/', environment });
  const settings = {
    url,
    token: { kind: 'env', name: variable },
    ca: undefined,
    callBack: undefined,
    claims: true,
  } as const;
  switch (name) {
    case 'github':
      return createGithub({
        settings: { ...defaultProviders.github, ...settings },
        api,
        secrets,
        clock,
        environment,
      });
    case 'gitlab':
      return createGitlab({ settings: { ...defaultProviders.gitlab, ...settings }, api, secrets, clock });
    case 'gitea':
    case 'forgejo':
      return createGitea({ provider: name, settings, api, secrets, clock });
  }
}

/** Removes an ended run from the server's list: undefined, or the status with which it refused. */
export async function deleteRun(service: Service, api: Api, id: string): Promise<number | undefined> {
  const { name, repo, token } = service;
  const path = {
    github: `/repos/${repo}/actions/runs/${id}`,
    gitlab: `/api/v4/projects/${encodeURIComponent(repo)}/pipelines/${id}`,
    gitea: `/api/v1/repos/${repo}/actions/runs/${id}`,
    forgejo: `/api/v1/repos/${repo}/actions/runs/${id}`,
  }[name];
  const scheme = name === 'gitea' || name === 'forgejo' ? 'token' : 'Bearer';
  const headers = { authorization: `${scheme} ${token}` };
  const { status } = await api.send({ method: 'DELETE', path, headers });
  return status < 300 ? undefined : status;
}
