import { defaultProviders } from '@image-factory/core/enrolment/provider-settings.ts';
import { builderContract } from '@image-factory/testing/forges/builder-contract.ts';
import { fakeGitlab, type FakeGitlabOptions } from '@image-factory/testing/forges/gitlab.ts';
import type { WorkflowOptions } from '@image-factory/testing/forges/workflow-runs.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGitlab } from './create-gitlab.ts';

const token = 'glpat-abcdefghij0123456789';
const triggerToken = 'glptt-0123456789abcdef';
const jobToken = 'glcbt-64_abcdefghij';
const project = 'acme/platform/images';

function imageOn(branch: string | undefined) {
  return enrolment({ source: { provider: 'gitlab', repo: project, branch, dockerfile: 'Dockerfile' } });
}

interface Variant {
  readonly start?: 'inputs' | 'variables';
  readonly prefix?: string;
  readonly trigger?: boolean;
  readonly job?: boolean;
  readonly pipelineName?: string | undefined;
}

function contract(name: string, variant: Variant): void {
  const { start = 'inputs', prefix = '', trigger = false, job = false } = variant;
  const pipelineName =
    'pipelineName' in variant ? variant.pipelineName : 'image-factory {image} [{key}/{attempt}]';
  builderContract({
    name: `gitlab, ${name}`,
    image: imageOn('main'),
    refused: imageOn('gone'),
    secrets: [token, triggerToken, jobToken],
    open(options: WorkflowOptions) {
      const given: FakeGitlabOptions = {
        ...options,
        project,
        prefix,
        token,
        triggerToken,
        jobToken,
        pipelineName,
      };
      const forge = fakeGitlab(given);
      return {
        forge,
        mistakes: forge.mistakes,
        expire() {
          forge.expired = true;
        },
      };
    },
    builder({ url, clock }) {
      const settings = {
        ...defaultProviders.gitlab,
        url: url + prefix,
        start,
        triggerToken: trigger ? ({ kind: 'env', name: 'TRIGGER' } as const) : undefined,
      };
      const api = createApi({ provider: 'gitlab', url: settings.url, ca: undefined, clock });
      const environment = job ? { CI_JOB_TOKEN: jobToken } : { GITLAB_TOKEN: token, TRIGGER: triggerToken };
      const secrets = createSecretSource({ baseDir: '/', environment });
      return { builder: createGitlab({ settings, api, secrets, clock }), close: () => api.close() };
    },
  });
}

contract('inputs', {});
contract('variables below a path', { start: 'variables', prefix: '/git' });
contract('a trigger token', { trigger: true });
contract('a job token', { job: true });
contract('a pipeline name of its own', { pipelineName: 'Build of {image}: [{key}/{attempt}]' });
contract('variables and no pipeline name', { start: 'variables', pipelineName: undefined });
