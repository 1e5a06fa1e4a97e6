import { readKargoDuration } from '../../manifests/duration.ts';
import { second } from '@image-factory/core/time.ts';
import type { Forge } from '../outside.ts';
import { checkConfig, ConfigRefused, type StepRunner } from './step-run.ts';

const providers = ['azure', 'bitbucket', 'gitea', 'github', 'gitlab'];

/**
 * An open request from this branch, at its head, into the other is taken for its own; one that was merged or closed is not.
 * Source: kargo.md section 2, "git-open-pr"; kargo v1.11, git_pr_opener.go.
 */
export const runGitOpenPr: StepRunner = async ({ config, outside }) => {
  checkConfig(config, {
    repoURL: 'text!',
    sourceBranch: 'text!',
    targetBranch: 'text!',
    title: 'text',
    description: 'text',
    labels: 'list',
    provider: 'text',
    insecureSkipTLSVerify: 'flag',
  });
  const forge = forgeOf(config);
  if (!forge) return { status: 'Errored', error: 'no git provider is known for this URL' };
  const from = config['sourceBranch'] as string;
  const into = config['targetBranch'] as string;
  const source = await outside.checkOut(forge.repoUrl, { branch: from });
  if (!source) return { status: 'Errored', error: `there is no branch ${from}` };
  const known = (await outside.openPullRequests(forge, { from, into })).find(
    ({ headCommit }) => headCommit === source.commit,
  );
  if (known) return { status: 'Succeeded', output: { pr: { id: known.number, url: known.url } } };
  const target = await outside.checkOut(forge.repoUrl, { branch: into });
  if (!target) return { status: 'Errored', error: `target branch ${into} does not exist` };
  if (sameFiles(source.files, target.files)) return { status: 'Skipped' };
  const [commit] = await outside.listCommits(forge.repoUrl, from);
  const message = commit?.message.trim() ?? '';
  const [subject = '', ...rest] = message.split('\n');
  const title = config['title'] as string | undefined;
  const made = await outside.createPullRequest(forge, {
    from,
    into,
    title: title ?? subject,
    description: (config['description'] as string | undefined) ?? (title ? message : rest.join('\n')),
    labels: (config['labels'] as readonly string[] | undefined) ?? [],
  });
  return { status: 'Succeeded', output: { pr: { id: made.number, url: made.url } } };
};

function sameFiles(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, text]) => b.get(path) === text);
}

const usualPoll = 30 * second;
const shortestPoll = 10 * second;

/** Source: kargo.md section 2, "git-wait-for-pr"; kargo v1.11, git_pr_waiter.go. */
export const runGitWaitForPr: StepRunner = async ({ config, outside }) => {
  checkConfig(config, {
    repoURL: 'text!',
    prNumber: 'count!',
    provider: 'text',
    pollInterval: 'text',
    insecureSkipTLSVerify: 'flag',
  });
  const forge = forgeOf(config);
  if (!forge) return { status: 'Errored', error: 'no git provider is known for this URL' };
  const number = config['prNumber'] as number;
  const found = await outside.pullRequest(forge, number);
  if (!found) return { status: 'Errored', error: `there is no pull request ${number}` };
  const open = found.state === 'open';
  const merged = found.state === 'merged';
  const output = {
    pr: { id: found.number, url: found.url, open, merged },
    ...(merged ? { commit: found.headCommit } : {}),
  };
  if (open) {
    const poll = readKargoDuration((config['pollInterval'] as string | undefined) ?? '') ?? usualPoll;
    return { status: 'Running', output, again: Math.max(poll, shortestPoll) };
  }
  if (merged) return { status: 'Succeeded', output };
  return { status: 'Failed', output, error: `pull request ${number} was closed`, terminal: true };
};

/** Named, or guessed by the host. */
function forgeOf(config: Readonly<Record<string, unknown>>): Forge | undefined {
  const repoUrl = config['repoURL'] as string;
  const named = config['provider'] as string | undefined;
  if (named !== undefined && !providers.includes(named))
    throw new ConfigRefused(`there is no provider ${named}`);
  const host = /^https?:\/\/(?:[^/@]*@)?([^/:]+)/.exec(repoUrl)?.[1] ?? '';
  const provider = named ?? providers.find((each) => host.includes(each));
  return provider === undefined ? undefined : { provider, repoUrl };
}
