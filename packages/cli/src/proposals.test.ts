import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hour, minute } from '@image-factory/core/time.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { giteaRequests } from '@image-factory/testing/forges/gitea-requests.ts';
import { serveForge } from '@image-factory/testing/forges/serve-forge.ts';
import { expect, it, onTestFinished } from 'vitest';
import { place, settings, type Place } from './testing/test-place.ts';

const token = 'gitea-token-0123456789';
const branch = 'image-factory/app';

/** A forge: its API and its repositories at one address; pushes need the token. */
async function forgeFor(at: Place, store: ChangeRequests): Promise<string> {
  const api = await serveForge(giteaRequests(store));
  const git = await at.remote.serve();
  const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  const server = createServer((incoming, outgoing) => {
    const url = incoming.url ?? '/';
    if (url.includes('git-receive-pack') && incoming.headers.authorization !== expected)
      return void outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end();
    const { origin } = new URL(url.startsWith('/api/') ? api.url : git.url);
    const { method, headers } = incoming;
    const on = send(`${origin}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    on.on('error', () => outgoing.destroy());
    incoming.pipe(on);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await api.close();
    await git.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('a pin is moved by a request at a forge, from the first look to the merge', async () => {
  const at = await place();
  const store = new ChangeRequests({ repo: 'acme/repository', token, random: () => 0.5 });
  const url = await forgeFor(at, store);
  at.env['GITEA_TOKEN'] = token;
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
    settings(at, `providers: { gitea: { url: "${url}" } }\n`),
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
