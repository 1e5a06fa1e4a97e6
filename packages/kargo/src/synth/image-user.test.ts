import type { ImageUser } from '@image-factory/core/enrolment/image-users.ts';
import { hour } from '@image-factory/core/time.ts';
import { enrolment, stateOf } from '@image-factory/testing/records.ts';
import { expect, test } from 'vitest';
import { KargoInterpreter } from '../interpreter/interpreter.ts';
import type { CheckedOut, NewCommit } from '../interpreter/outside.ts';
import { TestOutside } from '../interpreter/test-outside.ts';
import { factoryUrl, synthesize } from './test-factory.ts';

/** A repository with the users' files; what is pushed is there at once. */
class Users extends TestOutside {
  deployed = new Map([
    ['values.yaml', '# ours\nimage:\n  tag: "1.9" # moved by the factory\n  digest: none\n'],
  ]);

  override listCommits() {
    return Promise.resolve([]);
  }

  override checkOut(): Promise<CheckedOut> {
    return Promise.resolve({ commit: `d${this.pushes.length}`, files: this.deployed });
  }

  override commit(repoUrl: string, commit: NewCommit) {
    this.deployed = new Map([...this.deployed, ...commit.changes]);
    return super.commit(repoUrl, commit);
  }
}

const push = { provider: 'github', branch: 'main', mode: 'push' } as const;
const helm: ImageUser = {
  ...push,
  format: 'helm',
  repo: 'acme/deploy',
  paths: ['values.yaml'],
  keys: { 'image.tag': 'tag', 'image.digest': 'digest' },
};
const missing: ImageUser = {
  ...push,
  format: 'yaml',
  repo: '.',
  paths: ['gone.yaml'],
  keys: { a: 'reference' },
};

test('users get the new tag and digest as text, each by itself; an update that is there already pushes nothing', async () => {
  const outside = new Users();
  const kargo = new KargoInterpreter(outside);
  const images = [
    enrolment({ name: 'web', tags: ['1.10'], updates: [helm, missing], source: { repo: '.' } }),
  ];
  kargo.apply(synthesize(images, stateOf()).manifests);
  let now = 0;
  const pass = async (): Promise<void> => {
    const until = now + 2 * hour;
    for (; now < until; now = Math.max(kargo.nextAt() ?? until, now + 1)) await kargo.reconcile(now);
  };
  const phases = (stage: string) => kargo.promotions(stage).map(({ phase }) => phase);

  outside.image('ghcr.io/acme/web:1.10', `sha256:${'a'.repeat(64)}`);
  await pass();
  expect(outside.pushes).toEqual([{ branch: 'main', message: 'web: 1.10' }]);
  // 1.10 is no number: 1.1 would be another tag.
  expect(outside.deployed.get('values.yaml')).toMatch(/tag: "1\.10"/);
  expect(outside.deployed.get('values.yaml')).toContain(`digest: sha256:${'a'.repeat(64)}`);
  expect(outside.deployed.get('values.yaml')).toContain('# ours');
  expect(phases('update-web-helm-1')).toEqual(['Succeeded']);
  expect(phases('update-web-yaml-1')).not.toContain('Succeeded');

  // Somebody has done the next one by hand.
  const next = `sha256:${'b'.repeat(64)}`;
  const text = outside.deployed.get('values.yaml') ?? '';
  outside.deployed.set('values.yaml', text.replace(/sha256:a+/, next));
  outside.image('ghcr.io/acme/web:1.10', next);
  await pass();
  expect(phases('update-web-helm-1')).toEqual(['Succeeded', 'Succeeded']);
  expect(outside.pushes).toHaveLength(1);
});

test('the factory may be a user of its own images', () => {
  const images = [enrolment({ name: 'web', updates: [missing], source: { repo: '.' } })];
  const stage = synthesize(images).manifests.find(({ metadata }) => metadata.name === 'update-web-yaml-1');
  expect(JSON.stringify(stage)).toContain(factoryUrl);
});
