import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hour, minute } from '@image-factory/core/time.ts';
import { expect, it, onTestFinished } from 'vitest';
import type { Finding } from './doctor/finding.ts';
import { managed, place, settings } from './testing/test-place.ts';

interface Hooked {
  readonly channel: string;
  readonly messages: readonly {
    phase: string;
    type: string;
    image?: string;
    error?: string;
    issue?: string;
  }[];
}

async function hook(): Promise<{ url: string; heard: Hooked[]; answer: { status: number } }> {
  const heard: Hooked[] = [];
  const answer = { status: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (answer.status === 200) heard.push(JSON.parse(body) as Hooked);
      response.writeHead(answer.status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, heard, answer };
}

it('a Dockerfile that stays unreadable is told once, also by processes that come later, and its mending too', async () => {
  const at = await place();
  const team = await hook();
  await at.remote.commit({ 'web/Dockerfile': 'FRM scratch\n' });
  const channels = `notifications:\n  - { name: team, kind: webhook, url: "${team.url}", events: [discovery-failed] }\n`;
  await at.enrol(managed(at, 'web'), settings(at) + channels);
  const phases = () => team.heard.flatMap(({ messages }) => messages.map(({ phase }) => phase));
  await at.run('run', '--once');
  expect(phases()).toEqual([]);
  at.pass(hour + minute);
  team.answer.status = 500;
  const { err, exit } = await at.run('run', '--once');
  expect([exit, err]).toEqual([1, expect.stringContaining('NOTIFY_FAILED')]);
  team.answer.status = 200;
  await at.run('run', '--once');
  expect(team.heard[0]?.messages).toMatchObject([
    { phase: 'raised', type: 'discovery-failed', image: 'web', error: expect.stringContaining('FRM') },
  ]);
  const { size } = await at.stateFiles();
  const before = JSON.stringify([...(await at.stateFiles())]);
  await at.run('run', '--once');
  await at.run('plan');
  expect(JSON.stringify([...(await at.stateFiles())])).toBe(before);
  expect(size).toBeGreaterThan(0);
  await at.remote.commit({ 'web/Dockerfile': 'FROM scratch\n' });
  at.pass(hour);
  await at.run('run', '--once');
  await at.run('run', '--once');
  expect(phases()).toEqual(['raised', 'resolved']);
  expect((await at.state()).images.get('web')?.alerts).toBeUndefined();
});

it('notify --test tells one channel or all, and doctor examines each', async () => {
  const at = await place();
  const team = await hook();
  const channels = `notifications:
  - { name: team, kind: webhook, url: "${team.url}", sign: { secret: { env: HOOK_KEY } } }
  - { name: mail, kind: email, host: 127.0.0.1, port: 1, tls: none, from: a@example.com, to: [b@example.com] }
`;
  await at.enrol('[]', settings(at) + channels);
  at.env['HOOK_KEY'] = 'k';
  expect(await at.run('notify', '--test', 'team')).toMatchObject({ exit: 0, out: 'told team\n' });
  expect(team.heard).toMatchObject([{ channel: 'team', messages: [{ phase: 'test', type: 'test' }] }]);
  const all = await at.run('notify', '--test');
  expect(all).toMatchObject({ exit: 1, out: 'told team\n', err: expect.stringContaining('channel mail') });
  expect(await at.run('notify', '--test', 'taem')).toMatchObject({
    exit: 2,
    err: expect.stringContaining('did you mean team?'),
  });
  const found = async () =>
    (await at.ask<{ findings: Finding[] }>('doctor')).findings.filter(({ check }) => check === 'channel');
  expect(await found()).toMatchObject([{ state: 'good' }, { state: 'bad' }]);
  delete at.env['HOOK_KEY'];
  expect((await found())[0]).toMatchObject({ state: 'bad', what: expect.stringContaining('HOOK_KEY') });
  expect(team.heard).toHaveLength(2);
});
