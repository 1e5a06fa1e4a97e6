import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { admissionCases } from './deployment/admission-cases.ts';
import { refusalOf, type AdmissionPolicy } from './deployment/admission-policy.ts';

const folder = join(import.meta.dirname, '../kustomize/image-factory/components/spread-looks');

function documents<T>(file: string): readonly T[] {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((each) => each.toJS() as T);
}

const [policy, binding] = documents<AdmissionPolicy>('admission-policy.yaml');

describe('the admission policy', () => {
  it.each(admissionCases.map((each) => [each.about, each] as const))(
    'decides about %s',
    (_, { input, refused }) => {
      const said = policy === undefined ? 'there is no policy' : refusalOf(policy, input);
      if (refused === undefined) expect(said).toBeUndefined();
      else expect(said).toMatch(refused);
    },
  );

  it.each((policy?.spec.validations ?? []).map((_, index) => [index] as const))(
    'needs its validation %i',
    (dropped) => {
      if (!policy) throw new Error('there is no policy');
      const validations = policy.spec.validations.filter((_, index) => index !== dropped);
      const weaker = { ...policy, spec: { ...policy.spec, validations } };
      const passes = admissionCases.filter(
        ({ input, refused }) => refused !== undefined && refusalOf(weaker, input) === undefined,
      );
      expect(passes.map(({ about }) => about)).not.toEqual([]);
    },
  );

  it('is bound, refuses, and is about the account that the Job has', () => {
    expect(policy?.spec.failurePolicy).toBe('Fail');
    expect(policy?.spec.matchConstraints.resourceRules).toMatchObject([
      { apiGroups: ['kargo.akuity.io'], operations: ['*'], resources: ['warehouses', 'warehouses/*'] },
    ]);
    expect(binding).toMatchObject({
      kind: 'ValidatingAdmissionPolicyBinding',
      spec: {
        policyName: policy?.metadata.name,
        validationActions: expect.arrayContaining(['Deny']) as unknown,
      },
    });
    const [account] = documents<{ kind: string; metadata: { name: string } }>('access.yaml');
    const job = parse(readFileSync(join(folder, 'cron-job.yaml'), 'utf8')) as {
      spec: { jobTemplate: { spec: { template: { spec: { serviceAccountName: string } } } } };
    };
    const name = job.spec.jobTemplate.spec.template.spec.serviceAccountName;
    expect(account).toMatchObject({ kind: 'ServiceAccount', metadata: { name } });
    const [condition] = policy?.spec.matchConditions ?? [];
    expect(condition?.expression).toContain(`endsWith(':${name}')`);
  });
});
