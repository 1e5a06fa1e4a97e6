import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlace, managed, settings } from './testing/test-place.ts';
import { buildCommand, startCommand } from './testing/test-process.ts';

let main: string;
beforeAll(async () => {
  main = await buildCommand();
}, 120_000);

describe('a reader that goes away', () => {
  it.each([
    ['the answer', 'text'],
    ['the answer as JSON', 'json'],
  ])('of %s: the command ends quietly, as a program that SIGPIPE ended', async (_what, output) => {
    const { child, ended } = startCommand([main, '--output', output, 'schema', 'images'], { env: {} });
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 141, signal: null, out: '', err: '' });
  });

  it('of the log: what was begun is ended and recorded, and nothing more is begun', async () => {
    const place = await makePlace('real');
    try {
      const { host, faults } = place.registry;
      await place.registry.pushImage('base/os', '1', { layers: ['os'] });
      await place.remote.commit({ 'app/Dockerfile': `FROM ${host}/base/os:1\n` });
      await place.enrol(
        managed(place, 'app', 'rebuildDelay: 0s\n'),
        settings(place).replace('settle: 30m', 'settle: 0s'),
      );
      // The build is under way for so long, unless it is cancelled.
      faults.add({ action: { kind: 'delay', by: 3_000 }, when: ({ method }) => method === 'POST' });
      const { child, ended } = startCommand([main, '--dir', place.dir, 'run', '--once'], {
        env: { ...place.env, IMAGE_FACTORY_CACHE_DIR: join(place.root, 'cache') },
      });
      // The first word that it says is that a build is started.
      child.stderr?.destroy();
      const { code, err } = await ended;
      expect({ code, err: err.includes('EPIPE') }).toEqual({ code: 141, err: false });
      const { images, intents } = await place.state();
      expect([...intents.keys()]).toEqual([]);
      expect(images.get('app')?.rebuilds.map(({ outcome }) => outcome)).toEqual(['cancelled']);
    } finally {
      await place.leave();
    }
  }, 30_000);
});
