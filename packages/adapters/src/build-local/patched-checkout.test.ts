import { execFileSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { buildRequest } from '@image-factory/testing/records.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findBuildFiles } from './build-files.ts';
import { gitCheckout } from './checkout.ts';
import { createLocalBuilder } from './local-builder.ts';
import { builderOptions, environment, hasBuildah, remoteCommits, temporary } from './test-place.ts';
import { startTestRegistry } from './test-registry.ts';
import { enrolment } from './test-request.ts';

const signal = new AbortController().signal;
const patch = `diff --git a/app/Dockerfile b/app/Dockerfile
--- a/app/Dockerfile
+++ b/app/Dockerfile
@@ -1,2 +1,3 @@
 FROM scratch
 COPY a.txt /a.txt
+COPY new.txt /new.txt
diff --git a/app/a.txt b/app/a.txt
--- a/app/a.txt
+++ b/app/a.txt
@@ -1 +1 @@
-upstream
+patched
diff --git a/app/new.txt b/app/new.txt
new file mode 100755
--- /dev/null
+++ b/app/new.txt
@@ -0,0 +1 @@
+added
diff --git a/app/old.txt b/app/moved.txt
similarity index 100%
rename from app/old.txt
rename to app/moved.txt
`;

/** A factory directory with files, and an upstream behind http. */
async function factory(files: Readonly<Record<string, string>>) {
  const dir = await temporary();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  const remote = await createGitRemote();
  onTestFinished(() => remote.remove());
  const commit = await remote.commit({
    'app/Dockerfile': 'FROM scratch\nCOPY a.txt /a.txt\n',
    'app/a.txt': 'upstream\n',
    'app/old.txt': 'old\n',
    'other/big.bin': 'x'.repeat(1000),
  });
  const server = await remote.serve();
  onTestFinished(() => server.close());
  const checkout = gitCheckout({
    baseDir: dir,
    workDir: join(dir, 'work'),
    environment: environment(),
    remotes: remoteCommits(dir),
  });
  const source = (more: Partial<Source>): Source =>
    enrolment(
      'r.example',
      {},
      { provider: 'github', repo: server.url, context: 'app', dockerfile: 'app/Dockerfile', ...more },
    ).source;
  return { dir, remote, commit, checkout, source };
}

describe('a checkout with patches', () => {
  test('has them applied, of a repository elsewhere and of one here, at the commit and its time', async () => {
    const { checkout, commit, source, remote, dir } = await factory({ 'p/1.patch': patch });
    for (const repo of [source({}).repo, remote.path]) {
      const out = await checkout(source({ repo, patches: ['p/1.patch'] }), commit, signal);
      expect(await readdir(join(out.dir, 'app'))).toEqual(['Dockerfile', 'a.txt', 'moved.txt', 'new.txt']);
      expect(await readFile(join(out.dir, 'app/a.txt'), 'utf8')).toBe('patched\n');
      expect(await readFile(join(out.dir, 'app/moved.txt'), 'utf8')).toBe('old\n');
      await access(join(out.dir, 'app/new.txt'), 1);
      expect((await findBuildFiles(out.dir, source({}), out.dockerfile)).text).toContain('new.txt');
      expect(out.committedAt).toBe(Number(await remote.git('show', '-s', '--format=%ct', commit)));
      await out.dispose();
    }
    expect(await readdir(join(dir, 'work'))).toEqual([]);
    // The source itself is as it was.
    const plain = await checkout(source({}), commit, signal);
    expect(await readFile(join(plain.dir, 'app/a.txt'), 'utf8')).toBe('upstream\n');
    await plain.dispose();
  });

  test('is not made where one does not fit or is hostile, and nothing is left of it', async () => {
    const hostile = patch.replace('new file mode 100755', 'new file mode 120000');
    const { checkout, commit, source, dir } = await factory({
      'p/1.patch': patch.replace('-upstream', '-other'),
      'p/2.patch': hostile,
    });
    await expect(checkout(source({ patches: ['p/1.patch'] }), commit, signal)).rejects.toMatchObject({
      problem: { code: 'SOURCE_PATCH_UNFIT', message: expect.stringContaining('app/a.txt, hunk 1') },
    });
    await expect(checkout(source({ patches: ['p/2.patch'] }), commit, signal)).rejects.toMatchObject({
      problem: { code: 'SOURCE_PATCH_REFUSED' },
    });
    expect(await readdir(join(dir, 'work'))).toEqual([]);
  });

  test("has the factory directory's own Dockerfile outside of the context", async () => {
    const { checkout, commit, source } = await factory({
      'images/app/Dockerfile': 'FROM scratch\nCOPY a.txt /ours\n',
      'images/app/Dockerfile.dockerignore': 'old.txt\n',
    });
    const own = source({ ownDockerfile: true, dockerfile: 'images/app/Dockerfile' });
    const out = await checkout(own, commit, signal);
    const files = await findBuildFiles(out.dir, own, out.dockerfile);
    expect([files.text, files.context]).toEqual([
      expect.stringContaining('/ours'),
      expect.stringMatching(/tree\/app$/),
    ]);
    expect(await readFile(`${files.dockerfile}.dockerignore`, 'utf8')).toBe('old.txt\n');
    expect(await readdir(out.dir)).toEqual(['app']);
    await out.dispose();
  });
});

describe.skipIf(!hasBuildah)('the real buildah', () => {
  test('builds what upstream has with the patch inside, and with our Dockerfile', async () => {
    const registry = await startTestRegistry();
    onTestFinished(() => registry.stop());
    const { checkout, commit, source, dir } = await factory({
      'p/1.patch': patch,
      'images/app/Dockerfile': 'FROM scratch\nCOPY moved.txt /ours\n',
    });
    const builder = await createLocalBuilder(builderOptions(dir, registry, { checkout }));
    onTestFinished(() => builder.close());
    const filesOf = async (key: string, more: Partial<Source>): Promise<string> => {
      const image = { ...enrolment(registry.host), source: source({ patches: ['p/1.patch'], ...more }) };
      const started = await builder.start(buildRequest(image, { key, commit }));
      const run = await builder.settled(image, started.id);
      expect(run).toMatchObject({ status: 'success' });
      const [layer] = (await registry.manifest('team/app', '1'))?.layers ?? [];
      const blob = await fetch(`http://${registry.host}/v2/team/app/blobs/${layer?.digest}`);
      const tar = join(dir, `${key}.tar.gz`);
      await writeFile(tar, new Uint8Array(await blob.arrayBuffer()));
      return execFileSync('tar', ['-xzOf', tar], { encoding: 'utf8' });
    };
    expect(await filesOf('k1', {})).toBe('patched\nadded\n');
    expect(await filesOf('k2', { ownDockerfile: true, dockerfile: 'images/app/Dockerfile' })).toBe('old\n');
  });
});
