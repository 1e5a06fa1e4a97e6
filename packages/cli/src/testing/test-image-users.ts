import type { ImageUser } from '@image-factory/core/enrolment/image-users.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { KargoInterpreter } from '@image-factory/kargo/interpreter/interpreter.ts';
import type {
  Commit,
  Forge,
  ForgeOutside,
  GitOutside,
  NewCommit,
} from '@image-factory/kargo/interpreter/outside.ts';
import { TestOutside } from '@image-factory/kargo/interpreter/test-outside.ts';
import { synthesize } from '@image-factory/kargo/synth/test-factory.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { enrolment, stateOf } from '@image-factory/testing/records.ts';
import { ControllerForges, forgeRepository, type ForgeRepository } from './test-controller-forges.ts';
import { ControllerGit } from './test-controller-git.ts';

export const image = 'ghcr.io/acme/web';
export const urls = {
  github: 'https://github.com/acme/deploy.git',
  gitlab: 'https://gitlab.com/acme/apps/deploy.git',
} as const;

/** `sha256:` and so many of one letter. */
export function digestOf(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

class UsersOutside extends TestOutside {
  readonly git: ControllerGit;
  readonly #forges: ControllerForges;
  readonly #remotes: ReadonlyMap<string, GitRemote>;

  constructor(remotes: ReadonlyMap<string, GitRemote>, forges: ReadonlyMap<string, ForgeRepository>) {
    super();
    this.#remotes = remotes;
    this.#forges = new ControllerForges(forges);
    this.git = new ControllerGit(remotes, (url, branch, commit) =>
      forges.get(url)?.store.heads.set(branch, commit),
    );
  }

  override listCommits(repoUrl?: string, branch?: string): Promise<readonly Commit[]> {
    if (repoUrl === undefined || !this.#remotes.has(repoUrl)) return Promise.resolve([]);
    return this.git.listCommits(repoUrl, branch);
  }

  override checkOut(...[repoUrl, what]: Partial<Parameters<GitOutside['checkOut']>>) {
    return this.git.checkOut(repoUrl ?? '', what ?? {}) as ReturnType<TestOutside['checkOut']>;
  }

  override commit(repoUrl: string, commit: NewCommit) {
    return this.git.commit(repoUrl, commit);
  }

  override push(...given: Parameters<GitOutside['push']>) {
    return this.git.push(...given);
  }

  override openPullRequests(...[forge, branches]: Partial<Parameters<ForgeOutside['openPullRequests']>>) {
    return this.#forges.openPullRequests(forge as Forge, branches ?? { from: '', into: '' });
  }

  override createPullRequest(...[forge, request]: Partial<Parameters<ForgeOutside['createPullRequest']>>) {
    return this.#forges.createPullRequest(
      forge as Forge,
      request as Parameters<ForgeOutside['createPullRequest']>[1],
    );
  }

  /** Looks at one pull request. */
  forgeCalls = 0;

  override pullRequest(...[forge, number]: Partial<Parameters<ForgeOutside['pullRequest']>>) {
    this.forgeCalls += 1;
    return this.#forges.pullRequest(forge as Forge, number ?? 0);
  }
}

/** An image with users in repositories of git, at forges: what `synth` makes of them runs on the interpreter. */
export class ImageUsers {
  readonly outside: UsersOutside;
  readonly kargo: KargoInterpreter;
  readonly github: GitRemote;
  readonly gitlab: GitRemote;
  readonly forges: ReadonlyMap<string, ForgeRepository>;
  #now = 0;

  static async open(users: readonly ImageUser[]): Promise<ImageUsers> {
    return new ImageUsers(await createGitRemote(), await createGitRemote(), users);
  }

  private constructor(github: GitRemote, gitlab: GitRemote, users: readonly ImageUser[]) {
    this.github = github;
    this.gitlab = gitlab;
    this.forges = new Map([
      [urls.github, forgeRepository('github', 'acme/deploy')],
      [urls.gitlab, forgeRepository('gitlab', 'acme/apps/deploy')],
    ]);
    this.outside = new UsersOutside(
      new Map([
        [urls.github, github],
        [urls.gitlab, gitlab],
      ]),
      this.forges,
    );
    this.kargo = new KargoInterpreter(this.outside);
    const images = [
      enrolment({
        name: 'web',
        tags: ['1.10'],
        updates: users,
        source: { provider: 'github', repo: 'acme/web', branch: 'main' },
      }),
    ];
    const { manifests, problems } = synthesize(images, stateOf());
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    this.kargo.apply(manifests);
  }

  /** A build, and the time that Kargo takes to see it. */
  async build(digest: string): Promise<void> {
    this.outside.image(`${image}:1.10`, digest);
    await this.pass(30 * minute);
  }

  async pass(time: Duration): Promise<void> {
    const until = this.#now + time;
    for (; this.#now < until; this.#now = Math.min(until, this.#next()))
      await this.kargo.reconcile(this.#now);
    await this.kargo.reconcile(this.#now);
  }

  #next(): number {
    return Math.max(this.kargo.nextAt() ?? Number.POSITIVE_INFINITY, this.#now + 1);
  }

  /** The Freight of the image that the Stage has, once more. */
  async promoteAgain(stage: string): Promise<void> {
    const last = this.kargo.promotions(stage).at(-1);
    if (!last) throw new Error(`nothing was promoted to ${stage}`);
    this.kargo.promote(stage, last.freight, this.#now);
    await this.pass(minute);
  }

  phases(stage: string): readonly string[] {
    return this.kargo.promotions(stage).map(({ phase }) => phase);
  }

  remoteOf(provider: 'github' | 'gitlab'): GitRemote {
    return this[provider];
  }

  requestsAt(provider: 'github' | 'gitlab') {
    const found = this.forges.get(urls[provider]);
    if (!found) throw new Error(provider);
    return found.store.all;
  }

  /** As its button does, where the branch is ahead of the one that it goes into. */
  async merge(provider: 'github' | 'gitlab', number: number): Promise<void> {
    const request = this.requestsAt(provider).find((each) => each.number === number);
    const remote = this.remoteOf(provider);
    if (!request) throw new Error(`no request ${number}`);
    await remote.git('merge-base', '--is-ancestor', request.into, request.branch);
    await remote.git('update-ref', `refs/heads/${request.into}`, `refs/heads/${request.branch}`);
    request.state = 'merged';
  }

  /** Throws where a forge was asked what no forge understands. */
  async close(): Promise<void> {
    await Promise.all([this.outside.git.remove(), this.github.remove(), this.gitlab.remove()]);
    const mistakes = [...this.forges.values()].flatMap(({ store }) => store.mistakes);
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  }
}
