import { defaultProviders, type GitlabSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { fakeGitlab, type FakeGitlabOptions } from '@image-factory/testing/forges/gitlab.ts';
import { exchangeOver } from '@image-factory/testing/forges/fake-forge.ts';
import { buildRequest, digest, enrolment, epoch } from '@image-factory/testing/records.ts';
import { hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGitlab } from './create-gitlab.ts';
import { statusOf } from './pipeline-status.ts';

const image = enrolment({
  source: { provider: 'gitlab', repo: 'acme/app', branch: 'main', dockerfile: 'Dockerfile' },
});
const request = buildRequest(image);

function open(
  fake: Partial<FakeGitlabOptions> = {},
  settings: Partial<GitlabSettings> = {},
  environment: Readonly<Record<string, string>> = { GITLAB_TOKEN: 'a-token', TRIGGER: 'a-trigger' },
  /** How long each answer takes. */
  delay = 0,
) {
  const time = { now: epoch };
  const forge = fakeGitlab({
    now: () => time.now,
    random: () => 0.5,
    claim: undefined,
    push: () => digest('pushed'),
    project: 'acme/app',
    token: 'a-token',
    triggerToken: 'a-trigger',
    jobToken: 'a-job-token',
    pipelineName: '[{key}/{attempt}]',
    ...fake,
  });
  const clock = {
    now: () => time.now,
    monotonic: () => time.now,
    sleep: async (duration: number) => void (time.now += duration),
  };
  const exchange = exchangeOver(forge.handle, {
    now: () => time.now,
    at: async (label) => void (time.now += label.startsWith('answered') ? delay : 0),
    timeout: hour,
  });
  const all = { ...defaultProviders.gitlab, ...settings };
  const api = createApi({ provider: 'gitlab', url: all.url, ca: undefined, clock, exchange });
  const secrets = createSecretSource({ baseDir: '/', environment });
  return { forge, time, builder: createGitlab({ settings: all, api, secrets, clock }) };
}

async function problemIn(work: Promise<unknown>) {
  return work.then(
    () => undefined,
    (thrown: unknown) => problemOf(thrown),
  );
}

const trigger = { triggerToken: { kind: 'env', name: 'TRIGGER' } } as const;

describe('what GitLab refuses', () => {
  it.each([
    [
      'variables that nobody may set',
      { variables: 'no_one_allowed' },
      { start: 'variables' },
      'does not let this token set pipeline variables',
      'start: inputs',
    ],
    [
      'a trigger where nobody may set variables, although none is sent',
      { variables: 'no_one_allowed' },
      trigger,
      'does not let this token set pipeline variables',
      'gitlab#557381',
    ],
    ['a pipeline without jobs', { sources: ['push'] }, {}, 'leave no job', '"api"'],
    ['a triggered pipeline without jobs', { sources: ['api'] }, trigger, 'leave no job', '"trigger"'],
    [
      'inputs that are not declared',
      { inputs: ['other'] },
      {},
      'are not those of the factory',
      'spec:inputs',
    ],
  ] as const)('%s', async (_, fake, settings, message, hint) => {
    const { builder, forge } = open(fake, settings);
    const problem = await problemIn(builder.start(request));
    expect(problem).toMatchObject({
      code: 'CI_REFUSED',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    });
    expect(forge.runs).toEqual([]);
  });

  it('inputs without a variable pass where nobody may set variables', async () => {
    const { builder } = open({ variables: 'no_one_allowed' });
    expect(await builder.start(request)).toMatchObject({ status: 'running' });
  });

  it('a job token by the rule for pipelines', async () => {
    const { builder } = open({ sources: ['pipeline'] }, {}, { CI_JOB_TOKEN: 'a-job-token' });
    expect(await builder.start(request)).toMatchObject({ status: 'running' });
    expect(await builder.find(image, 'k1', 1)).toMatchObject({ key: 'k1' });
  });

  it('nothing at all without a token', async () => {
    const { builder, forge } = open({}, {}, {});
    expect(await problemIn(builder.start(request))).toMatchObject({ code: 'CREDENTIALS' });
    expect(forge.creates).toBe(0);
  });

  it('nothing once it took longer than a minute to get so far', async () => {
    const unset = { ...image, source: { ...image.source, branch: undefined } };
    const slow = open({}, {}, undefined, 2 * minute);
    expect(await problemIn(slow.builder.start({ ...request, image: unset }))).toMatchObject({
      code: 'CI_THROTTLED',
    });
    expect(slow.forge.creates).toBe(0);
    const quick = open({}, {}, undefined, 10);
    expect(await quick.builder.start({ ...request, image: unset })).toMatchObject({ status: 'running' });
  });
});

describe('a pipeline', () => {
  it('is run again under its id', async () => {
    const { builder, forge, time } = open({ outcome: ({ tries }) => (tries === 1 ? 'failure' : 'success') });
    const { id } = await builder.start(request);
    time.now += 10 * minute;
    expect(await builder.get(image, id)).toMatchObject({
      status: 'failure',
      error: 'job "image" failed: script failure',
      log: `https://gitlab.test/acme/app/-/jobs/${id}1`,
    });
    await builder.retry(image, id);
    expect(await builder.get(image, id)).toMatchObject({ id, status: 'running' });
    time.now += 10 * minute;
    expect(await builder.get(image, id)).toMatchObject({ id, status: 'success', digest: digest('pushed') });
    expect(forge.runs).toHaveLength(1);
  });

  it('has a status whatever word GitLab finds for it', () => {
    const words = [
      'created waiting_for_resource waiting_for_callback preparing pending running manual scheduled canceling new',
      'success',
      'failed skipped',
      'canceled',
    ];
    expect(words.map((line) => [...new Set(line.split(' ').map(statusOf))])).toEqual([
      ['running'],
      ['success'],
      ['failure'],
      ['cancelled'],
    ]);
  });
});
