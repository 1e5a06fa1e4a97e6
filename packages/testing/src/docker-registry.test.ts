import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findDockerRegistry, startDockerRegistry } from './docker-registry.ts';

const missing = !process.env['CI'] && (await findDockerRegistry()) === undefined;

it.skipIf(missing)('starts, answers, and leaves neither a process nor a folder behind', async () => {
  const parentFolder = await mkdtemp(join(tmpdir(), 'registries-'));
  const [one, other] = await Promise.all([
    startDockerRegistry({ parentFolder }),
    startDockerRegistry({ parentFolder }),
  ]);
  expect(one.host).not.toBe(other.host);
  expect((await fetch(`${one.origin}/v2/`)).status).toBe(200);
  await one.stop();
  expect((await fetch(`${other.origin}/v2/`)).status).toBe(200);
  await other.stop();
  for (const { pid } of [one, other]) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(await readdir(parentFolder)).toEqual([]);
  await rm(parentFolder, { recursive: true });
});

it('says what is missing, and leaves no folder behind', async () => {
  expect(await findDockerRegistry('/nowhere:/neither/here')).toBeUndefined();
  const parentFolder = await mkdtemp(join(tmpdir(), 'registries-'));
  await expect(startDockerRegistry({ parentFolder, binary: '/nowhere/docker-registry' })).rejects.toThrow(
    'ENOENT',
  );
  expect(await readdir(parentFolder)).toEqual([]);
  await rm(parentFolder, { recursive: true });
});
