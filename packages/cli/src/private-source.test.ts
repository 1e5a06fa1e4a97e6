import { expect, it } from 'vitest';
import { place, settings } from './testing/test-place.ts';

const token = 'forge-token-0123456789';

it('a private repository is read with the token of its provider, and never shown to another server', async () => {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.remote.commit({ 'app/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
  const own = await at.remote.serve({ credential: `x-access-token:${token}` });
  const other = await at.remote.serve({ credential: 'x-access-token:another' });
  const name = new URL(own.url).pathname.slice(1);
  const entry = (image: string, repo: string): string => `- name: ${image}
  repository: ${at.registry.host}/acme/${image}
  source: { provider: gitea, repo: ${JSON.stringify(repo)}, branch: main, dockerfile: app/Dockerfile }
`;
  await at.enrol(
    entry('app', `acme/${name.replace(/\.git$/, '')}`) +
      entry('elsewhere', `${new URL(other.url).origin}/acme/${name}`),
    settings(at, `providers: { gitea: { url: "${new URL(own.url).origin}" } }\n`),
  );
  at.env['GITEA_TOKEN'] = token;
  const { err } = await at.run('analyze');
  const { images } = await at.state();
  expect(images.get('app'), err).toMatchObject({ discoveryStatus: 'success' });
  expect(images.get('elsewhere')).toMatchObject({ discoveryStatus: 'failed' });
  expect(own.requests.some(({ authorization }) => authorization !== undefined)).toBe(true);
  expect(other.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  expect(err).not.toContain(token);
  at.env['GITEA_TOKEN'] = undefined;
  await at.remote.commit({ 'app/other': 'x\n' });
  expect((await at.run('analyze')).err).toContain('SOURCE_DENIED');
});
