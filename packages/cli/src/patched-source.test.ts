import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { installed } from '@image-factory/testing/installed.ts';
import { hour } from '@image-factory/core/time.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { prepareBases } from './demo/bases.ts';
import { makePlace, place, settings } from './testing/test-place.ts';

/** Turns upstream's base into ours, and adds a file. */
function patchTo(base: string): string {
  return `diff --git a/app/Dockerfile b/app/Dockerfile
--- a/app/Dockerfile
+++ b/app/Dockerfile
@@ -1,2 +1,3 @@
-FROM registry.invalid/theirs:1
+FROM ${base}
 COPY app.txt /app.txt
+COPY ours.txt /ours.txt
diff --git a/app/ours.txt b/app/ours.txt
new file mode 100644
--- /dev/null
+++ b/app/ours.txt
@@ -0,0 +1 @@
+from the patch
`;
}

const upstream = {
  'app/Dockerfile': 'FROM registry.invalid/theirs:1\nCOPY app.txt /app.txt\n',
  'app/app.txt': 'upstream\n',
};

function entry(host: string, repo: string, name = 'app'): string {
  return `- name: ${name}
  repository: ${host}/acme/${name}
  tags: ["1"]
  schedule: "* * * * * *"
  source: { provider: local, repo: "${repo}", tag: v1, dockerfile: app/Dockerfile, patches: [patches/app.patch] }
`;
}

const canBuild = await installed('buildah', 'docker-registry', 'root rights');

describe('an upstream source with a patch', () => {
  it('is discovered as patched, read again when the patch changes, and fails alone where it does not fit', async () => {
    const at = await place();
    const { host } = at.registry;
    for (const name of ['one', 'two']) await at.registry.pushImage(`base/${name}`, '1', { layers: [name] });
    await at.remote.commit(upstream);
    await at.remote.git('tag', 'v1', 'main');
    // What upstream does after the tag is not built.
    await at.remote.commit({ 'app/Dockerfile': 'FROM registry.invalid/next:2\n' });
    await at.write('patches/app.patch', patchTo(`${host}/base/one:1`));
    await at.write('patches/other.patch', patchTo(`${host}/base/two:1`));
    const both = `${entry(host, at.remote.path)}${entry(host, at.remote.path, 'other').replace('app.patch', 'other.patch')}`;
    await at.enrol(both);
    const bases = async () =>
      Object.fromEntries(
        [...(await at.state()).images].map(([name, { baseImages, discoveryStatus }]) => [
          name,
          [discoveryStatus, ...baseImages],
        ]),
      );
    expect((await at.run('check', '--force')).exit).toBe(0);
    expect(await bases()).toEqual({ app: ['success', 'base-one-1'], other: ['success', 'base-two-1'] });
    const before = await at.stateFiles();
    at.pass(hour);
    expect((await at.run('check')).exit).toBe(0);
    expect((await at.stateFiles()).get('images/app.yaml')).toBe(before.get('images/app.yaml'));

    await at.write('patches/app.patch', patchTo(`${host}/base/two:1`));
    expect((await at.run('check', '--force')).exit).toBe(0);
    expect(await bases()).toEqual({ app: ['success', 'base-two-1'], other: ['success', 'base-two-1'] });

    await at.write('patches/app.patch', patchTo('x').replace('theirs:1', 'theirs:9'));
    const { exit, err } = await at.run('check', '--force');
    expect([exit, err]).toEqual([1, expect.stringContaining('SOURCE_PATCH_UNFIT')]);
    expect(err).toContain('patch "patches/app.patch" does not apply');
    expect(err).toContain('app/Dockerfile, hunk 1 (@@ -1,2 +1,3 @@)');
    // What was known stays, and the other image is as it was.
    expect(await bases()).toEqual({ app: ['failed', 'base-two-1'], other: ['success', 'base-two-1'] });
  });

  it.runIf(canBuild)(
    'is built with the patch inside, from images.yaml to the registry',
    { timeout: 120_000 },
    async () => {
      const at = await makePlace('real');
      onTestFinished(() => at.leave());
      const registry = await startDockerRegistry();
      onTestFinished(() => registry.stop());
      const bases = await prepareBases(registry.sink, true);
      await bases.pushOs('1', '1');
      await at.remote.commit(upstream);
      await at.remote.git('tag', 'v1', 'main');
      const server = await at.remote.serve();
      onTestFinished(() => server.close());
      await at.write('patches/app.patch', patchTo(`${registry.host}/base/os:1`));
      await at.enrol(
        entry(registry.host, server.url),
        settings({ registry }).replace('tool: layers', 'tool: buildah'),
      );
      const { exit, out, err } = await at.run('run', '--once');
      expect({ exit, err }, out).toEqual({ exit: 0, err: '' });
      const [rebuild] = (await at.state()).images.get('app')?.rebuilds ?? [];
      expect(rebuild).toMatchObject({ outcome: 'success' });
      const origin = `${registry.origin}/v2/acme/app`;
      const answer = await fetch(`${origin}/manifests/${rebuild?.digest}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      const { layers } = (await answer.json()) as { layers: readonly { digest: string }[] };
      const blob = await fetch(`${origin}/blobs/${layers.at(-1)?.digest}`);
      const tar = join(at.root, 'layer.tar.gz');
      await writeFile(tar, new Uint8Array(await blob.arrayBuffer()));
      const read = (path: string): string => execFileSync('tar', ['-xzOf', tar, path], { encoding: 'utf8' });
      expect([read('ours.txt'), read('app.txt')]).toEqual(['from the patch\n', 'upstream\n']);
    },
  );
});
