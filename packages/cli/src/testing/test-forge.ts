import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { giteaRequests } from '@image-factory/testing/forges/gitea-requests.ts';
import { githubRequests } from '@image-factory/testing/forges/github-requests.ts';
import { gitlabRequests } from '@image-factory/testing/forges/gitlab-requests.ts';
import { serveForge } from '@image-factory/testing/forges/serve-forge.ts';
import { onTestFinished } from 'vitest';
import type { Place } from './test-place.ts';

const forges = {
  github: { handler: githubRequests, prefix: '/api/v3', token: 'GITHUB_TOKEN' },
  gitlab: { handler: gitlabRequests, prefix: '', token: 'GITLAB_TOKEN' },
  gitea: { handler: giteaRequests, prefix: '', token: 'GITEA_TOKEN' },
};

export type TestForge = keyof typeof forges;

/** A forge: its API and its repositories at one address; pushes need the token. Answers its part of factory.yaml. */
export async function forgeFor(at: Place, store: ChangeRequests, name: TestForge): Promise<string> {
  const { handler, prefix, token: variable } = forges[name];
  const { token } = store.options;
  at.env[variable] = token;
  const api = await serveForge(handler(store));
  const git = await at.remote.serve();
  const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  const server = createServer((incoming, outgoing) => {
    const url = incoming.url ?? '/';
    if (url.includes('git-receive-pack') && incoming.headers.authorization !== expected)
      return void outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end();
    const isApi = url.startsWith('/api/');
    const { origin } = new URL(isApi ? api.url : git.url);
    const { method, headers } = incoming;
    const path = isApi ? url.slice(prefix.length) : url;
    const on = send(`${origin}${path}`, { method, headers }, (answer) => {
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
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return `providers: { ${name}: { url: "${url}${prefix}" } }\n`;
}
