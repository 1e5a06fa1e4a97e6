import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { resultIn } from '@image-factory/adapters/gitlab/build-result.ts';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makePlace } from '../../packages/cli/src/testing/test-place.ts';
import { digest, makeBench, root } from './run-script.ts';

async function upstream(): Promise<{ readonly url: string; readonly first: string }> {
  const remote = await createGitRemote();
  onTestFinished(() => remote.remove());
  const first = await remote.commit({ Dockerfile: 'FROM node:20\nRUN true\n', 'a.txt': 'one\n' });
  await remote.commit({ 'a.txt': 'two\n' });
  return { url: `file://${remote.path}`, first };
}

const patch = `--- a/Dockerfile
+++ b/Dockerfile
@@ -1,2 +1,2 @@
-FROM node:20
+FROM node:22
 RUN true
`;

describe('the source of a build', () => {
  it('is this repository where nothing else is said', async () => {
    const bench = await makeBench();
    expect((await bench.run('upstream.sh', {})).outputs.get('source')).toBe('.');
    expect((await bench.run('upstream.sh', { UPSTREAM_PATCHES: 'patches' })).code).toBe(1);
  });

  it('is upstream at a branch or commit, with our patches in order', async () => {
    const { url, first } = await upstream();
    const bench = await makeBench();
    const folder = join(bench.dir, 'work/patches');
    await mkdir(folder);
    await writeFile(join(folder, '10-node.patch'), patch);
    await writeFile(
      join(folder, '20-again.patch'),
      patch.replace('node:20', 'node:22').replace('+FROM node:22', '+FROM node:24'),
    );
    const at = { UPSTREAM_REPOSITORY: url, UPSTREAM_PATCHES: 'patches' };
    const head = await bench.run('upstream.sh', { ...at, UPSTREAM_REF: 'main' });
    expect([head.code, head.outputs.get('source')]).toEqual([0, 'upstream-source']);
    const read = (name: string) => readFile(join(bench.dir, 'work', name), 'utf8');
    expect(await read('upstream-source/Dockerfile')).toBe('FROM node:24\nRUN true\n');
    expect(await read('upstream-source/a.txt')).toBe('two\n');
    const old = await bench.run('upstream.sh', { ...at, UPSTREAM_REF: first, UPSTREAM_FOLDER: 'old' });
    expect([old.code, await read('old/a.txt')]).toEqual([0, 'one\n']);
  });

  it('fails where a patch does not fit, or there is none', async () => {
    const { url } = await upstream();
    const bench = await makeBench();
    await mkdir(join(bench.dir, 'work/patches'));
    const at = { UPSTREAM_REPOSITORY: url, UPSTREAM_REF: 'main', UPSTREAM_PATCHES: 'patches' };
    const none = await bench.run('upstream.sh', at);
    await writeFile(join(bench.dir, 'work/patches/1.patch'), patch.replace('node:20', 'node:18'));
    const unfit = await bench.run('upstream.sh', { ...at, UPSTREAM_FOLDER: 'other' });
    expect([none.code, unfit.code]).toEqual([1, 1]);
    expect(unfit.stderr).toContain('1.patch does not fit');
    expect([none.outputs.size, unfit.outputs.size]).toEqual([0, 0]);
  });

  it('is the commit of upstream that was decided on, with the patches that are named', async () => {
    const { url, first } = await upstream();
    const bench = await makeBench();
    const work = join(bench.dir, 'work');
    await mkdir(join(work, 'p q'));
    await writeFile(join(work, 'p q/b.diff'), patch);
    const rename =
      'diff --git a/a.txt b/new/a.txt\nsimilarity index 100%\nrename from a.txt\nrename to new/a.txt\n';
    await writeFile(
      join(work, 'a.patch'),
      `${patch.replace('node:20', 'node:22').replace('+FROM node:22', '+FROM node:24')}${rename}`,
    );
    const { code, stderr, outputs } = await bench.run('upstream.sh', {
      UPSTREAM_REPOSITORY: url,
      UPSTREAM_REF: 'refs/heads/main',
      UPSTREAM_COMMIT_OF: 'upstream',
      FACTORY_COMMIT: first,
      UPSTREAM_PATCHES: 'p q/b.diff\na.patch',
      SOURCE_URL: 'https://example.com/own',
      SOURCE_COMMIT: 'own',
    });
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(Object.fromEntries(outputs)).toEqual({ source: 'upstream-source', url, commit: first });
    const read = (name: string) => readFile(join(work, 'upstream-source', name), 'utf8');
    expect([await read('Dockerfile'), await read('new/a.txt')]).toEqual([
      'FROM node:24\nRUN true\n',
      'one\n',
    ]);
    await expect(read('a.txt')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    [
      'a symbolic link',
      'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n',
    ],
    ['a path above', '--- /dev/null\n+++ b/../../evil\n@@ -0,0 +1 @@\n+x\n'],
    ["git's own files", '--- /dev/null\n+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+x\n'],
    ['a copy', 'diff --git a/a.txt b/b.txt\nsimilarity index 100%\ncopy from a.txt\ncopy to b.txt\n'],
  ])('is not built with a patch that makes %s', async (_, text) => {
    const { url } = await upstream();
    const bench = await makeBench();
    await writeFile(join(bench.dir, 'work/1.patch'), text);
    const at = { UPSTREAM_REPOSITORY: url, UPSTREAM_REF: 'main', UPSTREAM_PATCHES: '1.patch' };
    const end = await bench.run('upstream.sh', at);
    expect([end.code, end.outputs.size]).toEqual([1, 0]);
    expect(await readdir(join(bench.dir, 'work/upstream-source'))).toEqual(['.git']);
    expect(await readdir(bench.dir)).not.toContain('evil');
  });

  it('takes no patch from elsewhere', async () => {
    const { url } = await upstream();
    const bench = await makeBench();
    await writeFile(join(bench.dir, 'outside.patch'), patch);
    await symlink('../outside.patch', join(bench.dir, 'work/link.patch'));
    await symlink('..', join(bench.dir, 'work/up'));
    const at = { UPSTREAM_REPOSITORY: url, UPSTREAM_REF: 'main' };
    for (const [index, named] of [
      '../outside.patch',
      `${bench.dir}/outside.patch`,
      'link.patch',
      'up/outside.patch',
      'none.patch',
    ].entries()) {
      const end = await bench.run('upstream.sh', {
        ...at,
        UPSTREAM_PATCHES: named,
        UPSTREAM_FOLDER: `f${index}`,
      });
      expect([named, end.code, end.outputs.size]).toEqual([named, 1, 0]);
    }
  });

  it.each([
    {
      UPSTREAM_REPOSITORY: 'https://example.com/a.git',
      UPSTREAM_REF: 'x',
      UPSTREAM_COMMIT_OF: 'upstream',
      FACTORY_COMMIT: '--x',
    },
    { UPSTREAM_REPOSITORY: 'ext::sh -c "touch pwned"', UPSTREAM_REF: 'main' },
    { UPSTREAM_REPOSITORY: '--upload-pack=touch', UPSTREAM_REF: 'main' },
    { UPSTREAM_REPOSITORY: 'https://example.com/a.git', UPSTREAM_REF: '--upload-pack=touch' },
    { UPSTREAM_REPOSITORY: 'https://example.com/a.git', UPSTREAM_REF: '' },
  ])('is refused: %j', async (environment) => {
    const bench = await makeBench();
    expect((await bench.run('upstream.sh', environment)).code).toBe(1);
  });

  it('is checked out without leaving the token behind', async () => {
    const remote = await createGitRemote();
    onTestFinished(() => remote.remove());
    const commit = await remote.commit({ Dockerfile: 'FROM scratch\n' });
    const server = await remote.serve({ credential: 'x-access-token:t0ken' });
    onTestFinished(() => server.close());
    const bench = await makeBench();
    const { code, stderr } = await bench.run('checkout.sh', {
      CHECKOUT_REMOTE: server.url,
      CHECKOUT_COMMIT: commit,
      CHECKOUT_TOKEN: 't0ken',
    });
    expect([code, stderr]).toEqual([0, '']);
    const read = (name: string) => readFile(join(bench.dir, 'work', name), 'utf8');
    expect(await read('Dockerfile')).toBe('FROM scratch\n');
    const secret = Buffer.from('x-access-token:t0ken').toString('base64');
    expect(await read('.git/config')).not.toContain(secret);
  });
});

describe('the version', () => {
  const asked = { FACTORY_IMAGE: 'app', FACTORY_KEY: 'k1' };

  it('is asked from the program on PATH, or from an image of it', async () => {
    const bench = await makeBench();
    await bench.tool('image-factory', 'echo 1.4.0');
    await bench.tool('docker', 'echo 2.0.0-beta.1');
    const own = await bench.run('version.sh', asked);
    const image = await bench.run('version.sh', {
      ...asked,
      VERSION_CLI_IMAGE: `ghcr.io/acme/image-factory@${digest}`,
      VERSION_REPOSITORY: 'https://github.com/acme/factory',
      VERSION_DIRECTORY: 'images',
      VERSION_BUMP: 'major',
      VERSION_CHANNEL: 'beta',
      FACTORY_GIT_TOKEN: 't0ken',
    });
    expect([own, image].map(({ outputs }) => outputs.get('version'))).toEqual(['1.4.0', '2.0.0-beta.1']);
    expect(await bench.calls('image-factory')).toEqual([
      ['version', 'next', 'app', '--bump', 'patch', '--key', 'k1'],
    ]);
    const [call = []] = await bench.calls('docker');
    expect(call.join(' ')).toContain(
      `image-factory@${digest} version next app --bump major --channel beta --key k1 --git-repo https://github.com/acme/factory --image-factory-dir images`,
    );
    expect(call.join(' ')).not.toContain('t0ken');
  });

  it.each(['', 'latest', '1.2', '1.2.3 4', '1.2.3\n4'])('is no version: %j', async (answer) => {
    const bench = await makeBench();
    await bench.tool('image-factory', `printf '%s' '${answer}'`);
    const { code, outputs } = await bench.run('version.sh', asked);
    expect([code, outputs.size]).toEqual([1, 0]);
  });

  it('is given by the program itself, the same for one key and another for the next', async () => {
    const at = await makePlace('real');
    onTestFinished(() => at.leave());
    const { host } = at.registry;
    await at.registry.pushImage('library/base', '1', { layers: ['one'] });
    await at.registry.pushImage('acme/app', '1.2.3', {});
    await at.remote.commit({ 'app/Dockerfile': `FROM ${host}/library/base:1\n` });
    await at.enrol(
      `
- name: app
  registry: ${host}
  repository: acme/app
  source: { provider: local, repo: "${at.remote.path}", dockerfile: app/Dockerfile }
`,
      `registries: { "${host}": { insecure: true } }\n`,
    );
    expect((await at.run('analyze')).exit).toBe(0);
    const bench = await makeBench();
    const main = join(root, 'packages/cli/src/main.ts');
    await bench.tool('image-factory', `exec "${process.execPath}" "${main}" "$@"`);
    const ask = async (key: string) => {
      const environment = { ...asked, FACTORY_KEY: key, VERSION_DIRECTORY: at.dir };
      const { outputs, stderr } = await bench.run('version.sh', environment);
      return outputs.get('version') ?? stderr;
    };
    expect([await ask('k1'), await ask('k2'), await ask('k1')]).toEqual(['1.2.4', '1.2.5', '1.2.4']);
  });
});

describe('the outcome', () => {
  it('is told to GitLab in a file that the adapter reads', async () => {
    const bench = await makeBench();
    const told = async (more: Readonly<Record<string, string>>) => {
      const { code } = await bench.run('report-gitlab.sh', {
        FACTORY_KEY: 'k1',
        FACTORY_ATTEMPT: '3',
        ...more,
      });
      expect(code).toBe(0);
      return resultIn(await readFile(join(bench.dir, 'work/image-factory.json'), 'utf8'));
    };
    expect(await told({ DIGEST: digest })).toEqual({ key: 'k1', attempt: 3, digest, superseded: false });
    expect(await told({ DIGEST: '' })).toEqual({ key: 'k1', attempt: 3, superseded: true });
    const bad = await bench.run('report-gitlab.sh', { FACTORY_KEY: 'k","x":"', DIGEST: digest });
    expect(bad.code).toBe(1);
  });

  it('is told to Gitea and Forgejo in a commit status, again where the server stumbles', async () => {
    const seen: {
      readonly path: string | undefined;
      readonly token: string | undefined;
      readonly body: unknown;
    }[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (data: Buffer) => void (text += data.toString()));
      request.on('end', () => {
        seen.push({
          path: request.url,
          token: request.headers.authorization,
          body: JSON.parse(text) as unknown,
        });
        response.writeHead(seen.length === 1 ? 502 : 201).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const bench = await makeBench();
    const environment = {
      STATUS_API: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
      STATUS_REPOSITORY: 'acme/app',
      STATUS_COMMIT: 'c'.repeat(40),
      STATUS_RUN: '42',
      STATUS_TOKEN: 't0ken',
      STATUS_PAUSE: '0.05',
    };
    const built = await bench.run('report-gitea.sh', { ...environment, DIGEST: digest });
    const left = await bench.run('report-gitea.sh', { ...environment, DIGEST: '' });
    expect([built.code, left.code]).toEqual([0, 0]);
    expect(seen[1]).toEqual({
      path: `/api/v1/repos/acme/app/statuses/${'c'.repeat(40)}`,
      token: 'token t0ken',
      body: { state: 'success', context: 'image-factory/42', description: digest },
    });
    expect(seen[2]?.body).toMatchObject({ description: 'superseded' });
    expect(seen).toHaveLength(3);
  });
});
