import { createHash } from 'node:crypto';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type {
  FileFault,
  ProposalBranches,
  RequestWords,
  ShownRequest,
  SourceRequests,
} from '@image-factory/core/ports/proposals.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import type { SimulatedProcess } from './scheduler.ts';
import type { World } from './world.ts';

export interface SimulatedRequest extends ShownRequest {
  readonly branch: string;
  readonly image: string;
  readonly comments: readonly string[];
}

interface SimulatedBranch {
  readonly head: string;
  readonly isOurs: boolean;
  readonly madeOn: string | undefined;
  /** The files that differ from the source. */
  readonly files: ReadonlyMap<string, string>;
  /** The first of them. */
  readonly text: string;
}

export interface RequestsOptions {
  /** Chance that the answer to a create is lost although the request was made. */
  readonly lostAnswers?: number;
  /** It makes a second open request of a branch: to show what the look-up alone is worth. */
  readonly doubles?: boolean;
}

/** A forge with pull requests, and the branches that they come from, in virtual time. */
export class SimulatedRequests {
  readonly all: SimulatedRequest[] = [];
  readonly branches = new Map<string, SimulatedBranch>();
  /** Commits of others that a push went over. */
  overwritten = 0;
  /** What was committed on the source branch itself. */
  readonly commits: { readonly subject: string; readonly files: ReadonlyMap<string, string> }[] = [];
  #mainHead = 'c0ffee';
  readonly #world: World;
  readonly #options: RequestsOptions;

  constructor(world: World, options: RequestsOptions = {}) {
    this.#world = world;
    this.#options = options;
  }

  open(): readonly SimulatedRequest[] {
    return this.all.filter(({ state }) => state === 'open');
  }

  /** A person merges the open request of a branch. */
  merge(branch: string): void {
    for (const [file, text] of this.#branch(branch).files) this.#world.dockerfiles.set(file, text);
    this.#change(this.#openOf(branch).number, { state: 'merged' });
  }

  /** A person closes it. */
  decline(branch: string): void {
    this.#change(this.#openOf(branch).number, { state: 'closed' });
  }

  /** A person writes other words. */
  edit(branch: string, words: RequestWords): void {
    this.#change(this.#openOf(branch).number, words);
  }

  /** Somebody commits to the branch. */
  commit(branch: string, text: string): void {
    const head = idOf(`theirs ${text}`);
    const before = this.#branch(branch);
    const files = new Map([...before.files.keys()].map((file) => [file, text]));
    this.branches.set(branch, { head, files, text, isOurs: false, madeOn: undefined });
  }

  #branch(branch: string): SimulatedBranch {
    const found = this.branches.get(branch);
    if (!found) throw new Error(`no branch ${branch}`);
    return found;
  }

  #openOf(branch: string): SimulatedRequest {
    const found = this.open().find((request) => request.branch === branch);
    if (!found) throw new Error(`no open request of ${branch}`);
    return found;
  }

  #change(number: number, more: Partial<SimulatedRequest>): void {
    const at = this.all.findIndex((request) => request.number === number);
    const found = this.all[at];
    if (!found) throw new Error(`no request ${number}`);
    this.all[at] = { ...found, ...more };
  }

  requests(process: SimulatedProcess): SourceRequests {
    const at = (label: string): Promise<void> => this.#world.at(process, label);
    return {
      provider: 'github',
      find: async (_image, branch) => {
        await at('find request');
        const own = this.all.filter((request) => request.branch === branch);
        return own.findLast(({ state }) => state === 'open') ?? own.at(-1);
      },
      create: async (image, branch, _into, words) => {
        await at('create request');
        const isOpen = this.open().some((request) => request.branch === branch);
        if (isOpen && !this.#options.doubles) return undefined;
        const made = this.#made(image, branch, words);
        await at('created request');
        if (this.#world.options.random() < (this.#options.lostAnswers ?? 0)) throw unanswered();
        return made;
      },
      update: async (_image, number, { title, body }) => {
        await at('update request');
        this.#change(number, { title, body });
        await at('updated request');
      },
      close: async (_image, number, comment) => {
        await at('close request');
        const found = this.all.find((request) => request.number === number);
        this.#change(number, { state: 'closed', comments: [...(found?.comments ?? []), comment] });
        await at('closed request');
      },
    };
  }

  #made(image: ManagedEnrolment, branch: string, { title, body }: RequestWords): SimulatedRequest {
    const number = this.all.length + 1;
    const made: SimulatedRequest = {
      number,
      url: `https://forge.test/requests/${number}`,
      state: 'open',
      title,
      body,
      branch,
      image: image.name,
      comments: [],
    };
    this.all.push(made);
    return made;
  }

  branchesFor(process: SimulatedProcess): ProposalBranches {
    const at = (label: string): Promise<void> => this.#world.at(process, label);
    return {
      read: async (_image, branch, paths) => {
        await at('read branch');
        const { dockerfiles } = this.#world;
        const textAt = (file: string): Result<string, FileFault> => {
          const text = dockerfiles.get(file);
          return text === undefined ? err({ kind: 'missing', message: `no file ${file}` }) : ok(text);
        };
        const own = this.branches.get(branch);
        return {
          into: 'main',
          commit: this.#mainHead,
          files: new Map(paths.map((file) => [file, textAt(file)])),
          proposed: own && {
            ...own,
            files: new Map(paths.map((file) => [file, own.files.get(file) ?? dockerfiles.get(file)])),
            changed: [...own.files.keys()],
          },
        };
      },
      push: async (_image, { branch, files, parent, expected, subject }) => {
        await at('push branch');
        if (branch === 'main') {
          if (this.#mainHead !== parent || this.#mainHead !== expected) return undefined;
          for (const [file, text] of files) this.#world.dockerfiles.set(file, text);
          this.#mainHead = idOf(`${parent} ${subject}`);
          this.commits.push({ subject, files: new Map(files) });
          await at('pushed branch');
          if (this.#world.options.random() < (this.#options.lostAnswers ?? 0)) throw unanswered();
          return this.#mainHead;
        }
        const now = this.branches.get(branch);
        if (now?.head !== expected) return undefined;
        if (now && !now.isOurs) this.overwritten += 1;
        const head = idOf(`${parent} ${JSON.stringify([...files])} ${this.#world.now}`);
        const [text = ''] = files.values();
        this.branches.set(branch, { head, isOurs: true, madeOn: parent, files: new Map(files), text });
        await at('pushed branch');
        return head;
      },
      remove: async (_image, branch, expected) => {
        await at('remove branch');
        if (this.branches.get(branch)?.head === expected) this.branches.delete(branch);
      },
    };
  }
}

function idOf(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function unanswered(): FactoryError {
  return new FactoryError({
    code: 'CI_UNREACHABLE',
    message: 'no answer came',
    hint: 'Look for the request.',
  });
}
