import { beforeEach, expect, it } from 'vitest';
import { place, settings, type Place } from './testing/test-place.ts';

let at: Place;

beforeEach(async () => {
  at = await place();
  const { host } = at.registry;
  await at.registry.pushImage('library/base', '1', { layers: ['one'] });
  for (const tag of ['1.2.3', '1.10.0', 'latest']) await at.registry.pushImage('acme/app', tag, {});
  await at.remote.commit({ 'app/Dockerfile': `FROM ${host}/library/base:1\n` });
  await at.enrol(
    `
- name: app
  registry: ${host}
  repository: acme/app
  source: { provider: local, repo: "${at.remote.path}", dockerfile: app/Dockerfile }
- { name: cache, registry: ${host}, repository: library/base, allowTags: ^1$ }
`,
    `
state: { mode: git, remote: "${at.remote.path}" }
registries: { "${host}": { insecure: true } }
`,
  );
  await at.run('analyze');
});

it('twenty builds that ask at once get twenty versions, one build that asks twenty times gets one', async () => {
  const ask = (...more: readonly string[]) => at.run('version', 'next', 'app', ...more);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, number) => ask('--key', `key-${number}`)));
  expect(answers.map(({ exit, err }) => `${exit}${err}`)).toEqual(answers.map(() => '0'));
  const versions = answers.map(({ out }) => out.trim());
  expect(new Set(versions)).toEqual(new Set(Array.from({ length: 20 }, (_, number) => `1.10.${number + 1}`)));
  const same = await Promise.all(Array.from({ length: 20 }, () => ask('--key', 'key-7')));
  expect(new Set(same.map(({ out }) => out.trim()))).toEqual(new Set([versions[7]]));
  // Without a key every call is another build; in a workflow the key is in the environment.
  expect((await ask('--bump', 'minor')).out).toBe('1.11.0\n');
  at.env['FACTORY_KEY'] = 'key-3';
  expect((await ask()).out).toBe(`${versions[3]}\n`);
}, 120_000);

it('begins at 0.1.0 for an image whose repository comes with its first push', async () => {
  const { host } = at.registry;
  const source = `{ provider: local, repo: "${at.remote.path}", dockerfile: app/Dockerfile }`;
  await at.enrol(`- { name: fresh, repository: ${host}/acme/fresh, source: ${source} }`, settings(at));
  await at.run('analyze');
  expect(await at.run('version', 'next', 'fresh')).toMatchObject({ exit: 0, out: '0.1.0\n' });
  expect(await at.run('version', 'next', 'fresh')).toMatchObject({ exit: 0, out: '0.1.1\n' });
});

it('tells a program what was given, and says what is wrong', async () => {
  expect(await at.ask('version', 'next', 'app', '--bump', 'major', '--channel', 'beta')).toEqual({
    image: 'app',
    version: '2.0.0-beta.1',
    fresh: true,
  });
  const failures = [
    [['next', 'ap'], 'Did you mean app?'],
    [['next', 'cache'], 'external image'],
    [['last', 'app'], 'there is no version last'],
    [['next', 'app', '--bump', 'huge'], '--bump huge'],
    [['next', 'app', '--channel', '1'], 'channel "1"'],
    [['next', 'app', '--key', 'a b'], '--key'],
  ] as const;
  for (const [argv, message] of failures) {
    const { exit, err } = await at.run('version', ...argv);
    expect([exit, err]).toEqual([2, expect.stringContaining(message)]);
  }
});
