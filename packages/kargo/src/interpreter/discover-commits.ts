import { matches } from './pattern.ts';
import type { GitSubscription } from '../manifests/warehouse.ts';
import { evaluate } from './expression.ts';
import { truth } from './expression-values.ts';
import type { FreightCommit } from './freight.ts';
import type { Commit, Outside } from './outside.ts';

/** The newest commit of a branch that passes the filters. Source: kargo.md section 1, "Git subscription". */
export async function discoverCommit(
  outside: Outside,
  subscription: GitSubscription,
): Promise<FreightCommit | undefined> {
  const { repoURL, commitSelectionStrategy = 'NewestFromBranch' } = subscription;
  if (commitSelectionStrategy !== 'NewestFromBranch')
    throw new Error(`${commitSelectionStrategy} is not known to this interpreter`);
  if ('since' in subscription) throw new Error('since is not known to this interpreter');
  const branch = 'branch' in subscription ? subscription.branch : undefined;
  const commits = await outside.listCommits(repoURL, branch);
  const commit = newestOf(commits, subscription);
  if (!commit) return undefined;
  const { id, message, author, committer } = commit;
  return { repoUrl: repoURL, id, branch: branch ?? '', message: message.trim(), author, committer };
}

/** The same list is not gone through again: Kargo looks no further either while the refs are unchanged. */
const lastAnswers = new WeakMap<
  GitSubscription,
  { readonly commits: readonly Commit[]; readonly commit: Commit | undefined }
>();

function newestOf(commits: readonly Commit[], subscription: GitSubscription): Commit | undefined {
  const known = lastAnswers.get(subscription);
  if (known?.commits === commits) return known.commit;
  const commit = commits.find((each) => passes(each, subscription));
  lastAnswers.set(subscription, { commits, commit });
  return commit;
}

function passes(
  commit: Commit,
  { expressionFilter, includePaths, excludePaths = [] }: GitSubscription,
): boolean {
  const touched = commit.paths.some(
    (path) =>
      (includePaths === undefined || includePaths.some((selector) => selects(selector, path))) &&
      !excludePaths.some((selector) => selects(selector, path)),
  );
  if ((includePaths !== undefined || excludePaths.length > 0) && !touched) return false;
  if (expressionFilter === undefined) return true;
  const names = new Map<string, unknown>([
    ['id', commit.id],
    ['author', commit.author],
    ['committer', commit.committer],
    ['subject', commit.message.split('\n', 1)[0] ?? ''],
  ]);
  return truth(evaluate(expressionFilter, names));
}

/** A path, everything below a folder, or a pattern with its prefix. */
function selects(selector: string, path: string): boolean {
  const [, kind, source = ''] = /^(regexp?|glob):(.*)$/s.exec(selector) ?? [];
  if (kind === undefined) {
    const folder = selector.replace(/\/+$/, '');
    return folder === '.' || folder === '' || path === folder || path.startsWith(`${folder}/`);
  }
  return matches(path, kind === 'glob' ? globPattern(source) : source);
}

function globPattern(glob: string): string {
  const body = [...glob.matchAll(/\*\*\/?|\*|\?|[^*?]/g)].map(([part]) => {
    if (part.startsWith('**')) return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  });
  return `^${body.join('')}$`;
}
