import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest } from '@image-factory/core/ports/proposals.ts';
import { at, linkAt, textAt } from '../ci-http/fields.ts';
import { openedRequest, openOrNewest, shownRequest, type ForgeRequests } from '../ci-runs/forge-requests.ts';
import { firstSecret } from '../ci-runs/first-secret.ts';
import { repositoryAt } from '../ci-runs/repository.ts';
import { createRequestCalls } from '../ci-runs/request-calls.ts';
import type { GitlabOptions } from './create-gitlab.ts';

/** Merge requests of GitLab. Needs a token with scopes api and write_repository, and the role Developer. */
export function createGitlabRequests({ settings, api, secrets }: GitlabOptions): ForgeRequests {
  function projectOf({ source }: ManagedEnrolment): string {
    const project = repositoryAt(source.repo, settings.url);
    if (project.ok) return project.value;
    throw api.failure('CI_REFUSED', project.error, 'Write group/name, or its address, in source.repo.');
  }

  // A job token may open no merge requests.
  const token = async (): Promise<string> =>
    (await firstSecret(secrets, settings.token, ['GITLAB_TOKEN'], settings.url)).text;
  const { ask, change } = createRequestCalls({
    api,
    repositoryOf: projectOf,
    rootOf: (project) => `/api/v4/projects/${encodeURIComponent(project)}/merge_requests`,
    token,
    scheme: 'Bearer',
    speaker: 'GitLab',
    deniedHint:
      'Check that the token is not expired, and has scope api and at least the role Developer in the project.',
  });

  return {
    provider: 'gitlab',

    async gitToken(image) {
      projectOf(image);
      return token();
    },

    async find(image, branch, signal) {
      const query = {
        source_branch: branch,
        state: 'all',
        order_by: 'created_at',
        sort: 'desc',
        per_page: 100,
      };
      const { answer, refused } = await ask(image, { method: 'GET', path: '', query, signal });
      if (answer.status !== 200) throw refused('merge requests could not be read');
      const found = answer.json();
      const own = (Array.isArray(found) ? (found as readonly unknown[]) : []).filter(
        (each) =>
          textAt(each, 'source_branch') === branch &&
          at(each, 'source_project_id') === at(each, 'target_project_id'),
      );
      return openOrNewest(own.flatMap((each) => shownOf(each) ?? []));
    },

    async create(image, branch, into, { title, body }) {
      const json = {
        source_branch: branch,
        target_branch: into,
        title,
        description: body,
        remove_source_branch: true,
      };
      const { answer, refused } = await ask(image, { method: 'POST', path: '', json });
      if (answer.status === 409) return undefined;
      if (answer.status >= 300) throw refused(`no merge request of ${branch} was opened`);
      return openedRequest(shownOf(answer.json()), api, 'merge request');
    },

    update: (image, number, { title, body }) =>
      change(
        image,
        { method: 'PUT', path: `/${number}`, json: { title, description: body } },
        `merge request ${number} was not changed`,
      ),

    async close(image, number, comment) {
      const what = `merge request ${number} was not closed`;
      await change(image, { method: 'POST', path: `/${number}/notes`, json: { body: comment } }, what);
      await change(image, { method: 'PUT', path: `/${number}`, json: { state_event: 'close' } }, what);
    },
  };
}

function shownOf(value: unknown): ShownRequest | undefined {
  const told = textAt(value, 'state');
  return shownRequest({
    number: at(value, 'iid'),
    url: linkAt(value, 'web_url'),
    // `locked` is one that is being merged.
    state: told === 'opened' || told === 'locked' ? 'open' : told === 'merged' ? 'merged' : 'closed',
    title: textAt(value, 'title'),
    body: textAt(value, 'description'),
  });
}
