import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { place, type Place } from './testing/test-place.ts';

const images = `- name: web
  repository: ghcr.io/acme/web
  source: { repo: acme/web, branch: main }
- name: postgres
  repository: docker.io/library/postgres
  allowTags: ^16[.0-9]*-alpine$
`;

const image = `registry.example.com/image-factory@sha256:${'0'.repeat(64)}`;

/** A factory whose state is on a server, as Kargo needs it. */
async function kargoPlace(): Promise<Place & { readonly settings: string }> {
  const here = await place();
  const server = await here.remote.serve();
  await here.remote.commit(
    {
      'base-images/node-22.yaml': `name: node-22
fullImage: node:22
registry: docker.io
repository: library/node
tag: "22"
repoURL: docker.io/library/node
allowTags: ^22$
imageSelectionStrategy: Lexical
firstDiscovered: 2026-05-01T00:00:00Z
`,
      'images/web.yaml': `name: web
enrolledAt: 2026-05-01T00:00:00Z
discoveryStatus: success
baseImages: [node-22]
`,
    },
    { branch: 'image-factory/state' },
  );
  const settings = `engine: kargo
state: { mode: git, remote: "${server.url}" }
kargo: { image: "${image}" }
`;
  await here.enrol(images, settings);
  return Object.assign(here, { settings });
}

interface SynthAnswer {
  readonly upToDate: boolean;
  readonly resources: Readonly<Record<string, number>>;
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  readonly stale: readonly string[];
}

describe('synth', () => {
  it('writes one file, the same bytes each time, and --check tells whether it is up to date', async () => {
    const here = await kargoPlace();
    const file = join(here.dir, 'dist/image-factory.k8s.yaml');

    const before = await here.run('synth', '--check');
    expect(before).toMatchObject({ exit: 1 });
    expect(before.out).toContain('missing image-factory.k8s.yaml');
    await expect(readFile(file)).rejects.toThrow('ENOENT');

    expect(await here.run('synth')).toMatchObject({ exit: 0, err: '' });
    const first = await readFile(file, 'utf8');
    expect(first).toContain('name: base-node-22');
    expect(first).toContain('name: rebuild-web');
    expect(await here.run('synth', '--check')).toMatchObject({ exit: 0 });
    expect((await here.run('synth')).out).toContain('up to date');
    expect(await readFile(file, 'utf8')).toBe(first);
    expect(await readdir(join(here.dir, 'dist'))).toEqual(['image-factory.k8s.yaml']);

    await writeFile(file, first.replace('24h0m0s', '1h0m0s'));
    const edited = await here.run('synth', '--check');
    expect(edited).toMatchObject({ exit: 1 });
    expect(edited.out).toContain('differs image-factory.k8s.yaml');
    expect(await readFile(file, 'utf8')).not.toBe(first);
    await here.run('synth');
    expect(await readFile(file, 'utf8')).toBe(first);
  });

  it('writes one file for each resource, takes away its own old ones, and leaves those of people', async () => {
    const here = await kargoPlace();
    const out = join(here.root, 'deploy');
    const written = await here.ask<SynthAnswer>('synth', '--layout', 'files', '--out', 'deploy');
    expect(written.resources).toMatchObject({ Project: 1, Warehouse: 4, CronJob: 1 });
    expect(await readdir(out)).toHaveLength(
      Object.values(written.resources).reduce((sum, each) => sum + each, 0),
    );
    await writeFile(join(out, 'kustomization.yaml'), 'resources: []\n');

    await here.enrol(images.slice(images.indexOf('- name: postgres')), here.settings);
    const fewer = await here.ask<SynthAnswer>('synth', '--layout', 'files', '--out', 'deploy');
    expect(fewer.stale).toContain('stage-rebuild-web.yaml');
    const left = await readdir(out);
    expect(left).toContain('kustomization.yaml');
    expect(left).not.toContain('stage-rebuild-web.yaml');
  });

  it('writes nothing without what it needs, and says all of it', async () => {
    const here = await kargoPlace();
    await here.enrol(images, here.settings.replace(/kargo: .*/, '').replace('engine: kargo', ''));
    const { exit, err } = await here.run('synth');
    expect({ exit, err }).toMatchObject({ exit: 2, err: expect.stringContaining('kargo.image is not set') });
    expect(err).toContain('engine is embedded');
    await expect(readdir(join(here.dir, 'dist'))).rejects.toThrow('ENOENT');
  });

  it('says what is missing in factory.yaml also where the state cannot be reached', async () => {
    const here = await kargoPlace();
    const away = here.settings.replace(/remote: [^\s,}]+/, 'remote: https://127.0.0.1:1/acme/factory.git');
    await here.enrol(images, away.replace(/kargo: .*/, ''));
    const { exit, err } = await here.run('synth');
    expect({ exit, err }).toMatchObject({ exit: 2, err: expect.stringContaining('kargo.image is not set') });
  });

  it('writes nothing that Kargo would refuse', async () => {
    const here = await kargoPlace();
    const paths = Array.from({ length: 20_000 }, (_, index) => `a${index}`).join(', ');
    const user = `  updates: [{ format: kustomize, repo: acme/deploy, paths: [${paths}] }]\n`;
    await here.enrol(images.replace('- name: postgres', `${user}- name: postgres`), here.settings);
    const { exit, err } = await here.run('synth');
    expect({ exit, err }).toMatchObject({ exit: 2, err: expect.stringContaining('rule resource-too-large') });
    expect(err).toContain('update-web-kustomize-1');
    await expect(readdir(join(here.dir, 'dist'))).rejects.toThrow('ENOENT');
  });

  it('writes nothing from a state that cannot be read in full', async () => {
    const here = await kargoPlace();
    await here.remote.commit({ 'images/web.yaml': 'name: [\n' }, { branch: 'image-factory/state' });
    expect(await here.run('synth')).toMatchObject({ exit: 3, err: expect.stringContaining('STATE_CORRUPT') });
    await expect(readdir(join(here.dir, 'dist'))).rejects.toThrow('ENOENT');
  });

  it('says which images Kargo cannot rebuild, and does the rest', async () => {
    const here = await kargoPlace();
    await here.enrol(
      `${images}- name: tool\n  repository: ghcr.io/acme/tool\n  local: { dockerfile: Dockerfile }\n`,
      here.settings,
    );
    const { exit, err } = await here.run('synth');
    expect(exit).toBe(1);
    expect(err).toContain('image tool: never rebuilt by Kargo');
    expect(await here.run('synth', '--check')).toMatchObject({ exit: 0 });
  });
});
