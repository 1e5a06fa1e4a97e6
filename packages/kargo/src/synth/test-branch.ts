import type { KargoInterpreter } from '../interpreter/interpreter.ts';
import type { CheckedOut, Commit } from '../interpreter/outside.ts';
import { TestOutside } from '../interpreter/test-outside.ts';
import { factoryUrl } from './test-factory.ts';

/** The branch of the state, with a snapshot of its files at each commit. */
export class Branch extends TestOutside {
  readonly #snapshots = new Map<string, ReadonlyMap<string, string>>();
  readonly #head = new Map<string, string>();

  write(subject: string, files: Readonly<Record<string, string | null>>): Commit {
    for (const [name, text] of Object.entries(files))
      if (text === null) this.#head.delete(name);
      else this.#head.set(name, text);
    const commit = this.committed(subject, Object.keys(files));
    this.#snapshots.set(commit.id, new Map(this.#head));
    return commit;
  }

  override listCommits(repoUrl?: string, branch?: string): Promise<readonly Commit[]> {
    return Promise.resolve(repoUrl === factoryUrl && branch === 'image-factory/state' ? this.commits : []);
  }

  override checkOut(_repoUrl?: string, what: { readonly commit?: string } = {}): Promise<CheckedOut> {
    const commit = what.commit ?? this.commits[0]?.id ?? '';
    return Promise.resolve({ commit, files: this.#snapshots.get(commit) ?? new Map() });
  }

  override secret(name: string) {
    return { token: `token of ${name}` };
  }
}

/** Lets time pass in a simulated Kargo, with everything that is due in it. */
export function passing(kargo: KargoInterpreter): (duration: number) => Promise<void> {
  let now = 0;
  return async (duration) => {
    const until = now + duration;
    for (;;) {
      now = Math.max(kargo.nextAt() ?? until, now);
      if (now >= until) break;
      await kargo.reconcile(now);
    }
    now = until;
    await kargo.reconcile(now);
  };
}
