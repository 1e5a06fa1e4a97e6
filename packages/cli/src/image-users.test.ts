import type { ImageUser } from '@image-factory/core/enrolment/image-users.ts';
import { day, minute } from '@image-factory/core/time.ts';
import {
  digestOf as subscriptionOf,
  policies,
  stage,
  warehouse,
} from '@image-factory/kargo/interpreter/test-manifests.ts';
import { kargoDuration } from '@image-factory/kargo/manifests/duration.ts';
import type { PromotionStep } from '@image-factory/kargo/manifests/step.ts';
import type { GitRemote } from '@image-factory/testing/git-remote.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, image, ImageUsers, urls } from './testing/test-image-users.ts';
import { formatOf, formats, stageOf, user } from './testing/test-update-formats.ts';

const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];
const untouched = 'mine: {  a: 1  }   # and the factory leaves it alone\n';

async function subjects(remote: GitRemote, branch?: string): Promise<readonly string[]> {
  return (await remote.log(branch)).map((message) => message.trim());
}

let place: ImageUsers | undefined;
afterEach(async () => {
  await place?.close();
  place = undefined;
});

async function open(
  users: readonly ImageUser[],
  files: Readonly<Record<string, string>>,
): Promise<ImageUsers> {
  place = await ImageUsers.open(users);
  for (const provider of ['github', 'gitlab'] as const)
    await place.remoteOf(provider).commit({ ...files, 'other.yaml': untouched }, { message: 'ours' });
  return place;
}

const cases = Object.keys(formats).flatMap((what) =>
  (['github', 'gitlab'] as const).map((provider) => [what, provider] as const),
);

describe('an update that is pushed', () => {
  it.each(cases)('changes %s at %s, and nothing else', async (what, provider) => {
    const { file, before, after } = formatOf(what);
    const own = user(what, provider, 'push');
    const users = await open([own], { [file]: before });
    const remote = users.remoteOf(provider);
    const content = async () => Object.fromEntries(await remote.files());

    await users.build(a);
    expect(await content()).toEqual({ [file]: after(a), 'other.yaml': untouched });
    expect(await subjects(remote)).toEqual(['web: 1.10', 'ours']);
    expect((await remote.git('log', '-1', '--format=%an', 'main')).trim()).toBe('Kargo');

    await users.promoteAgain(stageOf(own));
    expect(users.phases(stageOf(own))).toEqual(['Succeeded', 'Succeeded']);
    expect(await subjects(remote)).toHaveLength(2);

    await users.build(b);
    expect(await content()).toEqual({ [file]: after(b), 'other.yaml': untouched });
    expect(await subjects(remote)).toHaveLength(3);
    expect(await remote.branches()).toEqual(['main']);
    expect(users.requestsAt(provider)).toEqual([]);
  });
});

describe('an update that is proposed', () => {
  it.each(cases)('changes %s at %s when its request is merged', async (what, provider) => {
    const { file, before, after } = formatOf(what);
    const own = user(what, provider, 'pull-request');
    const stage = stageOf(own);
    const branch = `image-factory-update/image-factory-kargo/${stage}`;
    const users = await open([own], { [file]: before });
    const remote = users.remoteOf(provider);
    const requests = () => users.requestsAt(provider).map(({ number, state }) => [number, state]);

    await users.build(a);
    expect(Object.fromEntries(await remote.files())).toEqual({ [file]: before, 'other.yaml': untouched });
    expect(Object.fromEntries(await remote.files(branch))).toEqual({
      [file]: after(a),
      'other.yaml': untouched,
    });
    expect(users.requestsAt(provider)).toMatchObject([
      { number: 1, state: 'open', branch, into: 'main', title: 'Update web' },
    ]);

    // Newer Freight moves the open request on: one commit on top of the branch that it goes into.
    await users.build(b);
    await users.build(c);
    expect(users.phases(stage)).toEqual(['Succeeded', 'Succeeded', 'Succeeded']);
    expect(requests()).toEqual([[1, 'open']]);
    expect((await remote.files(branch)).get(file)).toBe(after(c));
    expect(await subjects(remote, branch)).toEqual(['web: 1.10', 'ours']);

    await users.merge(provider, 1);
    await users.promoteAgain(stage);
    expect(requests()).toEqual([[1, 'merged']]);
    expect(await subjects(remote)).toEqual(['web: 1.10', 'ours']);
    expect((await remote.files()).get(file)).toBe(after(c));

    // The next one is another request, also where people left the branch behind.
    await users.build(digestOf('d'));
    expect(requests()).toEqual([
      [1, 'merged'],
      [2, 'open'],
    ]);
  });

  it('and closed by a person is proposed again with the next build only', async () => {
    const { file, before } = formatOf('values of a chart');
    const own = user('values of a chart', 'github', 'pull-request');
    const users = await open([own], { [file]: before });
    await users.build(a);
    const [request] = users.requestsAt('github');
    if (request) request.state = 'closed';
    await users.pass(24 * 60 * 60_000);
    expect(users.requestsAt('github')).toHaveLength(1);
    await users.build(b);
    expect(users.requestsAt('github').map(({ state }) => state)).toEqual(['closed', 'open']);
  });

  it('survives a forge that shows the new commit a moment late', async () => {
    const { file, before } = formatOf('values of a chart');
    const own = user('values of a chart', 'gitlab', 'pull-request');
    const users = await open([own], { [file]: before });
    await users.build(a);
    const store = [...users.forges.values()].find(({ repo }) => repo === 'acme/apps/deploy')?.store;
    const real = store?.heads.get.bind(store.heads);
    let late = 2;
    if (store && real) store.heads.get = (branch) => (late-- > 0 ? 'the-old-head' : real(branch));
    await users.build(b);
    expect(users.phases(stageOf(own))).toEqual(['Succeeded', 'Succeeded']);
    expect(users.requestsAt('gitlab')).toHaveLength(1);
  });
});

describe('users of one image', () => {
  const all = Object.keys(formats);

  it('hold nobody up when one of them fails', async () => {
    const files = Object.fromEntries(Object.values(formats).map(({ file, before }) => [file, before]));
    const own = all.map((what) => user(what, 'github', 'push'));
    for (const broken of all) {
      const { file } = formatOf(broken);
      const users = await open(
        own,
        Object.fromEntries(Object.entries(files).filter(([name]) => name !== file)),
      );
      await users.build(a);
      const found = await users.github.files();
      for (const [index, what] of all.entries()) {
        const stage = stageOf(own[index] as ImageUser);
        expect(users.phases(stage)).toEqual([what === broken ? 'Errored' : 'Succeeded']);
        expect(found.get(formatOf(what).file)).toBe(what === broken ? undefined : formatOf(what).after(a));
      }
      await users.close();
      place = undefined;
    }
  });

  it('never get a file that the change breaks', async () => {
    const { file } = formatOf('values of a chart');
    const own = user('values of a chart', 'github', 'push');
    const users = await open([own], { [file]: 'image: { tag: "1.9", digest: x }\nreplicas: 1\n' });
    await users.build(a);
    expect(users.phases(stageOf(own))).toEqual(['Errored']);
    expect(await subjects(users.github)).toEqual(['ours']);
  });

  it('keep what others push meanwhile', async () => {
    const { file, before, after } = formatOf('values of a chart');
    const own = user('values of a chart', 'github', 'push');
    const users = await open([own], { [file]: before });
    let theirs: Record<string, string> | undefined = { 'theirs.yaml': 'x: 1\n' };
    users.outside.git.beforePush = async () => {
      if (theirs) await users.github.commit(theirs, { message: 'theirs' });
      theirs = undefined;
    };
    await users.build(a);
    expect(await subjects(users.github)).toEqual(['web: 1.10', 'theirs', 'ours']);
    expect((await users.github.files()).get(file)).toBe(after(a));

    // The same lines: nobody's work is lost, and the next build is tried again.
    const byHand = after(digestOf('e'));
    theirs = { [file]: byHand };
    await users.build(b);
    expect(users.phases(stageOf(own))).toEqual(['Succeeded', 'Failed']);
    expect((await users.github.files()).get(file)).toBe(byHand);
    await users.build(c);
    expect(users.phases(stageOf(own))).toEqual(['Succeeded', 'Failed', 'Succeeded']);
    expect((await users.github.files()).get(file)).toBe(after(c));
  });

  it('have a promotion that errs where their branch is protected', async () => {
    const { file, before } = formatOf('values of a chart');
    const own = user('values of a chart', 'github', 'push');
    const users = await open([own], { [file]: before });
    await users.github.refusePushes('protected branch');
    await users.build(a);
    expect(users.kargo.promotions(stageOf(own)).map(({ phase, message }) => [phase, message])).toEqual([
      ['Errored', expect.stringContaining('protected branch')],
    ]);
  });
});

describe('a Stage that waits for its pull request, which none of ours does', () => {
  const { file, before, after } = formatOf('values of a chart');
  const path = './repo';
  const steps = (provider: 'github' | 'gitlab'): readonly PromotionStep[] => {
    const repoURL = urls[provider];
    return [
      { uses: 'git-clone', config: { repoURL, checkout: [{ path, branch: 'main' }] } },
      {
        uses: 'yaml-update',
        config: {
          path: `${path}/${file}`,
          updates: [
            { key: 'image.digest', value: `\${{ imageFrom("${image}").Digest }}` },
            { key: 'image.tag', value: '1.10' },
          ],
        },
      },
      { uses: 'git-commit', config: { path, message: `\${{ imageFrom("${image}").Digest }}` } },
      { uses: 'git-push', as: 'push', config: { path, generateTargetBranch: true } },
      {
        uses: 'git-open-pr',
        as: 'open',
        config: { repoURL, sourceBranch: "${{ outputs['push'].branch }}", targetBranch: 'main' },
      },
      {
        uses: 'git-wait-for-pr',
        as: 'merged',
        retry: { timeout: kargoDuration(7 * day) },
        config: { repoURL, prNumber: "${{ outputs['open'].pr.id }}" },
      },
    ];
  };

  async function waiting(provider: 'github' | 'gitlab'): Promise<ImageUsers> {
    const users = await open([], { [file]: before });
    users.kargo.apply([
      warehouse('web', [subscriptionOf(image, '1.10')]),
      stage('waiting', { from: ['web'], steps: steps(provider) }),
      policies('waiting'),
    ]);
    return users;
  }

  it.each(['github', 'gitlab'] as const)(
    'proposes every build that came meanwhile, one after the other: %s',
    async (provider) => {
      const users = await waiting(provider);
      const titles = () => users.requestsAt(provider).map(({ title, state }) => [title, state]);
      for (const digest of [a, b, c]) await users.build(digest);
      expect(titles()).toEqual([[a, 'open']]);
      expect(users.phases('waiting')).toEqual(['Running', 'Pending', 'Pending']);
      await users.merge(provider, 1);
      await users.pass(minute);
      expect(titles()).toEqual([
        [a, 'merged'],
        [b, 'open'],
      ]);
      expect((await users.remoteOf(provider).files()).get(file)).toContain(a);
      const [, second] = users.requestsAt(provider);
      if (second) second.state = 'closed';
      await users.pass(minute);
      expect(users.phases('waiting')).toEqual(['Succeeded', 'Failed', 'Running']);
      await users.merge(provider, 3);
      await users.pass(minute);
      expect(users.phases('waiting')).toEqual(['Succeeded', 'Failed', 'Succeeded']);
      expect((await users.remoteOf(provider).files()).get(file)).toBe(after(c));
    },
  );

  it('fails when nobody has looked for the time that it was given, and asks the forge all the while', async () => {
    const users = await waiting('github');
    await users.build(a);
    await users.pass(7 * day);
    expect(users.phases('waiting')).toEqual(['Errored']);
    expect(users.requestsAt('github').map(({ state }) => state)).toEqual(['open']);
    // Every 30 seconds: of a thousand images that is more than a forge allows one token.
    expect(users.outside.forgeCalls / 7).toBeGreaterThan(2800);
  });
});
