import { checkConfig, cleanPath, ConfigRefused, treeOf, type StepRunner } from './step-run.ts';

interface Checkout {
  readonly path: string;
  readonly branch?: string;
  readonly commit?: string;
  readonly tag?: string;
  readonly create?: boolean;
  readonly as?: string;
  readonly sparse?: readonly string[];
}

const checkoutShape = {
  path: 'text!',
  branch: 'text',
  commit: 'text',
  tag: 'text',
  create: 'flag',
  as: 'text',
  sparse: 'list',
} as const;

/** Source: kargo.md section 2, "git-clone". */
export const runGitClone: StepRunner = async ({ config, promotion, outside }) => {
  checkConfig(config, {
    repoURL: 'text!',
    checkout: 'list!',
    author: 'map',
    blobless: 'flag',
    recurseSubmodules: 'flag',
    insecureSkipTLSVerify: 'flag',
  });
  const repoUrl = config['repoURL'] as string;
  const commits: Record<string, string> = {};
  for (const checkout of config['checkout'] as readonly Checkout[]) {
    checkConfig(checkout as unknown as Record<string, unknown>, checkoutShape);
    const { path, branch, commit, tag, sparse, as } = checkout;
    if ([branch, commit, tag].filter((each) => each !== undefined).length > 1)
      throw new ConfigRefused('checkout: branch, commit and tag exclude each other');
    const what = {
      ...(branch === undefined ? {} : { branch }),
      ...(commit === undefined ? {} : { commit }),
      ...(tag === undefined ? {} : { tag }),
    };
    const found = await outside.checkOut(repoUrl, what);
    if (!found) return { status: 'Errored', error: `${repoUrl} has no ${JSON.stringify(what)}` };
    const root = cleanPath(path);
    const files = [...found.files].filter(([file]) => isWithin(file, sparse));
    promotion.trees.set(root, {
      repoUrl,
      branch,
      commit: found.commit,
      files: new Map(files),
      committed: new Map(files),
    });
    commits[as ?? path] = found.commit;
  }
  return { status: 'Succeeded', output: { commits } };
};

/** As git's cone mode: the named folders, and the files at the root. */
function isWithin(file: string, sparse: readonly string[] | undefined): boolean {
  if (sparse === undefined || !file.includes('/')) return true;
  return sparse.some((folder) => file.startsWith(`${cleanPath(folder)}/`));
}

/** Source: kargo.md section 2, "git-commit". Without a change there is nothing to commit, and the step is skipped. */
export const runGitCommit: StepRunner = async ({ config, promotion, outside }) => {
  checkConfig(config, { path: 'text!', message: 'text!', author: 'map' });
  const found = treeOf(promotion, config['path'] as string);
  if (!found) return { status: 'Errored', error: `${config['path'] as string} is no working tree` };
  const { tree } = found;
  const changes = new Map([...tree.files].filter(([file, text]) => tree.committed.get(file) !== text));
  if (changes.size === 0) return { status: 'Skipped', output: { commit: tree.commit } };
  const message = config['message'] as string;
  tree.commit = await outside.commit(tree.repoUrl, { onto: tree.commit, message, changes });
  tree.committed = new Map(tree.files);
  return { status: 'Succeeded', output: { commit: tree.commit } };
};

/** Without `maxAttempts`. */
const usualAttempts = 10;

/**
 * To a branch that is named, to one of the promotion's own, or to the one that was checked out. What came in between is
 * rebased upon, unless the push is forced. Source: kargo.md sections 0 ("Due in 1.12") and 2, "git-push"; kargo v1.11,
 * git_pusher.go.
 */
export const runGitPush: StepRunner = async ({ config, promotion, outside }) => {
  checkConfig(config, {
    path: 'text!',
    targetBranch: 'text',
    generateTargetBranch: 'flag',
    maxAttempts: 'count',
    force: 'flag',
    provider: 'text',
  });
  const generate = config['generateTargetBranch'] === true;
  const target = config['targetBranch'] as string | undefined;
  if (generate && target !== undefined)
    throw new ConfigRefused('targetBranch and generateTargetBranch exclude each other');
  const found = treeOf(promotion, config['path'] as string);
  if (!found) return { status: 'Errored', error: `${config['path'] as string} is no working tree` };
  const { tree } = found;
  const branch = generate ? `kargo/promotion/${promotion.name}` : (target ?? tree.branch);
  if (branch === undefined) return { status: 'Errored', error: 'there is no branch to push to' };
  const force = generate || config['force'] === true;
  const attempts = (config['maxAttempts'] as number | undefined) ?? usualAttempts;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const pushed = await outside.push(tree.repoUrl, branch, { commit: tree.commit, force });
    if (pushed === 'conflict')
      return { status: 'Failed', error: `a conflict with ${branch}`, terminal: true };
    if (pushed === 'behind') continue;
    tree.commit = pushed.commit;
    return { status: 'Succeeded', output: { branch, commit: pushed.commit } };
  }
  return { status: 'Errored', error: `the push to ${branch} was refused ${attempts} times` };
};
