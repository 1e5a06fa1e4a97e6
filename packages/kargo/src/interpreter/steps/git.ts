import { checkConfig, cleanPath, ConfigRefused, treeOf, type StepRunner } from './step-run.ts';

interface Checkout {
  readonly path: string;
  readonly branch?: string;
  readonly commit?: string;
  readonly tag?: string;
  readonly create?: boolean;
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
    const { path, branch, commit, tag, sparse } = checkout;
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
      changed: false,
      committed: undefined,
    });
    commits[root] = found.commit;
  }
  return { status: 'Succeeded', output: { commits } };
};

/** As git's cone mode: the named folders, and the files at the root. */
function isWithin(file: string, sparse: readonly string[] | undefined): boolean {
  if (sparse === undefined || !file.includes('/')) return true;
  return sparse.some((folder) => file.startsWith(`${cleanPath(folder)}/`));
}

/** Source: kargo.md section 2, "git-commit". Without a change there is nothing to commit, and the step is skipped. */
export const runGitCommit: StepRunner = ({ config, promotion }) => {
  checkConfig(config, { path: 'text!', message: 'text!', author: 'map' });
  const found = treeOf(promotion, config['path'] as string);
  if (!found) return { status: 'Errored', error: `${config['path'] as string} is no working tree` };
  const { tree } = found;
  if (!tree.changed) return { status: 'Skipped' };
  tree.changed = false;
  tree.committed = config['message'] as string;
  return { status: 'Succeeded', output: { commit: tree.commit } };
};

/** Source: kargo.md section 2, "git-push"; only to a branch that is named, or to the one that was checked out. */
export const runGitPush: StepRunner = async ({ config, promotion, outside }) => {
  checkConfig(config, {
    path: 'text!',
    targetBranch: 'text',
    maxAttempts: 'count',
    force: 'flag',
    provider: 'text',
  });
  const found = treeOf(promotion, config['path'] as string);
  if (!found) return { status: 'Errored', error: `${config['path'] as string} is no working tree` };
  const { tree } = found;
  const branch = (config['targetBranch'] as string | undefined) ?? tree.branch;
  if (branch === undefined || tree.committed === undefined)
    return { status: 'Errored', error: 'there is nothing to push, or nowhere to push it to' };
  const commit = await outside.push(tree.repoUrl, branch, {
    onto: tree.commit,
    message: tree.committed,
    files: tree.files,
  });
  if (commit === undefined) return { status: 'Errored', error: `the push to ${branch} was refused` };
  tree.commit = commit;
  tree.committed = undefined;
  return { status: 'Succeeded', output: { branch, commit } };
};
