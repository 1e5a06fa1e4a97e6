import type { FactoryError } from '@image-factory/core/problem.ts';
import type { RunInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import type { Api, ApiAnswer } from '../ci-http/api.ts';
import { quoted, textAt } from '../ci-http/fields.ts';
import type { WorkflowPlace } from './repository.ts';

/** What a request needed, in the words of GitHub's settings. */
export type Need =
  | 'Actions: read'
  | 'Actions: write'
  | 'Contents: write'
  | 'Metadata: read'
  | 'Pull requests: read'
  | 'Pull requests: write';

/** What GitHub says of a refusal. */
export function messageOf(answer: ApiAnswer): string {
  try {
    return quoted(textAt(answer.json(), 'message'));
  } catch {
    return quoted(answer.text, 80);
  }
}

/** 401 and 403: whoever asks may not. */
export function denied(api: Api, answer: ApiAnswer, place: WorkflowPlace, need: Need): FactoryError {
  const repository = `${place.owner}/${place.name}`;
  const said = `${answer.status} ${messageOf(answer)}`;
  if (answer.status === 401) {
    return api.failure(
      'CI_DENIED',
      `the credentials are not accepted for ${repository}: ${said}`,
      'The token is wrong, expired or revoked: set a new one where factory.yaml or the environment names it.',
    );
  }
  if (answer.headers['x-github-sso'] !== undefined || /SAML/.test(said)) {
    return api.failure(
      'CI_DENIED',
      `the organisation of ${repository} asks for single sign-on: ${said}`,
      "Authorise the token for the organisation (the token's settings, Configure SSO), or use a GitHub App.",
    );
  }
  if (/archived/i.test(said)) {
    return api.failure(
      'CI_REFUSED',
      `${repository} is archived: ${said}`,
      'Unarchive it, or take its images out of images.yaml.',
    );
  }
  const exact = quoted(answer.headers['x-accepted-github-permissions'], 100).replaceAll('=', ': ');
  return api.failure(
    'CI_DENIED',
    `not allowed in ${repository}: ${said}`,
    `A fine-grained token or App needs the repository permission ${exact === '' ? need : exact}, a classic token the scope repo; a workflow's GITHUB_TOKEN needs "permissions: ${need.toLowerCase()}".`,
  );
}

/** 404: GitHub does not say whether something is not there or not to be seen. */
export function notFound(
  api: Api,
  place: WorkflowPlace,
  seen: { readonly repository: boolean | undefined; readonly workflow: boolean | undefined },
): FactoryError {
  const repository = `${place.owner}/${place.name}`;
  if (seen.workflow) {
    return api.failure(
      'CI_DENIED',
      `${place.workflow} of ${repository} is there, but these credentials may not start it (404)`,
      'A fine-grained token or App needs the repository permission Actions: write, a classic token the scope repo, and its owner write access.',
    );
  }
  if (seen.repository) {
    return api.failure(
      'CI_REFUSED',
      `${repository} has no workflow ${place.workflow} on its default branch (404)`,
      `Commit .github/workflows/${place.workflow} to the default branch (GitHub starts no workflow that is only on another one), or name the right file as source.workflow.`,
    );
  }
  return api.failure(
    'CI_DENIED',
    `${repository} does not exist, or these credentials may not see it (404)`,
    'Check source.repo, and that the token or App was given this repository.',
  );
}

/** 400, 409, 410 and 422 to a create: GitHub understood, and started nothing. */
export function refusedStart(
  api: Api,
  answer: ApiAnswer,
  place: WorkflowPlace,
  ref: string,
  inputs: RunInputs,
): FactoryError {
  const file = `${place.workflow} of ${place.owner}/${place.name}`;
  const message = messageOf(answer);
  const said = `${answer.status} ${message}`;
  if (/does not have .?workflow_dispatch.? trigger/i.test(message)) {
    return api.failure(
      'CI_REFUSED',
      `${file} cannot be started on ${ref}: ${said}`,
      `Add "on: workflow_dispatch" with the factory's inputs to the file, on the default branch and on ${ref}.`,
    );
  }
  if (/unexpected inputs/i.test(message)) {
    return api.failure(
      'CI_REFUSED',
      `${file} does not declare the factory's inputs on ${ref}: ${said}`,
      `Declare under on.workflow_dispatch.inputs, each as a string and not required: ${Object.keys(inputs).join(', ')}.`,
    );
  }
  if (/required input/i.test(message)) {
    return api.failure(
      'CI_REFUSED',
      `${file} requires an input that the factory does not give, or gives empty: ${said}`,
      `Make it not required, or give it a default. The factory gives: ${Object.keys(inputs).join(', ')}.`,
    );
  }
  if (/no ref found|reference does not exist/i.test(message)) {
    return api.failure(
      'CI_REFUSED',
      `${place.owner}/${place.name} has no branch ${ref}: ${said}`,
      'Correct source.branch of the image; leave it out for the default branch.',
    );
  }
  if (/disabled/i.test(message)) {
    return api.failure(
      'CI_REFUSED',
      `${file} is disabled: ${said}`,
      "Enable it on the repository's Actions page. GitHub disables workflows after 60 days without activity.",
    );
  }
  return api.failure(
    'CI_REFUSED',
    `${file} was not started on ${ref}: ${said}`,
    'Start it by hand on the Actions page with the same inputs to see what GitHub says.',
  );
}
