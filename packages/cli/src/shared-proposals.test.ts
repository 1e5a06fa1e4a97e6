import { hour, minute } from '@image-factory/core/time.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { expect, it } from 'vitest';
import { forgeFor, type TestForge } from './testing/test-forge.ts';
import { managed, place, settings, type Place } from './testing/test-place.ts';

const token = 'forge-token-0123456789';
const branch = 'image-factory/group_web';

/** Three images of one group; two of them share a Dockerfile. */
async function groupAt(at: Place, forge: TestForge): Promise<{ store: ChangeRequests; first: string }> {
  const store = new ChangeRequests({ repo: 'acme/repository', token, random: () => 0.5 });
  const providers = await forgeFor(at, store, forge);
  const first = (await at.registry.pushImage('base/os', '1', { layers: ['os-1'] })).descriptor.digest;
  const from = `FROM ${at.registry.host}/base/os:1@${first}`;
  await at.remote.commit({
    'one/Dockerfile': `${from}\r\nCOPY a /a\r\n`,
    'two/Dockerfile': `# shared\n${from} AS base\nFROM base AS left\nFROM base AS right\n`,
    'one/a': 'a\n',
  });
  const entry = (name: string, source: string): string =>
    `- { name: ${name}, repository: ${at.registry.host}/acme/${name}, tags: ["1"], source: { ${source} } }\n`;
  await at.enrol(
    `defaults:
  mode: pull-request
  pullRequestGroup: web
  rebuildDelay: 1d
  schedule: "* * * * * *"
  source: { provider: ${forge}, repo: acme/repository }
images:
${entry('one', 'dockerfile: one/Dockerfile')}${entry('left', 'dockerfile: two/Dockerfile, target: left')}${entry('right', 'dockerfile: two/Dockerfile, target: right')}`,
    settings(at, providers),
  );
  await at.run('run', '--once');
  return { store, first };
}

it.each(['github', 'gitlab', 'gitea'] as const)(
  'images of a group share one request at %s: one commit, whose create may go unanswered',
  async (forge) => {
    const at = await place();
    const { store, first } = await groupAt(at, forge);
    at.pass(hour);
    const second = (await at.registry.pushImage('base/os', '1', { layers: ['os-2'] })).descriptor.digest;
    await at.run('run', '--once');
    at.pass(31 * minute);
    await at.run('run', '--once');
    at.pass(25 * hour);
    store.faults.lostAnswers = 1;
    await at.run('run', '--once');
    expect(store.all).toHaveLength(1);
    expect((await at.state()).images.get('one')?.pullRequest?.number).toBeUndefined();
    store.faults.lostAnswers = 0;
    const ran = await at.run('run', '--once');
    expect(ran.err).toBe('');
    expect(store.all).toMatchObject([{ branch, into: 'main', state: 'open' }]);
    expect(store.all[0]?.title).toContain('in 3 images of web');
    for (const name of ['one', 'left', 'right']) {
      expect(store.all[0]?.body).toContain(`\`${name}\``);
      expect((await at.state()).images.get(name)?.pullRequest).toMatchObject({ number: 1, branch });
    }
    expect(store.mistakes).toStrictEqual([]);
    expect(JSON.stringify([...(await at.stateFiles())])).not.toContain(token);
    expect((await at.remote.git('rev-list', '--count', `main..${branch}`)).trim()).toBe('1');
    const [before, after] = [await at.remote.files('main'), await at.remote.files(branch)];
    for (const path of ['one/Dockerfile', 'two/Dockerfile'])
      expect(after.get(path)).toBe(before.get(path)?.replace(first, second));
    expect(after.get('one/a')).toBe('a\n');

    // Somebody commits to it: it is theirs now, whatever comes.
    const theirs = await at.remote.commit({ 'one/a': 'mine\n' }, { branch, message: 'A fix' });
    await at.registry.pushImage('base/os', '1', { layers: ['os-3'] });
    await at.run('run', '--once');
    at.pass(26 * hour);
    await at.run('run', '--once');
    at.pass(26 * hour);
    const left = await at.run('run', '--once');
    expect(left.err).toContain('REQUEST_FOREIGN');
    expect(await at.remote.head(branch)).toBe(theirs);

    await at.remote.git('update-ref', 'refs/heads/main', branch);
    const [open] = store.all;
    if (open) open.state = 'merged';
    await at.run('run', '--once');
    for (const name of ['one', 'left', 'right'])
      expect((await at.state()).images.get(name)?.pullRequest?.ended?.outcome).toBe('merged');
  },
  60_000,
);

it('a version is written into its file inside the context, and nothing is built for it', async () => {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os-1'] });
  await at.remote.commit({
    'app/Dockerfile': `FROM ${at.registry.host}/base/os:1\nCOPY . /app\n`,
    'app/package.json': '{\n\t"name": "app",\n\t"version": "0.0.1"\n}\n',
  });
  const file = 'versionFile: app/package.json\nversionFiles: commit\n';
  await at.enrol(managed(at, 'app', file), settings(at));
  await at.run('run', '--once');
  at.pass(31 * minute);
  await at.run('run', '--once');
  const built = (await at.state()).images.get('app')?.rebuilds;
  expect(built).toMatchObject([{ outcome: 'success' }]);
  const key = built?.[0]?.key ?? '';
  const start = await at.remote.head();
  expect((await at.run('version', 'next', 'app', '--key', key, '--bump', 'minor')).out).toBe('0.1.0\n');
  const ran = await at.run('run', '--once');
  expect(ran.err).toBe('');
  const head = await at.remote.head();
  expect((await at.remote.git('rev-parse', 'main^')).trim()).toBe(start);
  expect((await at.remote.log('main'))[0]).toContain('Set the version of app to 0.1.0 [skip ci]');
  expect((await at.remote.files('main')).get('app/package.json')).toBe(
    '{\n\t"name": "app",\n\t"version": "0.1.0"\n}\n',
  );
  expect((await at.run('status', 'app')).out).toContain('0.1.0 in app/package.json');
  const keyNow = async (): Promise<unknown> => {
    const { decisions } = await at.ask<{ decisions: { key?: string }[] }>('plan');
    return decisions[0]?.key;
  };
  expect(await keyNow()).toBe(key);
  for (let step = 0; step < 2; step += 1) {
    at.pass(25 * hour);
    await at.run('run', '--once');
  }
  expect(await at.remote.head()).toBe(head);
  expect((await at.state()).images.get('app')?.rebuilds).toHaveLength(1);
  // What a person changes in the same file is a change of the image.
  await at.remote.commit({ 'app/package.json': '{ "name": "other", "version": "0.1.0" }\n' });
  expect(await keyNow()).not.toBe(key);
}, 60_000);
