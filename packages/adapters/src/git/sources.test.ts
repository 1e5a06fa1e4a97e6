import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { must } from '@image-factory/core/result.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { sourceOf } from '@image-factory/testing/records.ts';
import { createSources, type Sources, type SourcesOptions } from './sources.ts';

let folder: string;
let factoryDir: string;
let remote: GitRemote;
let opened: Sources[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-sources-'));
  factoryDir = join(folder, 'factory');
  mkdirSync(factoryDir);
  remote = await createGitRemote();
  opened = [];
});
afterEach(async () => {
  for (const sources of opened) sources.close();
  await remote.remove();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<SourcesOptions> = {}): Sources {
  const sources = createSources({
    factoryDir,
    cacheDir: join(folder, 'cache'),
    clock: realClock,
    ...options,
  });
  opened.push(sources);
  return sources;
}

function source(difference: Partial<Source>): Source {
  return sourceOf({ repo: remote.path, ...difference });
}

async function readOne(sources: Sources, difference: Partial<Source> = {}) {
  const [result] = await sources.read([source(difference)]);
  if (result === undefined) throw new Error('no answer');
  return result;
}

async function problem(sources: Sources, difference: Partial<Source>) {
  const result = await readOne(sources, difference);
  if (!result.ok) return result.error;
  const text = await result.value.text();
  if (text.ok) throw new Error(`expected a problem, got ${JSON.stringify(text.value)}`);
  return text.error;
}

/** The same repository as a bare one on this machine, over http as a partial clone, and as plain files. */
describe.each(['local', 'http', 'plain'] as const)('a source that is %s', (kind) => {
  let place: Partial<Source>;
  let commit: (files: Parameters<GitRemote['commit']>[0]) => Promise<string | undefined>;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    const server = await remote.serve();
    stop = () => server.close();
    place = {
      local: { repo: remote.path },
      http: { provider: 'gitea' as const, repo: server.url },
      plain: { repo: '../plain' },
    }[kind];
    mkdirSync(join(folder, 'plain'));
    commit = async (files) => {
      if (kind !== 'plain') return remote.commit(files);
      for (const [name, content] of Object.entries(files)) {
        const path = join(folder, 'plain', name);
        rmSync(path, { recursive: true, force: true });
        if (content === null) continue;
        mkdirSync(join(path, '..'), { recursive: true });
        if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(path, content);
        else if ('symlink' in content) symlinkSync(content.symlink, path);
      }
      return undefined;
    };
  });
  afterEach(() => stop());

  it('gives commit, blob id and text', async () => {
    const head = await commit({ 'apps/a/Dockerfile': 'FROM größe\r\n', 'apps/a/main.ts': 'x' });
    const file = must(
      await readOne(open(), { ...place, dockerfile: './apps//a/Dockerfile', context: 'apps/a/' }),
    );
    expect(file.commit).toBe(head);
    expect(file.blob).toBe(
      spawnSync('git', ['hash-object', '--stdin'], { input: 'FROM größe\r\n' }).stdout.toString().trim(),
    );
    expect(must(await file.text())).toBe('FROM größe\r\n');
  });

  it('takes a version that is written into a file of any image for no change, and all else in that file for one', async () => {
    const manifest = (version: string, more = '') => `{ "version": "${version}"${more} }\n`;
    await remote.commit({
      'a/Dockerfile': 'FROM scratch\n',
      'a/VERSION': 'v1.0.0\n',
      'a/deep/package.json': manifest('1.0.0'),
      'b/Dockerfile': 'FROM scratch\n',
      'b/VERSION': '1.0.0\n',
    });
    const sources = open();
    const versionFiles = [
      { path: 'a/VERSION', form: 'text', key: [] },
      { path: 'a/deep/package.json', form: 'json', key: ['version'] },
      { path: 'b/VERSION', form: 'text', key: [] },
      { path: 'b/none.toml', form: 'toml', key: ['version'] },
    ] as const;
    const read = async (from = sources) => {
      const wanted = [
        { dockerfile: 'a/Dockerfile', context: 'a' },
        { dockerfile: 'b/Dockerfile', context: '.' },
        { dockerfile: 'b/Dockerfile', context: 'b' },
      ].map((paths) => ({ ...source(paths), versionFiles }));
      return (await from.read(wanted)).map((answer) => must(answer).revision);
    };
    const first = await read();
    await remote.commit({ 'a/VERSION': 'v2.0.0\n', 'b/VERSION': '1.0.1\n' }, { message: 'x [skip ci]' });
    expect(await read()).toEqual(first);
    await remote.commit({ 'a/deep/package.json': manifest('7.0.0-beta.1') });
    expect(await read()).toEqual(first);
    expect(await read(open({ cacheDir: join(folder, 'other') }))).toEqual(first);
    await remote.commit({ 'a/deep/package.json': manifest('7.0.0', ', "dependencies": {}') });
    const [a, all, b] = await read();
    expect([a === first[0], all === first[1], b === first[2]]).toEqual([false, false, true]);
    await remote.commit({ 'a/deep/package.json': manifest('1.0.0') });
    expect(await read()).toEqual(first);
    await remote.commit({ 'b/VERSION': 'now something else\n' });
    expect((await read())[2]).not.toBe(first[2]);
    // Without being told of them they are files like any other.
    const plain = async () =>
      must(await readOne(sources, { dockerfile: 'a/Dockerfile', context: 'a' })).revision;
    const before = await plain();
    await remote.commit({ 'a/VERSION': 'v3.0.0\n' });
    expect(await plain()).not.toBe(before);
  });

  it('gives a revision that changes exactly when the Dockerfile or its context does', async () => {
    await commit({
      'apps/a/Dockerfile': 'FROM a',
      'apps/a/src/deep/main.ts': '1',
      'apps/b/other.ts': '1',
      'docker/Dockerfile.c': 'FROM c',
    });
    const sources = open();
    const revisions = async () => {
      const [a, c] = await sources.read([
        source({ ...place, dockerfile: 'apps/a/Dockerfile', context: 'apps/a' }),
        source({ ...place, dockerfile: 'docker/Dockerfile.c', context: 'apps/b' }),
      ]);
      return [a && must(a).revision, c && must(c).revision];
    };
    const [a1, c1] = await revisions();
    expect(a1).not.toBe(c1);
    await commit({ 'README.md': 'nothing of theirs' });
    expect(await revisions()).toEqual([a1, c1]);
    await commit({ 'apps/a/src/deep/main.ts': '2' });
    const [a2, c2] = await revisions();
    expect(a2).not.toBe(a1);
    expect(c2).toBe(c1);
    await commit({ 'docker/Dockerfile.c': 'FROM d' });
    const [a3, c3] = await revisions();
    expect(a3).toBe(a2);
    expect(c3).not.toBe(c2);
    await commit({ 'apps/a/src/deep/main.ts': '1' });
    expect((await revisions())[0]).toBe(a1);
  });

  it('goes on without a context that no commit has', async () => {
    await commit({ Dockerfile: 'FROM a' });
    expect((await readOne(open(), { ...place, context: 'dist/made-by-ci' })).ok).toBe(true);
  });

  it('names what may have been meant when the Dockerfile is missing', async () => {
    await commit({ 'apps/api/Dockerfile': 'FROM a', 'apps/api/Dockerfile.dev': 'FROM b' });
    const missing = await problem(open(), { ...place, dockerfile: 'apps/api/Dockerfil' });
    expect(missing).toMatchObject({
      code: 'DOCKERFILE_MISSING',
      message: expect.stringContaining('apps/api/Dockerfil'),
      hint: expect.stringContaining('"apps/api/Dockerfile"'),
    });
  });

  it('refuses what is no Dockerfile', async () => {
    await commit({
      big: 'x'.repeat(1024 * 1024 + 1),
      zero: Buffer.from('FROM a\0'),
      binary: Buffer.from(Array.from({ length: 300 }, (_, index) => 128 + (index % 100))),
      'folder/x': 'x',
      latin: Buffer.from('# Größe\nFROM debian:13\nRUN echo this is a longer text\n', 'latin1'),
    });
    const sources = open();
    for (const dockerfile of ['big', 'zero', 'binary', 'folder']) {
      expect(await problem(sources, { ...place, dockerfile })).toMatchObject({
        code: 'DOCKERFILE_UNREADABLE',
        message: expect.stringContaining(dockerfile),
      });
    }
    expect((await must(await readOne(sources, { ...place, dockerfile: 'latin' })).text()).ok).toBe(true);
  });

  it('follows links inside, and refuses those and paths that lead outside', async () => {
    writeFileSync(join(folder, 'secret'), 'secret');
    await commit({
      'real/deep/Dockerfile': 'FROM real',
      linked: { symlink: 'real' },
      'apps/Dockerfile': { symlink: '../linked/deep/Dockerfile' },
      out: { symlink: '../../../../../../../../../../etc/passwd' },
      absolute: { symlink: join(folder, 'secret') },
      loop: { symlink: 'loop' },
    });
    const sources = open();
    expect(
      must(
        await must(
          await readOne(sources, { ...place, dockerfile: 'apps/Dockerfile', context: 'linked' }),
        ).text(),
      ),
    ).toBe('FROM real');
    for (const dockerfile of ['out', 'absolute', '../x', '/etc/passwd', 'a/../../x']) {
      expect((await problem(sources, { ...place, dockerfile })).code).toBe('CONFIG_PATH_ESCAPES');
    }
    expect(
      (await problem(sources, { ...place, dockerfile: 'real/deep/Dockerfile', context: '..' })).code,
    ).toBe('CONFIG_PATH_ESCAPES');
    expect((await problem(sources, { ...place, dockerfile: 'loop' })).code).toBe('DOCKERFILE_MISSING');
  });

  it('reads a thousand in one go, and one failure stays its own', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`i/${index}/Dockerfile`, `FROM base:${index}\n`]),
    );
    await commit(files);
    const wanted = Array.from({ length: 1001 }, (_, index) =>
      source({ ...place, dockerfile: `i/${index}/Dockerfile`, context: `i/${index}` }),
    );
    const results = await open().read(wanted);
    expect(results.filter((result) => !result.ok)).toMatchObject([{ error: { code: 'DOCKERFILE_MISSING' } }]);
    const texts = await Promise.all(results.slice(0, 1000).map((result) => must(result).text()));
    expect(texts.map((text) => must(text))).toEqual(Object.values(files));
  });
});

describe('branches', () => {
  it('reads the branch that was asked for, and the default branch otherwise', async () => {
    await remote.commit({ Dockerfile: 'FROM main' });
    await remote.commit({ Dockerfile: 'FROM next' }, { branch: 'release/next' });
    const server = await remote.serve();
    for (const repo of [remote.path, server.url]) {
      const sources = open();
      const [main, next] = await sources.read([
        source({ repo, provider: 'gitlab' }),
        source({ repo, provider: 'gitlab', branch: 'release/next' }),
      ]);
      expect([main && must(await must(main).text()), next && must(await must(next).text())]).toEqual([
        'FROM main',
        'FROM next',
      ]);
      expect(await problem(sources, { repo, provider: 'gitlab', branch: 'release/nxt' })).toMatchObject({
        code: 'SOURCE_BRANCH_MISSING',
        hint: expect.stringContaining('"release/next"'),
      });
      expect(await problem(sources, { repo, provider: 'gitlab', branch: '--upload-pack=x' })).toMatchObject({
        code: 'SOURCE_BRANCH_MISSING',
      });
    }
    await server.close();
  });

  it('says that a repository is empty', async () => {
    const server = await remote.serve();
    for (const repo of [remote.path, server.url])
      expect((await problem(open(), { repo, provider: 'gitea' })).code).toBe('SOURCE_BRANCH_MISSING');
    await server.close();
  });

  it('sees a moved head, one whose history was rewritten, and one that moves back', async () => {
    const first = await remote.commit({ Dockerfile: 'FROM a' });
    const server = await remote.serve();
    const sources = open();
    const text = async () =>
      must(await must(await readOne(sources, { repo: server.url, provider: 'gitea' })).text());
    expect(await text()).toBe('FROM a');
    await remote.commit({ Dockerfile: 'FROM b' });
    expect(await text()).toBe('FROM b');
    await remote.git('update-ref', '-d', 'refs/heads/main');
    await remote.commit({ Dockerfile: 'FROM c' });
    expect(await text()).toBe('FROM c');
    await remote.git('update-ref', 'refs/heads/main', first);
    expect(await text()).toBe('FROM a');
    await server.close();
  });
});

describe('a repository elsewhere', () => {
  it('costs one question when nothing moved, and few when it did, however many images', async () => {
    await remote.commit(
      Object.fromEntries(
        Array.from({ length: 50 }, (_, index) => [`i/${index}/Dockerfile`, `FROM base:${index}\n`]),
      ),
    );
    const server = await remote.serve();
    const count = async (step: () => Promise<unknown>) => {
      const before = server.requests.length;
      await step();
      return server.requests.length - before;
    };
    const wanted = Array.from({ length: 50 }, (_, index) =>
      source({ repo: server.url, provider: 'gitea', dockerfile: `i/${index}/Dockerfile` }),
    );
    const sources = open();
    const first = await count(async () => {
      const results = await sources.read(wanted);
      for (const result of results) expect((await must(result).text()).ok).toBe(true);
    });
    expect(first).toBeLessThan(12);
    // One for the capabilities, one for the heads.
    expect(await count(() => sources.read(wanted))).toBe(2);
    // A new process finds everything in the cache.
    sources.close();
    const again = open();
    expect(
      await count(async () => Promise.all((await again.read(wanted)).map((result) => must(result).text()))),
    ).toBe(2);
    await server.close();
  });

  it('leaves file contents that nobody asked for where they are', async () => {
    const noise = Array.from({ length: 2_000_000 }, () => Math.floor(Math.random() * 256));
    await remote.commit({ Dockerfile: 'FROM a', 'large.bin': Uint8Array.from(noise) });
    const server = await remote.serve();
    expect((await must(await readOne(open(), { repo: server.url, provider: 'gitea' })).text()).ok).toBe(true);
    const size = Number(
      spawnSync('du', ['-sk', join(folder, 'cache')])
        .stdout.toString()
        .split('\t')[0],
    );
    expect(size).toBeLessThan(1000);
    await server.close();
  });

  it('works with a server that knows no partial clones', async () => {
    await remote.remove();
    remote = await createGitRemote({ allowFilter: false });
    await remote.commit({ Dockerfile: 'FROM a' });
    const server = await remote.serve();
    expect(must(await must(await readOne(open(), { repo: server.url, provider: 'gitea' })).text())).toBe(
      'FROM a',
    );
    await server.close();
  });

  it('sends the token as a header, and never shows it', async () => {
    await remote.commit({ Dockerfile: 'FROM a' });
    const server = await remote.serve({ credential: 'x-access-token:s3cr3t-token' });
    const repo = server.url;
    const base = repo.replace('/repository.git', '');
    const good = open({
      token: async ({ provider }) => (provider === 'github' ? 's3cr3t-token' : undefined),
      baseUrls: { github: base },
    });
    expect((await must(await readOne(good, { repo, provider: 'github' })).text()).ok).toBe(true);
    const bad = open({ token: async () => 'wr0ng-token' });
    const denied = await problem(bad, { repo, provider: 'github' });
    expect(denied).toMatchObject({ code: 'SOURCE_DENIED' });
    expect(JSON.stringify(denied)).not.toMatch(/wr0ng|d3Iwbmc/);
    const inUrl = await problem(open(), { repo: repo.replace('//', '//user:p4ssw0rd@'), provider: 'github' });
    expect(inUrl.code).toBe('SOURCE_DENIED');
    expect(JSON.stringify(inUrl)).not.toContain('p4ssw0rd');
    const cached = readdirSync(join(folder, 'cache'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.name === 'config',
    );
    for (const entry of cached)
      expect(
        spawnSync('grep', ['-rE', 's3cr3t|p4ssw0rd|wr0ng', join(entry.parentPath, entry.name)]).status,
      ).toBe(1);
    await server.close();
  });

  it('does not take the token to where it is redirected', async () => {
    const server = await remote.serve({ status: () => 302 });
    const moved = await problem(open({ token: async () => 's3cr3t-token' }), {
      repo: server.url,
      provider: 'github',
    });
    expect(moved).toMatchObject({ code: 'SOURCE_UNREACHABLE', hint: expect.stringContaining('moved') });
    await server.close();
  });

  it('says what is wrong with a remote that is gone, denies, or is no address, and reads the others', async () => {
    await remote.commit({ Dockerfile: 'FROM a' });
    const forbidden = await remote.serve({ status: () => 403 });
    const broken = await remote.serve({ status: () => 500 });
    const absent = await remote.serve({ status: () => 404 });
    const results = await open().read([
      source({ provider: 'gitea', repo: 'http://127.0.0.1:9/x.git' }),
      source({ provider: 'gitea', repo: forbidden.url }),
      source({ provider: 'gitea', repo: broken.url }),
      source({ provider: 'gitea', repo: absent.url }),
      source({ provider: 'local', repo: './not-there' }),
      source({ provider: 'github', repo: 'ext::sh -c touch% /tmp/x' }),
      source({ provider: 'webhook', repo: 'owner/name' }),
      source({}),
    ]);
    expect(results.map((result) => (result.ok ? 'ok' : result.error.code))).toEqual([
      'SOURCE_UNREACHABLE',
      'SOURCE_DENIED',
      'SOURCE_UNREACHABLE',
      'SOURCE_UNREACHABLE',
      'SOURCE_UNREACHABLE',
      'CONFIG_INVALID_VALUE',
      'CONFIG_INVALID_VALUE',
      'ok',
    ]);
    for (const server of [forbidden, broken, absent]) await server.close();
  });

  it('makes a broken cache anew', async () => {
    await remote.commit({ Dockerfile: 'FROM a' });
    const server = await remote.serve();
    const first = open();
    await readOne(first, { repo: server.url, provider: 'gitea' });
    first.close();
    const git = readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' });
    for (const name of git.filter((path) => path.endsWith('.pack') || path.endsWith('HEAD'))) {
      chmodSync(join(folder, 'cache', name), 0o644);
      writeFileSync(join(folder, 'cache', name), 'broken');
    }
    expect(must(await must(await readOne(open(), { repo: server.url, provider: 'gitea' })).text())).toBe(
      'FROM a',
    );
    await server.close();
  });

  it('ends when it is aborted', async () => {
    await expect(open().read([source({})], AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });
});

describe("the factory's own repository", () => {
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder });

  it('is the one around the factory directory, at its commits, without the factory state', async () => {
    git('init', '-q', '-b', 'main');
    writeFileSync(join(folder, 'Dockerfile'), 'FROM a');
    mkdirSync(join(factoryDir, 'state'));
    writeFileSync(join(factoryDir, 'state', 'x.yaml'), '1');
    git('add', '-A');
    git('commit', '-qm', 'x');
    const sources = open();
    const first = must(await readOne(sources, { repo: '.' }));
    writeFileSync(join(folder, 'Dockerfile'), 'FROM not committed');
    expect(must(await first.text())).toBe('FROM a');
    git('checkout', '-q', '--', 'Dockerfile');
    writeFileSync(join(factoryDir, 'state', 'x.yaml'), '2');
    git('commit', '-qam', 'state');
    const second = must(await readOne(sources, { repo: '.', branch: 'main' }));
    expect(second.commit).not.toBe(first.commit);
    expect(second.revision).toBe(first.revision);
    writeFileSync(join(factoryDir, 'images.yaml'), '[]');
    git('add', '-A');
    git('commit', '-qm', 'enrol');
    expect(must(await readOne(sources, { repo: '.' })).revision).not.toBe(first.revision);
  });

  it('is the factory directory itself when there is no repository', async () => {
    writeFileSync(join(factoryDir, 'Dockerfile'), 'FROM a');
    mkdirSync(join(factoryDir, 'state'));
    const sources = open();
    const first = must(await readOne(sources, { repo: '.' }));
    writeFileSync(join(factoryDir, 'state', 'x.yaml'), '2');
    expect(must(await readOne(sources, { repo: '.' })).revision).toBe(first.revision);
  });

  it('is read although another user owns it', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to give files away');
    git('init', '-q');
    writeFileSync(join(folder, 'Dockerfile'), 'FROM a');
    git('add', '-A');
    git('commit', '-qm', 'x');
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      chownSync(join(folder, name), 12345, 12345);
    expect((await readOne(open(), { repo: '.' })).ok).toBe(true);
  });
});
