import { usualWorkflow } from '@image-factory/core/rebuild/dispatch.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Api } from '../ci-http/api.ts';

/** Where a build's workflow lives. */
export interface WorkflowPlace {
  readonly owner: string;
  readonly name: string;
  /** File name below `.github/workflows`, or the workflow's id. */
  readonly workflow: string;
}

/** Throws CI_REFUSED where the enrolment names no repository of this server: nothing can be started there. */
export function placeOf(
  { name: image, source }: ManagedEnrolment,
  api: Api,
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): WorkflowPlace {
  const written = source.repo === '.' ? (environment['GITHUB_REPOSITORY'] ?? '.') : source.repo;
  const found = /^[\w.-]+\/[\w.-]+$/.test(written) ? { host: undefined, path: written } : addressOf(written);
  const [owner, name, ...rest] = (found?.path ?? '').replace(/\.git$/, '').split('/');
  if (!owner || !name || rest.length > 0 || !isName(owner) || !isName(name)) {
    throw api.failure(
      'CI_REFUSED',
      `source.repo of ${image} is ${JSON.stringify(written)}, expected a repository of ${webHost(url)}`,
      'Write owner/name, https://host/owner/name or git@host:owner/name.',
    );
  }
  if (found?.host !== undefined && !isSameServer(found.host, url)) {
    throw api.failure(
      'CI_REFUSED',
      `the repository of ${image} is at ${found.host}, but workflows are started at ${webHost(url)}`,
      'Correct source.repo of the image, or providers.github.url in factory.yaml.',
    );
  }
  const workflow = (source.workflow ?? usualWorkflow).replace(/^\.github\/workflows\//, '');
  if (!/^[\w.-]{1,255}$/.test(workflow) || /^\.+$/.test(workflow)) {
    throw api.failure(
      'CI_REFUSED',
      `source.workflow of ${image} is ${JSON.stringify(workflow)}, expected a file name`,
      'Write the name of a file in .github/workflows, such as build-image.yml.',
    );
  }
  return { owner, name, workflow };
}

/** The API's path of a repository; the names hold nothing that would need escaping. */
export function pathOf({ owner, name }: WorkflowPlace): string {
  return `/repos/${owner}/${name}`;
}

function isName(text: string): boolean {
  return text.length <= 100 && /^[\w.-]+$/.test(text) && !/^\.+$/.test(text);
}

/** `https://host/path`, `ssh://git@host:port/path` and `git@host:path`. */
function addressOf(written: string): { readonly host: string; readonly path: string } | undefined {
  const short = /^(?:[\w.-]+@)?([\w.-]+):([^/\s].*)$/.exec(written);
  if (short && !written.includes('://')) return { host: short[1] ?? '', path: short[2] ?? '' };
  const url = written.includes('://') ? URL.parse(written) : null;
  return url ? { host: url.hostname, path: url.pathname.replace(/^\/|\/$/g, '') } : undefined;
}

/** Where people see the repositories whose API this is. */
function webHost(url: string): string {
  const { hostname } = new URL(url);
  if (hostname === 'api.github.com') return 'github.com';
  return /^api\.(.+\.ghe\.com)$/.exec(hostname)?.[1] ?? hostname;
}

function isSameServer(host: string, url: string): boolean {
  const plain = host.toLowerCase().replace(/^(?:www|ssh)\./, '');
  return plain === webHost(url).replace(/^www\./, '');
}
