import type { ManagedEnrolment, Source } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Described, Look, Registry } from '@image-factory/core/ports/registry.ts';
import type { SourceTree } from '@image-factory/core/ports/source.ts';
import type { StateSnapshot, StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Digest, PlatformName, Reference } from '@image-factory/core/reference/types.ts';
import { ok } from '@image-factory/core/result.ts';
import type { PlatformContent } from '@image-factory/core/state/types.ts';
import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import { createHash } from 'node:crypto';
import type { Scheduler, SimulatedProcess } from './scheduler.ts';

/** A run of the simulated CI. */
export interface SimulatedRun {
  readonly id: string;
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
  readonly request: BuildRequest;
  readonly startedAt: Instant;
  /** Look-ups find it from this time on. */
  readonly visibleAt: Instant;
  readonly endsAt: Instant;
  /** False: it found its key claimed and left without building. */
  readonly built: boolean;
  pushed: boolean;
}

export interface WorldOptions {
  readonly start: Instant;
  readonly random: () => number;
  /** The run's first step claims its key and attempt; who loses builds nothing. */
  readonly claims?: boolean;
  /** Look-ups for runs find nothing: to show that they are needed. */
  readonly blindLookUps?: boolean;
  /** Intents are not kept beyond the life of the process: to show that they are needed. */
  readonly forgetIntents?: boolean;
  readonly visibilityDelay?: Duration;
  readonly buildTime?: Duration;
  /** How a build ends. */
  readonly outcome?: (request: BuildRequest) => 'success' | 'failure';
  /** Chance that a push of the state is refused because somebody else was faster. */
  readonly refusals?: number;
}

/** A create call gives up after this; nothing of it can happen later. */
const callTimeout = minute;

/**
 * The outside of the engine in memory and in virtual time: a registry, a source repository, a CI, a state remote. The CI
 * starts a new run for every create that it accepts: nothing here removes duplicates for the engine.
 */
export class World {
  now: Instant;
  readonly runs: SimulatedRun[] = [];
  readonly manifests = new Map<string, Described>();
  readonly tags = new Map<string, Digest>();
  readonly dockerfiles = new Map<string, string>();
  readonly options: WorldOptions;
  readonly scheduler: Scheduler;
  files: ReadonlyMap<string, string> = new Map();
  version = 0;
  /** Commits with the paths that they touched. */
  readonly commits: { readonly subject: string; readonly paths: readonly string[] }[] = [];
  readonly #claims = new Set<string>();

  constructor(scheduler: Scheduler, options: WorldOptions) {
    this.scheduler = scheduler;
    this.options = options;
    this.now = options.start;
  }

  /** Runs per image, key and attempt that really built. */
  buildsPerKey(): Map<string, number> {
    const builds = new Map<string, number>();
    for (const run of this.runs) {
      if (!run.built) continue;
      const key = `${run.image} ${run.key}`;
      builds.set(key, (builds.get(key) ?? 0) + 1);
    }
    return builds;
  }

  /** Moves a tag to an image with these layers. */
  push(name: string, layers: readonly string[], annotations: Readonly<Record<string, string>> = {}): Digest {
    const content: PlatformContent = {
      digest: hash(`manifest ${layers.join()} ${JSON.stringify(annotations)}`),
      diffIds: layers.map((layer) => hash(layer)),
      config: hash('config'),
    };
    const digest = hash(`index ${content.digest}`);
    const repository = name.slice(0, name.lastIndexOf(':'));
    this.manifests.set(`${repository}@${digest}`, { digest, platforms: { ['linux/amd64' as PlatformName]: content }, annotations });
    this.tags.set(name, digest);
    return digest;
  }

  clock(process: SimulatedProcess): Clock {
    return {
      now: () => this.now,
      monotonic: () => this.now,
      sleep: async (duration) => {
        await this.scheduler.point(process, 'sleep');
        this.now += duration;
        this.finishRuns();
      },
    };
  }

  store(process: SimulatedProcess): StateStore {
    const own = new Map<string, string>();
    const snapshot = (): StateSnapshot => ({ version: String(this.version), files: new Map([...this.files, ...own]) });
    return {
      read: async () => {
        await this.scheduler.point(process, 'read state');
        return snapshot();
      },
      commit: async (transaction) => {
        for (;;) {
          const seen = this.version;
          const changes = transaction.change(new Map([...this.files, ...own]));
          if (changes.size === 0) return snapshot();
          await this.scheduler.point(process, `commit "${transaction.subject}"`);
          const refused = this.options.random() < (this.options.refusals ?? 0);
          if (refused || seen !== this.version) continue;
          const files = new Map(this.files);
          for (const [path, text] of changes) {
            const target = this.options.forgetIntents && path.startsWith('intents/') ? own : files;
            if (text === null) target.delete(path);
            else target.set(path, text);
          }
          this.files = files;
          this.version++;
          this.commits.push({ subject: transaction.subject, paths: [...changes.keys()] });
          await this.scheduler.point(process, `committed "${transaction.subject}"`);
          return snapshot();
        }
      },
    };
  }

  registry(process: SimulatedProcess): Registry {
    const around = async <T>(label: string, answer: () => T): Promise<T> => {
      await this.scheduler.point(process, label);
      return answer();
    };
    return {
      look: (reference) =>
        around(`look ${nameOf(reference)}`, (): Look => {
          const digest = this.tags.get(nameOf(reference));
          return digest ? { kind: 'digest', digest } : { kind: 'absent' };
        }),
      describe: (reference, digest) => around('describe', () => this.manifests.get(`${reference.domain}/${reference.path}@${digest}`)),
      serves: (reference, digest) => around('serves', () => this.manifests.has(`${reference.domain}/${reference.path}@${digest}`)),
      listTags: ({ domain, path }) =>
        around('list tags', () => [...this.tags.keys()].filter((tag) => tag.startsWith(`${domain}/${path}:`)).map((tag) => tag.slice(tag.lastIndexOf(':') + 1))),
      referrers: async () => [],
      takeClockReadings: () => [],
    };
  }

  sources(process: SimulatedProcess): SourceTree {
    return {
      read: async (sources: readonly Source[]) => {
        await this.scheduler.point(process, 'read sources');
        return sources.map((source) => {
          const text = this.dockerfiles.get(source.dockerfile) ?? 'FROM scratch\n';
          const blob = hash(text).slice(7, 47);
          return ok({ commit: 'c0ffee', blob, revision: blob, text: async () => ok(text) });
        });
      },
    };
  }

  builder(process: SimulatedProcess): Builder {
    const { options } = this;
    const asRun = (run: SimulatedRun): Run => {
      const { id, key, attempt } = run;
      if (this.now < run.endsAt) return { id, key, attempt, status: 'running' };
      if (!run.built) return { id, key, attempt, status: 'superseded' };
      if (options.outcome?.(run.request) === 'failure') return { id, key, attempt, status: 'failure', error: 'it broke' };
      const digest = this.tags.get(pushName(run.request.image));
      return { id, key, attempt, status: 'success', ...(digest ? { digest } : {}) };
    };
    return {
      provider: 'github',
      capabilities: () => ({ exactlyOnce: options.claims ?? false, inProcess: false }),
      start: async (request) => {
        const calledAt = this.now;
        await this.scheduler.point(process, `start ${request.image.name}`);
        if (this.now - calledAt > callTimeout) {
          throw new FactoryError({ code: 'BUILD_TIMEOUT', message: 'the call took too long', hint: 'Look for the run.' });
        }
        const claim = `${request.key}/${request.attempt}`;
        const first = !this.#claims.has(claim);
        this.#claims.add(claim);
        const run: SimulatedRun = {
          id: `run-${this.runs.length + 1}`,
          image: request.image.name,
          key: request.key,
          attempt: request.attempt,
          request,
          startedAt: this.now,
          visibleAt: this.now + (options.visibilityDelay ?? 0),
          endsAt: this.now + (options.buildTime ?? 30 * second),
          built: first || !options.claims,
          pushed: false,
        };
        this.runs.push(run);
        await this.scheduler.point(process, `started ${request.image.name}`);
        return asRun(run);
      },
      find: async (_image, key, attempt) => {
        await this.scheduler.point(process, 'find run');
        if (options.blindLookUps) return undefined;
        const run = this.runs.findLast((known) => known.key === key && known.attempt === attempt && known.visibleAt <= this.now);
        return run && asRun(run);
      },
      get: async (_image, id) => {
        await this.scheduler.point(process, 'get run');
        const run = this.runs.find((known) => known.id === id);
        return run && asRun(run);
      },
      cancel: async () => undefined,
    };
  }

  /** What has run long enough pushes its image: the pinned bases' layers and one of its own. */
  finishRuns(): void {
    for (const run of this.runs) {
      if (run.pushed || !run.built || run.endsAt > this.now) continue;
      run.pushed = true;
      if (this.options.outcome?.(run.request) === 'failure') continue;
      const { image, pins, dependencies } = run.request;
      const final = dependencies.find((use) => use.final && use.kind === 'from');
      const pin = pins.find(({ base }) => base === final?.base);
      const below = pin ? this.manifests.get(`${pin.reference.slice(0, pin.reference.lastIndexOf(':'))}@${pin.digest}`) : undefined;
      const layers = Object.values(below?.platforms ?? {})[0]?.diffIds ?? [];
      this.pushLayers(image, [...layers, hash(`${image.name} ${run.key} ${run.id}`)], run.key);
    }
  }

  pushLayers(image: ManagedEnrolment, diffIds: readonly Digest[], key: string): void {
    const content: PlatformContent = { digest: hash(`manifest ${diffIds.join()}`), diffIds, config: hash('config') };
    const digest = hash(`index ${content.digest}`);
    const repository = `${image.registry}/${image.repository}`;
    const annotations = { 'io.image-factory.build-key': key };
    this.manifests.set(`${repository}@${digest}`, { digest, platforms: { ['linux/amd64' as PlatformName]: content }, annotations });
    for (const tag of image.tags) this.tags.set(`${repository}:${tag}`, digest);
  }
}

function nameOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}:${reference.tag ?? 'latest'}`;
}

function pushName(image: ManagedEnrolment): string {
  return `${image.registry}/${image.repository}:${image.tags[0] ?? 'latest'}`;
}

function hash(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as Digest;
}
