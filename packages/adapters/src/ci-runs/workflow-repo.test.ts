import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { ManagedEnrolment, Source } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { expect, it } from 'vitest';
import { inWorkflowRepo } from './workflow-repo.ts';

function recording(): { readonly builder: Builder; readonly seen: string[] } {
  const seen: string[] = [];
  const note = ({ source }: ManagedEnrolment): void =>
    void seen.push(`${source.repo} ${source.branch ?? 'default'}`);
  const builder: Builder = {
    provider: 'github',
    capabilities: () => ({ exactlyOnce: true, inProcess: false }),
    async start({ image, key, attempt }) {
      note(image);
      return { id: '1', key, attempt, status: 'running' };
    },
    async find(image) {
      note(image);
      return undefined;
    },
    async get(image) {
      note(image);
      return undefined;
    },
    async cancel(image) {
      note(image);
    },
    async retry(image) {
      note(image);
    },
  };
  return { builder, seen };
}

const image = (source: Partial<Source>): ManagedEnrolment => enrolment({ name: 'app', source });

it.each([
  [{ repo: 'up/x', branch: 'v1' }, 'up/x v1'],
  [{ repo: 'up/x', branch: 'v1', workflowRepo: 'acme/builds' }, 'acme/builds default'],
  [{ repo: 'up/x', workflowRepo: 'acme/builds', workflowBranch: 'main' }, 'acme/builds main'],
  [{ repo: 'up/x', workflowRepo: '.' }, 'https://forge.example/acme/factory default'],
  [{ repo: '.', branch: 'main' }, 'https://forge.example/acme/factory main'],
] satisfies readonly [Partial<Source>, string][])(
  'every question goes to the repository of the workflow: %j',
  async (source, where) => {
    const { builder, seen } = recording();
    const wrapped = inWorkflowRepo(builder, 'https://forge.example/acme/factory');
    const asked = image(source);
    const request = {
      key: 'k',
      attempt: 1,
      image: asked,
      pins: [],
      dependencies: [],
      platforms: [],
      commit: undefined,
      reason: '',
    };
    await wrapped.start(request);
    await wrapped.find(asked, 'k', 1);
    await wrapped.get(asked, '1');
    await wrapped.cancel(asked, '1');
    await wrapped.retry?.(asked, '1');
    expect(seen).toEqual(Array(5).fill(where));
  },
);

it('failures name the keys that count', async () => {
  const failing: Builder = {
    ...recording().builder,
    async find() {
      throw new FactoryError({
        code: 'CI_REFUSED',
        message: 'source.repo is bad',
        hint: 'Check source.repo and source.branch.',
      });
    },
  };
  const wrapped = inWorkflowRepo(failing, undefined);
  await expect(wrapped.find(image({ repo: 'a/b' }), 'k', 1)).rejects.toMatchObject({
    problem: { hint: 'Check source.repo and source.branch.' },
  });
  await expect(wrapped.find(image({ repo: 'a/b', workflowRepo: 'c/d' }), 'k', 1)).rejects.toMatchObject({
    problem: {
      message: 'source.workflowRepo is bad',
      hint: 'Check source.workflowRepo and source.workflowBranch.',
    },
  });
});
