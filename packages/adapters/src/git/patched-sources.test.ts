import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { must } from '@image-factory/core/result.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { createSources, type Sources } from './sources.ts';

let folder: string;
let factoryDir: string;
let remote: GitRemote;
let sources: Sources;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-patched-test-'));
  factoryDir = join(folder, 'factory');
  mkdirSync(factoryDir);
  remote = await createGitRemote();
  await remote.commit({
    Dockerfile: 'FROM node:20\nRUN true\n',
    'docs/readme.md': 'one\ntwo\nthree\n',
    link: { symlink: 'docs' },
    away: { symlink: '../..' },
  });
  sources = createSources({ factoryDir, cacheDir: join(folder, 'cache'), clock: realClock });
});
afterEach(async () => {
  sources.close();
  await remote.remove();
  rmSync(folder, { recursive: true, force: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(factoryDir, path)), { recursive: true });
  writeFileSync(join(factoryDir, path), text);
}

function source(difference: Partial<Source> = {}): Source {
  return {
    provider: 'local',
    repo: remote.path,
    branch: undefined,
    dockerfile: 'Dockerfile',
    context: '.',
    target: undefined,
    buildArgs: {},
    workflow: undefined,
    patches: ['p/1.patch'],
    ...difference,
  };
}

async function read(difference: Partial<Source> = {}) {
  const [answer] = await sources.read([source(difference)]);
  if (!answer) throw new Error('no answer');
  return must(answer);
}

async function text(difference: Partial<Source> = {}): Promise<string> {
  return must(await (await read(difference)).text());
}

async function problem(difference: Partial<Source> = {}) {
  const [answer] = await sources.read([source(difference)]);
  if (!answer) throw new Error('no answer');
  const said = answer.ok ? await answer.value.text() : answer;
  if (said.ok) throw new Error(`expected a problem, got ${said.value}`);
  return said.error;
}

const toNode22 = `From 0123 Mon Sep 17 00:00:00 2001
Subject: [PATCH] newer node

---
 Dockerfile | 2 +-

diff --git a/Dockerfile b/Dockerfile
--- a/Dockerfile
+++ b/Dockerfile
@@ -1,2 +1,2 @@
-FROM node:20
+FROM node:22
 RUN true
-- 
2.39.5
`;
const added = (path: string, line: string, mode = '100644'): string => `diff --git a/${path} b/${path}
new file mode ${mode}
--- /dev/null
+++ b/${path}
@@ -0,0 +1 @@
+${line}
`;

describe('a Dockerfile with patches', () => {
  it('is read with them applied in their order, and nothing is written to its repository', async () => {
    put('p/1.patch', toNode22);
    put('p/2.diff', toNode22.replaceAll('node:22', 'node:24').replaceAll('node:20', 'node:22'));
    const before = await remote.git('count-objects', '-v');
    expect(await text({ patches: ['p/1.patch', 'p/2.diff'] })).toBe('FROM node:24\nRUN true\n');
    expect((await problem({ patches: ['p/2.diff', 'p/1.patch'] })).code).toBe('SOURCE_PATCH_UNFIT');
    expect(await remote.git('count-objects', '-v')).toBe(before);
  });

  it('may be added or renamed by one', async () => {
    put('p/1.patch', added('build/Containerfile', 'FROM alpine:3'));
    expect(await text({ dockerfile: 'build/Containerfile', context: 'build' })).toBe('FROM alpine:3\n');
    put(
      'p/1.patch',
      'diff --git a/Dockerfile b/x/Dockerfile\nsimilarity index 100%\nrename from Dockerfile\nrename to x/Dockerfile\n',
    );
    expect(await text({ dockerfile: 'x/Dockerfile' })).toContain('node:20');
    expect((await problem()).code).toBe('DOCKERFILE_MISSING');
  });

  it('may stand beside thousands of files with long paths', async () => {
    const folder = `${'f'.repeat(250)}/${'g'.repeat(250)}/${'h'.repeat(250)}/${'i'.repeat(200)}`;
    const patches = Array.from({ length: 4 }, (_, patch) => {
      const files = Array.from({ length: 980 }, (_, file) => {
        return `--- /dev/null\n+++ b/${folder}/${patch}-${file}\n@@ -0,0 +1 @@\n+x\n`;
      });
      put(`p/${patch}.patch`, files.join(''));
      return `p/${patch}.patch`;
    });
    expect(await text({ patches })).toContain('node:20');
  });

  it('is read from a server, which is asked for the files that patches touch', async () => {
    const server = await remote.serve();
    try {
      put('p/1.patch', toNode22);
      expect(await text({ provider: 'github', repo: server.url })).toContain('node:22');
      put('p/1.patch', toNode22.replace('+FROM node:22', '+FROM node:23'));
      expect(await text({ provider: 'github', repo: server.url })).toContain('node:23');
    } finally {
      await server.close();
    }
  });

  it('is as before while commit and patches are, and another one when either is', async () => {
    put('p/1.patch', toNode22);
    const first = await read();
    const again = await read();
    expect([again.blob, again.revision]).toEqual([first.blob, first.revision]);
    put('p/1.patch', toNode22.replace('+FROM node:22', '+FROM node:23'));
    const changed = await read();
    await remote.commit({ 'docs/more.md': 'x\n' });
    const moved = await read();
    expect(new Set([first, changed, moved].map(({ blob }) => blob)).size).toBe(3);
    expect(new Set([first, changed, moved].map(({ revision }) => revision)).size).toBe(3);
    expect([first.commit, changed.commit]).toEqual([first.commit, first.commit]);
  });

  it('that does not apply fails alone, and says which patch, file and hunk', async () => {
    put('p/1.patch', toNode22);
    put(
      'p/bad.patch',
      `${toNode22}diff --git a/docs/readme.md b/docs/readme.md
--- a/docs/readme.md
+++ b/docs/readme.md
@@ -1,2 +1,2 @@
-one
+1
 two
@@ -3 +3 @@
-drei
+3
`,
    );
    const [good, bad] = await sources.read([source(), source({ patches: ['p/bad.patch'] })]);
    if (!good || !bad) throw new Error('no answers');
    const [text, said] = await Promise.all([must(good).text(), must(bad).text()]);
    expect(text).toMatchObject({ ok: true });
    expect(said).toMatchObject({
      ok: false,
      error: {
        code: 'SOURCE_PATCH_UNFIT',
        message: expect.stringContaining('"p/bad.patch" does not apply to'),
        place: { file: 'p/bad.patch', line: 23 },
      },
    });
    expect(said.ok ? '' : said.error.message).toContain('docs/readme.md, hunk 2 (@@ -3 +3 @@)');
    put('p/1.patch', toNode22.replaceAll('Dockerfile', 'nowhere/Dockerfile'));
    expect((await problem()).message).toContain('nowhere/Dockerfile: does not exist in index');
  });
});

describe('patches', () => {
  it.each([
    ['a symbolic link', added('docs/out', '/etc/passwd', '120000'), 'symbolic link'],
    [
      'a link that is turned elsewhere',
      'diff --git a/link b/link\nindex c4a0fdd..1269488 120000\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-docs\n\\ No newline at end of file\n+..\n\\ No newline at end of file\n',
      'symbolic link',
    ],
    [
      'a submodule',
      added('sub', 'Subproject commit 0123456789012345678901234567890123456789', '160000'),
      'submodule',
    ],
    ['a path above', added('../../evil', 'x'), 'not inside of the source'],
    ['an absolute path', added('x', 'x').replace('+++ b/x', '+++ /etc/cron.d/x'), 'not inside of the source'],
    [
      'a quoted path above',
      added('x', 'x').replace('+++ b/x', '+++ "b/\\056./evil"'),
      'not inside of the source',
    ],
    ["git's own files", added('.git/hooks/post-checkout', 'x'), 'not inside of the source'],
    ["git's own files in capitals", added('a/.GIT/config', 'x'), 'not inside of the source'],
    [
      'a copy',
      'diff --git a/Dockerfile b/D2\nsimilarity index 100%\ncopy from Dockerfile\ncopy to D2\n',
      'copies',
    ],
    [
      'binary data',
      'diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\nliteral 1\nIc${MZ\n',
      'binary',
    ],
    ['nothing', 'only words\n', 'no diff'],
    ['too many files', Array.from({ length: 1001 }, (_, n) => added(`f${n}`, 'x')).join(''), '1000 files'],
    ['too many bytes', added('big', 'x'.repeat(1024 * 1024)), 'bytes'],
  ])('with %s are refused', async (_, patch, why) => {
    put('p/1.patch', patch);
    expect(await problem()).toMatchObject({
      code: 'SOURCE_PATCH_REFUSED',
      message: expect.stringContaining(why),
      place: { file: 'p/1.patch' },
    });
    // The image's own failure: what has no patches is read.
    expect(await text({ patches: [] })).toContain('node:20');
  });

  it('do not write through a link of the source', async () => {
    put('p/1.patch', added('away/evil', 'x'));
    expect(await problem()).toMatchObject({
      code: 'SOURCE_PATCH_UNFIT',
      message: expect.stringMatching(/symbolic link/),
    });
    expect(readdirSync(folder).toSorted()).toEqual(
      ['cache', 'factory'].filter((name) => readdirSync(folder).includes(name)),
    );
  });

  it('may say in a hunk what would be hostile elsewhere', async () => {
    put(
      'p/1.patch',
      `${toNode22}${added('notes.md', '++ ../../x').replace('@@ -0,0 +1 @@', '@@ -0,0 +1,2 @@')}+new file mode 120000\n`,
    );
    expect(await text()).toContain('node:22');
  });

  it('are in the factory directory, also behind links', async () => {
    expect(await problem()).toMatchObject({ code: 'SOURCE_PATCH_MISSING', place: { file: 'p/1.patch' } });
    put('real/1.patch', toNode22);
    symlinkSync('real', join(factoryDir, 'p'));
    expect(await text()).toContain('node:22');
    rmSync(join(factoryDir, 'p'));
    mkdirSync(join(factoryDir, 'p'));
    writeFileSync(join(folder, 'outside.patch'), toNode22);
    symlinkSync(join(folder, 'outside.patch'), join(factoryDir, 'p/1.patch'));
    expect(await problem()).toMatchObject({
      code: 'SOURCE_PATCH_REFUSED',
      message: expect.stringMatching(/leads out/),
    });
  });

  it('need a repository', async () => {
    put('p/1.patch', toNode22);
    put('plain/Dockerfile', 'FROM scratch\n');
    expect((await problem({ repo: './plain' })).message).toContain('no git repository');
  });
});

describe('a source at a tag or commit', () => {
  it.each(['on this machine', 'at a server'])('%s stays there', async (where) => {
    const server = where === 'at a server' ? await remote.serve() : undefined;
    try {
      const at: Partial<Source> = server
        ? { provider: 'github', repo: server.url, patches: [] }
        : { patches: [] };
      const old = (await remote.head()) ?? '';
      await remote.git('tag', 'light', old);
      await remote.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'x', 'heavy', old);
      const next = await remote.commit({ Dockerfile: 'FROM node:30\n' });
      const wanted = [{ tag: 'light' }, { tag: 'heavy' }, { commit: old }, { branch: 'main' }] as const;
      const answers = await sources.read(wanted.map((one) => source({ ...at, ...one })));
      expect(answers.map((answer) => must(answer).commit)).toEqual([old, old, old, next]);
      const texts = await Promise.all(answers.map((answer) => must(answer).text()));
      expect(texts.map((one) => must(one).slice(0, 12))).toEqual([
        ...Array(3).fill('FROM node:20'),
        'FROM node:30',
      ]);
      const [missing, noTag, still] = await sources.read([
        source({ ...at, commit: '1'.repeat(40) }),
        source({ ...at, tag: 'nope' }),
        source({ ...at, tag: 'heavy' }),
      ]);
      expect([missing, noTag]).toMatchObject([
        {
          error: {
            code: 'SOURCE_BRANCH_MISSING',
            message: expect.stringContaining(`no commit ${'1'.repeat(40)}`),
          },
        },
        { error: { code: 'SOURCE_BRANCH_MISSING', message: expect.stringContaining('no tag "nope"') } },
      ]);
      expect(still).toMatchObject({ value: { commit: old } });
    } finally {
      await server?.close();
    }
  });
});

describe("the factory directory's Dockerfile", () => {
  const own: Partial<Source> = { patches: [], ownDockerfile: true, dockerfile: 'images/a/Dockerfile' };

  it('is read with the context of another repository', async () => {
    put('images/a/Dockerfile', 'FROM alpine:1\n');
    expect(await text(own)).toBe('FROM alpine:1\n');
    const first = await read(own);
    await remote.commit({ 'docs/more.md': 'x\n' });
    const moved = await read(own);
    // The same text needs no other reading, and is another build.
    expect([moved.blob, moved.revision === first.revision, moved.commit === first.commit]).toEqual([
      first.blob,
      false,
      false,
    ]);
    put('images/a/Dockerfile', 'FROM alpine:2\n');
    expect((await read(own)).blob).not.toBe(first.blob);
  });

  it('is not there, or elsewhere', async () => {
    expect(await problem(own)).toMatchObject({ code: 'DOCKERFILE_MISSING' });
    mkdirSync(join(factoryDir, 'images/a'), { recursive: true });
    writeFileSync(join(folder, 'Dockerfile'), 'FROM secret\n');
    symlinkSync(join(folder, 'Dockerfile'), join(factoryDir, 'images/a/Dockerfile'));
    expect(await problem(own)).toMatchObject({ code: 'DOCKERFILE_UNREADABLE' });
  });

  it('with patches for the context says where these do not fit', async () => {
    put('images/a/Dockerfile', 'FROM alpine:1\n');
    put('p/1.patch', toNode22);
    expect(await text({ ...own, patches: ['p/1.patch'] })).toBe('FROM alpine:1\n');
    put('p/1.patch', toNode22.replace('node:20', 'node:1'));
    expect((await problem({ ...own, patches: ['p/1.patch'] })).code).toBe('SOURCE_PATCH_UNFIT');
  });
});
