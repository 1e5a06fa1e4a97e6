import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGitRemote, type GitRemote, type HttpOptions } from '@image-factory/testing/git-remote.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeBench, type ScriptEnd } from './run-script.ts';

const key = 'k1'.repeat(16);

async function remoteWithCommit(): Promise<GitRemote> {
  const remote = await createGitRemote();
  onTestFinished(() => remote.remove());
  await remote.commit({ Dockerfile: 'FROM scratch\n' });
  return remote;
}

async function served(remote: GitRemote, options: HttpOptions): Promise<string> {
  const server = await remote.serve(options);
  onTestFinished(() => server.close());
  return server.url;
}

async function claimer(remote: string, more: Readonly<Record<string, string>> = {}) {
  const bench = await makeBench();
  return (run: string, attempt = '1', shell = 'sh'): Promise<ScriptEnd> =>
    bench.run(
      'claim.sh',
      { FACTORY_KEY: key, FACTORY_ATTEMPT: attempt, CLAIM_RUN: run, CLAIM_REMOTE: remote, ...more },
      { shell },
    );
}

function said({ code, outputs, stderr }: ScriptEnd): string {
  return code === 0 ? (outputs.get('claimed') ?? 'nothing') : `${code}: ${stderr}`;
}

async function claims(remote: GitRemote): Promise<readonly string[]> {
  const refs = await remote.git('for-each-ref', '--format=%(refname)', 'refs/factory');
  return refs.split('\n').filter((ref) => ref !== '');
}

describe('the claim of a key', () => {
  it.each(['sh', 'bash'])('is won by exactly one of ten that come at once (%s)', async (shell) => {
    const remote = await remoteWithCommit();
    const url = await served(remote, { credential: 'x-access-token:hunter2' });
    const claim = await claimer(url, { CLAIM_TOKEN: 'hunter2' });
    const runs = Array.from({ length: 10 }, (_, number) => `github/${number}`);
    const answers = (await Promise.all(runs.map((run) => claim(run, '1', shell)))).map(said);
    expect(answers.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'false'), 'true']);
    expect(await claims(remote)).toEqual([`refs/factory/claims/${key}/1`]);
    // Run again, who won still has it, and who lost still has not.
    const again = (await Promise.all(runs.map((run) => claim(run)))).map(said);
    expect(again).toEqual(answers);
  });

  it('names the run, and is on no branch', async () => {
    const remote = await remoteWithCommit();
    const claim = await claimer(remote.path);
    expect(said(await claim('github/77'))).toBe('true');
    expect(await remote.git('log', '-1', '--format=%B', `refs/factory/claims/${key}/1`)).toContain(
      'Run: github/77',
    );
    expect(await remote.branches()).toEqual(['main']);
  });

  it('of an attempt is none of another, but an earlier attempt that comes late builds nothing', async () => {
    const remote = await remoteWithCommit();
    const claim = await claimer(remote.path);
    expect(said(await claim('a', '9'))).toBe('true');
    expect(said(await claim('b', '10'))).toBe('true');
    expect(said(await claim('c', '2'))).toBe('false');
    expect(said(await claim('a', '9'))).toBe('false');
    expect(said(await claim('b', '10'))).toBe('true');
  });

  it('is known for its own where the answer of the server was lost', async () => {
    const remote = await remoteWithCommit();
    let cuts = 1;
    const url = await served(remote, { cutAfterPush: () => (cuts -= 1) >= 0 });
    const claim = await claimer(url);
    expect(said(await claim('first'))).toBe('true');
    expect(cuts).toBeLessThan(0);
    expect(said(await claim('second'))).toBe('false');
  });

  it('that cannot be made fails the run, without a secret in what it says', async () => {
    const remote = await remoteWithCommit();
    await remote.refusePushes('not today');
    const refused = await (await claimer(remote.path))('a');
    expect([refused.code, refused.outputs.size]).toEqual([1, 0]);
    expect(refused.stderr).toContain(`cannot claim ${key}/1`);
    const url = await served(remote, { credential: 'x-access-token:right' });
    const denied = await (await claimer(url, { CLAIM_TOKEN: 'wr0ng-token' }))('a');
    expect([denied.code, denied.outputs.size]).toEqual([1, 0]);
    expect(denied.stderr).not.toContain('wr0ng-token');
    expect(denied.stderr).not.toContain(Buffer.from('x-access-token:wr0ng-token').toString('base64'));
  });

  it('is not needed where a person starts the build', async () => {
    const bench = await makeBench();
    const end = await bench.run('claim.sh', { FACTORY_KEY: '', CLAIM_RUN: 'a', CLAIM_REMOTE: '/nowhere' });
    expect(said(end)).toBe('true');
  });

  it('is made in repositories with longer ids too', async () => {
    const bench = await makeBench();
    const path = join(bench.dir, 'long.git');
    await promisify(execFile)('git', ['init', '--bare', '--object-format=sha256', path]);
    const claim = await claimer(path);
    // An empty repository says nothing of its ids; with a commit it does.
    const { stdout: tree } = await promisify(execFile)('sh', [
      '-c',
      'cd "$0" && c=$(git -c user.name=a -c user.email=a@a commit-tree -m a "$(git hash-object -t tree -w --stdin </dev/null)") && git update-ref HEAD $c',
      path,
    ]);
    expect(tree).toBe('');
    expect([said(await claim('a')), said(await claim('b'))]).toEqual(['true', 'false']);
  });

  it.each([
    ['FACTORY_KEY', '../../heads/main'],
    ['FACTORY_KEY', 'a b'],
    ['FACTORY_KEY', 'a\nb'],
    ['FACTORY_KEY', '$(touch pwned)'],
    ['FACTORY_ATTEMPT', '0'],
    ['FACTORY_ATTEMPT', '1:refs/heads/main'],
    ['FACTORY_ATTEMPT', '1\n2'],
    ['CLAIM_RUN', 'a\nb'],
    ['CLAIM_REMOTE', ''],
  ])('refuses %s=%j', async (name, value) => {
    const remote = await remoteWithCommit();
    const bench = await makeBench();
    const usual = { FACTORY_KEY: key, FACTORY_ATTEMPT: '1', CLAIM_RUN: 'a', CLAIM_REMOTE: remote.path };
    const { code, outputs } = await bench.run('claim.sh', { ...usual, [name]: value });
    expect([code, outputs.size]).toEqual([1, 0]);
    expect(await claims(remote)).toEqual([]);
  });
});

const day = 86_400;
const today = 1_780_000_000;

describe('old claims', () => {
  /** Claims as runs of another day made them: `[key, attempt, days ago]`. */
  async function remoteWith(old: readonly (readonly [string, number, number])[]): Promise<GitRemote> {
    const remote = await remoteWithCommit();
    const tree = (await remote.git('rev-parse', 'main^{tree}')).trim();
    const script = [
      'cd "$0"',
      'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a GIT_AUTHOR_DATE="1700000000 +0000"',
      ...old.map(
        ([name, attempt, ago]) =>
          `git update-ref refs/factory/claims/${name}/${attempt} $(GIT_COMMITTER_DATE="${today - ago * day} +0000" git commit-tree -m 'Claim of ${name}/${attempt}' ${tree})`,
      ),
    ];
    await promisify(execFile)('sh', ['-ec', script.join('\n'), remote.path]);
    return remote;
  }

  async function claimOn(remote: string, more: Readonly<Record<string, string>> = {}): Promise<ScriptEnd> {
    const bench = await makeBench();
    await bench.tool('date', 'printf "%s\\n" "$TODAY"');
    return bench.run('claim.sh', {
      FACTORY_KEY: key,
      FACTORY_ATTEMPT: '1',
      CLAIM_RUN: 'github/1',
      CLAIM_REMOTE: remote,
      CLAIM_PRUNE_FROM: '22',
      TODAY: String(today),
      ...more,
    });
  }

  const names = (all: readonly string[]): readonly string[] =>
    all.map((ref) => ref.slice('refs/factory/claims/'.length)).filter((name) => !name.startsWith('young'));
  const young = Array.from({ length: 21 }, (_, index) => [`young${index}`, 1, index] as const);
  const own = `${key}/1`;

  it('are taken away by who wins, a key with all its attempts at once', async () => {
    const remote = await remoteWith([
      ...young,
      ['old', 1, 300],
      ['old', 2, 200],
      ['lasting', 1, 300],
      ['lasting', 2, 10],
      ['almost', 1, 100],
    ]);
    const url = await served(remote, { credential: 'x-access-token:hunter2' });
    expect(said(await claimOn(url, { CLAIM_TOKEN: 'hunter2' }))).toBe('true');
    // 20 claims are not 90 days younger than the one of 100 days ago.
    expect(names(await claims(remote))).toEqual(['almost/1', own, 'lasting/1', 'lasting/2'].toSorted());
    expect(await remote.branches()).toEqual(['main']);
  });

  it('stay where the clock of one runner is wrong', async () => {
    const remote = await remoteWith([...young, ['old', 1, 80]]);
    const end = await claimOn(remote.path, { TODAY: String(today + 1000 * day) });
    expect(said(end)).toBe('true');
    expect(names(await claims(remote))).toEqual([own, 'old/1']);
    expect(await claims(remote)).toHaveLength(23);
  });

  it('stay where there are few, where they have no date, and where this run did not win', async () => {
    const few = await remoteWith([...young.slice(0, 10), ['old', 1, 300]]);
    expect(said(await claimOn(few.path))).toBe('true');
    expect(names(await claims(few))).toEqual([own, 'old/1']);

    const odd = await remoteWith([...young, ['old', 1, (today - 1_000_000_000) / day], ['mixed', 1, 300]]);
    const blob = (await odd.git('rev-parse', 'main:Dockerfile')).trim();
    await odd.git('update-ref', 'refs/factory/claims/mixed/2', blob);
    await odd.git('update-ref', 'refs/factory/claims/blob/1', blob);
    expect(said(await claimOn(odd.path))).toBe('true');
    expect(names(await claims(odd))).toEqual(['blob/1', own, 'mixed/1', 'mixed/2', 'old/1'].toSorted());

    const lost = await remoteWith([...young, ['old', 1, 300], [key, 1, 1]]);
    expect(said(await claimOn(lost.path))).toBe('false');
    expect(names(await claims(lost))).toEqual([own, 'old/1']);
  });

  it('that cannot be taken away keep nobody from building', async () => {
    const remote = await remoteWith([...young, ['old', 1, 300]]);
    await remote.hook(
      'update',
      '#!/bin/sh\ncase $3 in *[!0]*) exit 0 ;; esac\necho no deletions >&2; exit 1\n',
    );
    const end = await claimOn(remote.path);
    expect(said(end)).toBe('true');
    expect(end.stderr).toContain('old claims were not taken away');
    expect(names(await claims(remote))).toEqual([own, 'old/1']);
  });

  it('are still known by a run that is run again on another day', async () => {
    const remote = await remoteWith(young);
    expect(said(await claimOn(remote.path))).toBe('true');
    const later = { TODAY: String(today + 20 * day) };
    expect(said(await claimOn(remote.path, later))).toBe('true');
    expect(said(await claimOn(remote.path, { ...later, CLAIM_RUN: 'github/2' }))).toBe('false');
  });
});
