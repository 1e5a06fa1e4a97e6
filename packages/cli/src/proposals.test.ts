import { hour, minute } from '@image-factory/core/time.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { expect, it } from 'vitest';
import { forgeFor } from './testing/test-forge.ts';
import { place, settings } from './testing/test-place.ts';

const token = 'gitea-token-0123456789';
const branch = 'image-factory/app';

it('a pin is moved by a request at a forge, from the first look to the merge', async () => {
  const at = await place();
  const store = new ChangeRequests({ repo: 'acme/repository', token, random: () => 0.5 });
  const providers = await forgeFor(at, store, 'gitea');
  const first = await at.registry.pushImage('base/os', '1', { layers: ['os-1'] });
  const dockerfile = `# pinned\r\nFROM ${at.registry.host}/base/os:1@${first.descriptor.digest}\r\nCOPY a /a\r\n`;
  await at.remote.commit({ 'app/Dockerfile': dockerfile, 'app/a': 'a\n' });
  await at.enrol(
    `- name: app
  repository: ${at.registry.host}/acme/app
  tags: ["1"]
  mode: pull-request
  rebuildDelay: 1d
  schedule: "* * * * * *"
  source: { provider: gitea, repo: acme/repository, dockerfile: app/Dockerfile }
`,
    settings(at, providers),
  );
  await at.run('run', '--once');
  at.pass(hour);
  const second = await at.registry.pushImage('base/os', '1', { layers: ['os-2'] });
  await at.run('run', '--once');
  at.pass(31 * minute);
  await at.run('run', '--once');
  expect(store.all).toStrictEqual([]);
  at.pass(25 * hour);
  const planned = await at.run('plan');
  expect(planned.out).toMatch(/REQUEST +ACTION +WHEN +MOVES +WHY\napp +propose +now +\S*os-1 sha256:/);
  expect(store.all).toStrictEqual([]);
  expect(await at.remote.branches()).not.toContain(branch);

  const ran = await at.run('run', '--once');
  expect(ran.err).toBe('');
  expect(store.all).toMatchObject([{ branch, into: 'main', state: 'open' }]);
  expect(store.mistakes).toStrictEqual([]);
  const files = await at.remote.files(branch);
  expect(files.get('app/Dockerfile')).toBe(
    dockerfile.replace(first.descriptor.digest, second.descriptor.digest),
  );
  expect((await at.run('status', 'app')).out).toContain(
    'request    open https://git.test/acme/repository/pulls/1',
  );
  expect((await at.run('explain', 'app')).out).toContain('its request is open: https://git.test');
  expect(JSON.stringify([...(await at.stateFiles())])).not.toContain(token);

  await at.remote.git('update-ref', 'refs/heads/main', branch);
  const [open] = store.all;
  if (open) open.state = 'merged';
  await at.run('run', '--once');
  expect((await at.state()).images.get('app')?.pullRequest?.ended?.outcome).toBe('merged');
  expect((await at.run('history', 'app')).out).toMatch(/proposal-merged[^]*proposal-opened/);
});
