import type { FactoryError } from '@image-factory/core/problem.ts';
import type { Api, ApiAnswer } from '../ci-http/api.ts';
import { said, wordsOf } from '../ci-runs/said.ts';

export interface Asked {
  readonly project: string;
  readonly ref: string;
  readonly start: 'inputs' | 'variables';
  /** By the trigger endpoint: with a trigger token or a job token. */
  readonly byTrigger: boolean;
  readonly secrets: readonly string[];
}

/** Why GitLab created no pipeline, and what to do about it. Nothing was created: its answer was a definite one. */
export function refusal(api: Api, answer: ApiAnswer, asked: Asked): FactoryError {
  const words = wordsOf(answer);
  const quote = `GitLab says (${answer.status}): ${said(words, asked.secrets)}`;
  const known = explanations.find(({ when }) => when.test(words));
  if (known) {
    const { what, hint, code = 'CI_REFUSED' } = known.explain(asked);
    return api.failure(code, `${what}; ${quote}`, hint);
  }
  if (answer.status === 401)
    return api.failure(
      'CI_DENIED',
      `the token is not accepted: expired, revoked or mistyped; ${quote}`,
      'Make a new token with scope api and put it where factory.yaml says.',
    );
  if (answer.status === 403)
    return api.failure(
      'CI_DENIED',
      `the token may not start pipelines of ${asked.project} on ${asked.ref}; ${quote}`,
      'Give it scope api and the role Developer, or Maintainer where the branch is protected against Developers.',
    );
  if (answer.status === 404)
    return api.failure(
      'CI_DENIED',
      asked.byTrigger
        ? `no project ${asked.project} for this trigger token; ${quote}`
        : `no project ${asked.project} that the token may see; ${quote}`,
      'Check source.repo in images.yaml and providers.gitlab.url, and that the token belongs to that project or group.',
    );
  return api.failure(
    'CI_REFUSED',
    `no pipeline was created for ${asked.project} on ${asked.ref}; ${quote}`,
    'Try it under Build > Pipelines > New pipeline: GitLab says the same there.',
  );
}

interface Explanation {
  readonly what: string;
  readonly hint: string;
  readonly code?: 'CI_REFUSED' | 'CI_THROTTLED';
}

const explanations: readonly { readonly when: RegExp; explain(asked: Asked): Explanation }[] = [
  {
    when: /insufficient permissions to set pipeline variables/i,
    explain: ({ project, start, byTrigger }) => ({
      what: `${project} does not let this token set pipeline variables`,
      hint:
        start === 'variables'
          ? 'Set providers.gitlab.start: inputs (GitLab 17.11 and newer) and declare them under spec:inputs; or raise ' +
            'Settings > CI/CD > Variables > "Minimum role to use pipeline variables".'
          : byTrigger
            ? 'The trigger endpoint counts its own payload as a variable, also where none is sent ' +
              '(gitlab-org/gitlab#557381). Use a token with scope api instead of a trigger or job token, or allow ' +
              'a role under Settings > CI/CD > Variables > "Minimum role to use pipeline variables".'
            : 'Allow a role under Settings > CI/CD > Variables > "Minimum role to use pipeline variables".',
    }),
  },
  {
    when: /too many pipelines created|requested too many times/i,
    explain: ({ project }) => ({
      code: 'CI_THROTTLED',
      what: `GitLab wants a pause before the next pipeline of ${project}`,
      hint: 'Nothing is to be done: a later cycle starts it. Lower limits.perProvider.gitlab if it happens often.',
    }),
  },
  {
    when: /would be empty|filtered out by workflow rules|no stages ?\/ ?jobs|did not run for this pipeline/i,
    explain: ({ project, byTrigger }) => ({
      what: `the rules in .gitlab-ci.yml of ${project} leave no job for a pipeline that the factory starts`,
      hint:
        `Add a rule that allows it under workflow:rules and at the job: if: $CI_PIPELINE_SOURCE == ` +
        (byTrigger ? '"trigger" (with a job token: "pipeline").' : '"api".'),
    }),
  },
  {
    when: /\binputs?\b.*(?:unknown|not defined|not declared|invalid|required|not been provided|must be|not allowed|not (?:a|an) )|unknown input/i,
    explain: ({ project }) => ({
      what: `the inputs of .gitlab-ci.yml in ${project} are not those of the factory`,
      hint:
        'Declare the nine factory_* inputs under spec:inputs as strings (docs/providers/gitlab.md), on the branch that ' +
        'is built; or set providers.gitlab.start: variables.',
    }),
  },
  {
    when: /reference not found|ref .*(?:not exist|invalid|not found)/i,
    explain: ({ ref }) => ({
      what: `there is no branch ${ref}`,
      hint: 'Correct source.branch in images.yaml.',
    }),
  },
  {
    when: /missing ci config|config (?:file )?.*(?:not found|missing|not exist)|ci\/cd.*(?:disabled|not enabled)/i,
    explain: ({ project, ref }) => ({
      what: `${project} has no .gitlab-ci.yml on ${ref}, or CI/CD is switched off`,
      hint: 'Add the build pipeline (docs/providers/gitlab.md), and switch CI/CD on under Settings > General > Visibility.',
    }),
  },
];
