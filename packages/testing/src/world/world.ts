import type { ManagedEnrolment, Source } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Described, Look, Registry } from '@image-factory/core/ports/registry.ts';
import type { SourceTree } from '@image-factory/core/ports/source.ts';
import type { StateSnapshot, StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import type { Digest, PlatformName, Reference } from '@image-factory/core/reference/types.ts';
import { err, ok } from '@image-factory/core/result.ts';
import type { PlatformContent } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { createHash } from 'node:crypto';
import { SimulatedCi, type SimulatedRun } from './ci.ts';
import { LookMemory } from './looks.ts';
import type { WorldOptions } from './options.ts';
import type { Scheduler, SimulatedProcess } from './scheduler.ts';

/** The outside of the engine in memory and in virtual time: a registry, a source repository, a CI, a state remote. */
export class World {
  readonly ci: SimulatedCi;
  readonly manifests = new Map<string, Described>();
  readonly tags = new Map<string, Digest>();
  readonly dockerfiles = new Map<string, string>();
  readonly options: WorldOptions;
  readonly scheduler: Scheduler;
  /** A call of this label fails with what it answers. */
  fault: (label: string, process: SimulatedProcess) => Problem | undefined = () => undefined;
  files: ReadonlyMap<string, string> = new Map();
  version = 0;
  /** Commits with the paths that they touched, and all files as they were afterwards. */
  readonly commits: {
    readonly subject: string;
    readonly paths: readonly string[];
    readonly at: Instant;
    readonly files: ReadonlyMap<string, string>;
  }[] = [];
  /** Calls so far, by label. */
  readonly calls = new Map<string, number>();
  readonly #machine: LookMemory;

  constructor(scheduler: Scheduler, options: WorldOptions) {
    this.scheduler = scheduler;
    this.options = options;
    this.ci = new SimulatedCi(this);
    this.#machine = this.#newMemory();
  }

  get now(): Instant {
    return this.scheduler.now;
  }

  set now(instant: Instant) {
    this.scheduler.now = instant;
    this.ci.catchUp();
  }

  get runs(): readonly SimulatedRun[] {
    return this.ci.runs;
  }

  /** A point in the schedule at which the call may fail. */
  async at(process: SimulatedProcess, label: string): Promise<void> {
    await this.scheduler.point(process, label);
    this.calls.set(label, (this.calls.get(label) ?? 0) + 1);
    this.ci.catchUp();
    const problem = this.fault(label, process);
    if (process.dead) await new Promise(() => undefined);
    if (problem) throw new FactoryError(problem);
  }

  /** Runs per image and key that really built and were neither cancelled nor cut off. */
  buildsPerKey(): Map<string, number> {
    this.ci.catchUp();
    const builds = new Map<string, number>();
    for (const run of this.runs) {
      if (!run.built || (run.ended && !run.digest)) continue;
      const key = `${run.image} ${run.key}`;
      builds.set(key, (builds.get(key) ?? 0) + 1);
    }
    return builds;
  }

  /** Attempts of a key that were built more than once, whatever came of it. */
  doubledAttempts(): string[] {
    const builds = new Map<string, number>();
    for (const { image, key, attempt, built } of this.runs) {
      if (built)
        builds.set(`${image} ${key}/${attempt}`, (builds.get(`${image} ${key}/${attempt}`) ?? 0) + 1);
    }
    return [...builds].filter(([, count]) => count > 1).map(([attempt]) => attempt);
  }

  /** Moves a tag to an image with these layers. */
  push(name: string, layers: readonly string[], annotations: Readonly<Record<string, string>> = {}): Digest {
    const repository = name.slice(0, name.lastIndexOf(':'));
    const digest = this.#store(repository, layers.map(hash), annotations);
    this.tags.set(name, digest);
    return digest;
  }

  #store(
    repository: string,
    diffIds: readonly Digest[],
    annotations: Readonly<Record<string, string>>,
  ): Digest {
    const content: PlatformContent = {
      digest: hash(`manifest ${diffIds.join()} ${JSON.stringify(annotations)}`),
      diffIds,
      config: hash('config'),
    };
    const digest = hash(`index ${content.digest}`);
    this.manifests.set(`${repository}@${digest}`, {
      digest,
      platforms: { ['linux/amd64' as PlatformName]: content },
      annotations,
    });
    return digest;
  }

  /** Pushes what a run built: the pinned base's layers and one of its own. */
  pushBuilt({ id, key, request }: SimulatedRun): Digest {
    const { image, pins, dependencies } = request;
    const final = dependencies.find((use) => use.final && use.kind === 'from');
    const pin = pins.find(({ base }) => base === final?.base);
    const below = pin
      ? this.manifests.get(`${pin.reference.slice(0, pin.reference.lastIndexOf(':'))}@${pin.digest}`)
      : undefined;
    const layers = Object.values(below?.platforms ?? {})[0]?.diffIds ?? [];
    return this.pushLayers(image, [...layers, hash(`${image.name} ${key} ${id}`)], key);
  }

  pushLayers(image: ManagedEnrolment, diffIds: readonly Digest[], key: string): Digest {
    const repository = `${image.registry}/${image.repository}`;
    const digest = this.#store(repository, diffIds, { 'io.image-factory.build-key': key });
    for (const tag of image.tags) this.tags.set(`${repository}:${tag}`, digest);
    return digest;
  }

  clock(process: SimulatedProcess): Clock {
    return {
      now: () => this.now + process.clockOffset,
      monotonic: () => this.now - process.slept,
      sleep: (duration, signal) => this.scheduler.sleep(process, duration, signal),
    };
  }

  store(process: SimulatedProcess): StateStore {
    const own = new Map<string, string>();
    const snapshot = (): StateSnapshot => ({
      version: String(this.version),
      files: new Map([...this.files, ...own]),
    });
    return {
      read: async () => {
        await this.at(process, 'read state');
        return snapshot();
      },
      commit: async (transaction) => {
        for (;;) {
          const seen = this.version;
          const changes = transaction.change(new Map([...this.files, ...own]));
          if (changes.size === 0) return snapshot();
          await this.at(process, `commit "${transaction.subject}"`);
          const refused = this.options.random() < (this.options.refusals ?? 0);
          if (refused || (seen !== this.version && !this.options.blindCommits)) continue;
          this.#write(transaction.subject, changes, own);
          const done = snapshot();
          await this.at(process, `committed "${transaction.subject}"`);
          // What others committed since is not in the answer: it is the state after this commit.
          return done;
        }
      },
    };
  }

  #write(subject: string, changes: ReadonlyMap<string, string | null>, own: Map<string, string>): void {
    const files = new Map(this.files);
    for (const [path, text] of changes) {
      const target = this.options.forgetIntents && path.startsWith('intents/') ? own : files;
      if (text === null) target.delete(path);
      else target.set(path, text);
    }
    this.files = files;
    this.version++;
    this.commits.push({ subject, paths: [...changes.keys()], at: this.now, files });
  }

  /** A person's commit. */
  edit(path: string, change: (text: string | undefined) => string | null): void {
    this.#write('By hand', new Map([[path, change(this.files.get(path))]]), new Map());
  }

  #newMemory(): LookMemory {
    return new LookMemory(this.options.minInterval ?? (() => 0));
  }

  registry(process: SimulatedProcess): Registry {
    const memory = this.options.ownLooks ? this.#newMemory() : this.#machine;
    let asked: { remote: Instant; local: Instant }[] = [];
    const ask = async <T>(label: string, answer: () => T): Promise<T> => {
      await this.at(process, label);
      asked.push({ remote: this.now, local: this.now + process.clockOffset });
      return answer();
    };
    return {
      look: async (reference, { force = false, signal } = {}): Promise<Look> => {
        signal?.throwIfAborted();
        const name = nameOf(reference);
        const local = (): Instant => this.now + process.clockOffset;
        const remembered = force ? undefined : memory.answer(name, local());
        if (remembered) return remembered;
        const askedFrom = local();
        const seen = await ask(`look ${name}`, () => this.tags.get(name));
        await this.at(process, `looked ${name}`);
        signal?.throwIfAborted();
        return memory.enter(name, seen, local(), askedFrom);
      },
      describe: (reference, digest) =>
        ask('describe', () => this.manifests.get(`${reference.domain}/${reference.path}@${digest}`)),
      serves: (reference, digest) =>
        ask(`serves ${reference.domain}/${reference.path}`, () =>
          this.manifests.has(`${reference.domain}/${reference.path}@${digest}`),
        ),
      listTags: ({ domain, path }) =>
        ask(`list tags ${domain}/${path}`, () => this.#tagsOf(`${domain}/${path}`)),
      referrers: async () => [],
      retag: ({ domain, path, tag = 'latest' }, digest) =>
        ask(`retag ${domain}/${path}:${tag}`, () => void this.tags.set(`${domain}/${path}:${tag}`, digest)),
      takeClockReadings: () => {
        const readings = asked;
        asked = [];
        return readings;
      },
    };
  }

  #tagsOf(repository: string): string[] {
    return [...this.tags.keys()]
      .filter((name) => name.startsWith(`${repository}:`))
      .map((name) => name.slice(repository.length + 1));
  }

  sources(process: SimulatedProcess): SourceTree {
    return {
      read: async (sources: readonly Source[], signal) => {
        await this.at(process, 'read sources');
        signal?.throwIfAborted();
        const read = sources.map((source) => {
          const problem = this.fault(`source ${source.dockerfile}`, process);
          if (problem) return err(problem);
          const text = this.dockerfiles.get(source.dockerfile) ?? 'FROM scratch\n';
          const blob = hash(text).slice(7, 47);
          return ok({ commit: 'c0ffee', blob, revision: blob, text: async () => ok(text) });
        });
        await this.at(process, 'sources read');
        if (!signal?.aborted) return read;
        // A fetch that was cut off looks like a repository that does not answer.
        return sources.map(() =>
          err({ code: 'SOURCE_UNREACHABLE', message: 'the fetch ended early', hint: 'Wait.' }),
        );
      },
    };
  }

  builder(process: SimulatedProcess): Builder {
    return this.ci.builder(process);
  }
}

function nameOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}:${reference.tag ?? 'latest'}`;
}

function hash(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as Digest;
}
