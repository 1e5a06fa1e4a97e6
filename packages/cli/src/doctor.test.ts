import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Finding } from './doctor/finding.ts';
import { managed, place, settings } from './testing/test-place.ts';

it('doctor names the setting for a registry with plain HTTP, and the setting mends it', async () => {
  const at = await place();
  const { host } = at.registry;
  await at.remote.commit({ 'web/Dockerfile': 'FROM scratch\n' });
  const usual = settings(at);
  await at.enrol(managed(at, 'web'), usual.replace(/^registries:.*$/m, ''));
  const told = async () =>
    (await at.ask<{ findings: Finding[] }>('doctor')).findings.filter(({ check }) => check === 'registry');
  const [bad] = await told();
  expect(bad).toMatchObject({ state: 'bad', what: expect.stringContaining(host) });
  const setting = /registries: \{.*\}/.exec(bad?.mend ?? '')?.[0];
  expect(setting).toBe(`registries: { "${host}": { insecure: true } }`);
  await at.enrol(managed(at, 'web'), usual.replace(/^registries:.*$/m, setting ?? ''));
  expect(await told()).toMatchObject([{ state: 'good' }]);
});

it('doctor notes the secrets of the server that are not here, and never what they are', async () => {
  const at = await place();
  await at.remote.commit({ 'web/Dockerfile': 'FROM scratch\n' });
  const server = `
server: { token: { file: server-token } }
providers:
  github: { callBack: { env: NOT_SET_HERE } }
`;
  await at.enrol(managed(at, 'web'), settings(at) + server);
  await writeFile(join(at.dir, 'server-token'), 'hunter2\n');
  const { findings } = await at.ask<{ findings: Finding[] }>('doctor');
  expect(findings.filter(({ check }) => check === 'token')).toMatchObject([
    { state: 'good', what: 'server.token can be read' },
    { state: 'odd', what: expect.stringMatching(/^providers\.github\.callBack: .*NOT_SET_HERE/) },
  ]);
  expect(JSON.stringify(findings)).not.toContain('hunter2');
});
