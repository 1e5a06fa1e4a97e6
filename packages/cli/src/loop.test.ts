import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { makePlace, managed, onlyGit, settings, type Place } from './testing/test-place.ts';
import { buildCommand, startCommand, type Running } from './testing/test-process.ts';

let main: string;
beforeAll(async () => {
  main = await buildCommand();
}, 120_000);

async function placeWithImage(): Promise<Place> {
  const place = await makePlace('real');
  onTestFinished(() => place.leave());
  await place.registry.pushImage('base/os', '1', { layers: ['os'] });
  await place.remote.commit({ 'web/Dockerfile': `FROM ${place.registry.host}/base/os:1\n` });
  return place;
}

function loop(place: Place): Running {
  const running = startCommand([main, '--dir', place.dir, 'run'], { env: place.env });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  return running;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await done()) return;
    await sleep(100);
  }
  throw new Error('it did not happen within 30 s');
}

const quick = 'timing: { settle: 0s, coordinationWindow: 0s, lookAhead: 0s, interval: 1s }';

function factoryYaml(place: Place, change: (text: string) => string = (text) => text): string {
  return change(settings({ registry: place.registry }).replace(/^timing:.*$/m, quick));
}

it('what factory.yaml says in between holds from the next cycle on', { timeout: 90_000 }, async () => {
  const place = await placeWithImage();
  await place.enrol(
    managed(place, 'web'),
    factoryYaml(place, (text) => text.replace('insecure: true', 'insecure: false')),
  );
  place.env['PATH'] = await onlyGit(place);
  const running = loop(place);
  const record = async () => (await place.state()).images.get('web');
  await until(async () => (await record())?.discoveryStatus === 'success');
  expect(await record()).toMatchObject({ rebuilds: [] });
  // Registry: plain HTTP from now on.
  await place.enrol(managed(place, 'web'), factoryYaml(place));
  await until(async () => (await record())?.rebuilds.length === 1);
  // State: in git from now on; there it begins anew.
  await place.enrol(
    managed(place, 'web'),
    factoryYaml(place, (text) =>
      text.replace('{ mode: directory }', `{ mode: git, remote: "${place.remote.path}", branch: moved }`),
    ),
  );
  await until(async () => (await place.remote.branches()).includes('moved'));
  // A mistake is told, and the loop goes on with the next version without one.
  await place.enrol(managed(place, 'web'), 'state: { mode: nonsense }\n');
  await sleep(1500);
  await place.enrol(managed(place, 'web'), 'engine: kargo\n');
  await sleep(1500);
  await place.enrol(
    managed(place, 'web'),
    factoryYaml(place, (text) => text.replace('tool: layers', 'tool: auto')),
  );
  await sleep(1500);
  running.child.kill('SIGTERM');
  const { code, err } = await running.ended;
  expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('engine: kargo') });
  expect(err).toContain('nonsense');
  expect(err.match(/expected buildah or docker buildx on this machine/g)).toHaveLength(1);
});

it('an image that needs a builder may be enrolled later', { timeout: 60_000 }, async () => {
  const place = await placeWithImage();
  await place.enrol('images: []\n', factoryYaml(place));
  loop(place);
  await sleep(1500);
  await place.enrol(managed(place, 'web'), factoryYaml(place));
  const rebuilds = async () => (await place.state()).images.get('web')?.rebuilds ?? [];
  await until(async () => (await rebuilds()).length > 0);
  expect(await rebuilds()).toMatchObject([{ outcome: 'success' }]);
});

it.each(['--force', '--wait'])('%s is refused without --once', async (flag) => {
  const place = await placeWithImage();
  await place.enrol(managed(place, 'web'));
  const { exit, err } = await place.run('run', flag);
  expect({ exit, err }).toEqual({ exit: 2, err: expect.stringContaining(`${flag} goes with --once only`) });
  expect(err).toContain(`run --once ${flag}`);
});
