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
