import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { CycleReport } from '@image-factory/engine/cycle.ts';
import { managed, place, type Place } from './testing/test-place.ts';

type Report = Pick<CycleReport, 'started' | 'problems'>;

async function placeWithBase(): Promise<Place> {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.remote.commit({
    'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\nCOPY app.txt /app.txt\n`,
    'web/app.txt': 'web\n',
  });
  return at;
}

it('an image whose source is elsewhere is built here, with the credentials that sources are read with', async () => {
  const at = await placeWithBase();
  const server = await at.remote.serve({ credential: 'ada:s3cr3t-word' });
  onTestFinished(() => server.close());
  const { host } = new URL(server.url);
  await mkdir(at.env['HOME'] ?? '');
  const store = join(at.env['HOME'] ?? '', 'words');
  await writeFile(
    store,
    `http://ada:s3cr3t-word@${host.replace(':', '%3a')}\nhttp://ada:s3cr3t-word@${host}\n`,
  );
  await writeFile(join(at.env['HOME'] ?? '', '.gitconfig'), `[credential]\nhelper = store --file=${store}\n`);
  await at.enrol(managed({ registry: at.registry, remote: { path: server.url } }, 'web'));
  const report = await at.ask<Report>('run', '--once');
  expect(report).toMatchObject({ started: ['web'] });
  expect(report.problems ?? []).toEqual([]);
  const [rebuild] = (await at.state()).images.get('web')?.rebuilds ?? [];
  expect(rebuild).toMatchObject({ outcome: 'success' });
  expect(JSON.stringify([...(await at.stateFiles()).values()])).not.toContain('s3cr3t-word');
});

it('a file:// address is as good as a path', async () => {
  const at = await placeWithBase();
  await at.enrol(managed({ registry: at.registry, remote: { path: `file://${at.remote.path}` } }, 'web'));
  expect(await at.ask<Report>('run', '--once')).toMatchObject({ started: ['web'] });
  expect((await at.state()).images.get('web')?.rebuilds).toMatchObject([{ outcome: 'success' }]);
});
