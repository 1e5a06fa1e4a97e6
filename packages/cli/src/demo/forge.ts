import { resolve } from 'node:path';
import { gitCheckout } from '@image-factory/adapters/build-local/checkout.ts';
import { createLocalBuilder, type LocalBuilder } from '@image-factory/adapters/build-local/local-builder.ts';
import { createRemoteCommits } from '@image-factory/adapters/git/remote-commits.ts';
import { dependenciesOf } from '@image-factory/core/dockerfile/analyse.ts';
import type { FactoryConfig, ManagedEnrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Dependency, Pin } from '@image-factory/core/state/types.ts';
import { hour, minute } from '@image-factory/core/time.ts';
import { FakeGithub } from '@image-factory/testing/forges/github.ts';
import type { GithubRun } from '@image-factory/testing/forges/github-state.ts';
import { serveForge, type ForgeHandler } from '@image-factory/testing/forges/serve-forge.ts';
import { processIo } from '../io.ts';
import { openRegistry } from '../open-registry.ts';
import { clockOf } from '../system-clock.ts';
import type { Place } from './place.ts';

/** What goes wrong once the forge has accepted a start: its answer is held back, is a 502, or never comes. */
export type Mishap = 'held' | '502' | 'lost';

/** The CI of the second act: GitHub over HTTP, and runners that build with what the demo builds with. */
export interface Forge {
  /** Address of its API. */
  readonly url: string;
  /** Address of the one repository that it has. */
  readonly repository: string;
  /** Every run: the forge makes one for each start that it accepts, and never fewer. */
  readonly runs: readonly GithubRun[];
  /** What runs pushed, in order. */
  readonly pushes: readonly { readonly run: string; readonly image: string; readonly digest: Digest }[];
  /** How often it was asked to start something. */
  readonly starts: number;
  /** Lets the next start of an image go wrong. For `held`: resolves when the forge has accepted it. */
  upset(image: string, mishap: Mishap): Promise<void>;
  /** Sends the answers that are held back. */
  letGo(): void;
  /** Runners take every run that waits for one, and build it as it is enrolled. */
  work(config: FactoryConfig): Promise<void>;
  close(): Promise<void>;
}

export async function startForge(place: Place, dir: string, token: string): Promise<Forge> {
  const pushes: { run: string; image: string; digest: Digest }[] = [];
  const pushed = (run: string): Digest | undefined => pushes.find((each) => each.run === run)?.digest;
  const github = new FakeGithub({
    now: () => Date.now(),
    random: () => 0.5,
    // Nothing begins or ends by itself: runners are let loose by `work`, and a run ends with its build.
    queueTime: hour,
    buildTime: hour,
    outcome: ({ id }) => (pushed(id) ? 'success' : 'failure'),
    push: ({ id }) => pushed(id) as Digest,
  });
  github.add('acme/repository');
  github.tokens.set(token, { permissions: { actions: 'write', contents: 'read' } });

  const upsets = new Map<string, { readonly mishap: Mishap; readonly accepted: () => void }>();
  let release = Promise.withResolvers<void>();
  let starts = 0;
  const handle: ForgeHandler = async (request) => {
    const isStart = request.method === 'POST' && request.path.endsWith('/dispatches');
    if (!isStart) return github.handle(request);
    starts++;
    const { inputs = {} } = JSON.parse(request.body) as { inputs?: Record<string, string> };
    const image = inputs['factory_image'] ?? '';
    const upset = upsets.get(image);
    upsets.delete(image);
    github.faults.failsAfterAccept = upset?.mishap === '502' ? 1 : 0;
    github.faults.lostAnswers = upset?.mishap === 'lost' ? 1 : 0;
    const answer = await github.handle(request);
    upset?.accepted();
    if (upset?.mishap === 'held') await release.promise;
    return answer;
  };
  const api = await serveForge(handle);
  const source = await place.remote.serve();

  async function build(builder: LocalBuilder, run: GithubRun, enrolled: ManagedEnrolment): Promise<void> {
    const image = {
      ...enrolled,
      source: { ...enrolled.source, provider: 'local' as const, repo: place.remote.path },
    };
    const { id } = await builder.start(await requestOf(place, run, image));
    const ended = await builder.settled(image, id);
    if (ended?.digest) pushes.push({ run: run.id, image: image.name, digest: ended.digest });
    else throw new Error(`run ${run.id} built nothing: ${ended?.error ?? 'it is gone'}`);
  }

  return {
    url: api.url,
    repository: source.url.replace('/repository.git', '/acme/repository.git'),
    get runs() {
      return github.runs;
    },
    pushes,
    get starts() {
      return starts;
    },
    upset(image, mishap) {
      const { promise, resolve: accepted } = Promise.withResolvers<void>();
      upsets.set(image, { mishap, accepted });
      return promise;
    },
    letGo() {
      release.resolve();
      release = Promise.withResolvers();
    },
    async work({ images, settings }) {
      const queued = github.runs.filter(({ state }) => state === 'queued');
      for (const run of queued) run.startsAt = Date.now();
      github.catchUp();
      const runner = await openRunner(place, dir, settings.registries);
      try {
        for (const run of queued.filter(({ built }) => built)) {
          const image = images.find(({ name }) => name === run.image);
          if (image?.kind === 'managed') await build(runner.builder, run, image);
          run.endsAt = Date.now();
        }
      } finally {
        await runner.close();
        for (const run of queued) run.endsAt = Math.min(run.endsAt, Date.now());
        github.catchUp();
      }
    },
    async close() {
      release.resolve();
      await Promise.all([api.close(), source.close()]);
    },
  };
}

/** A runner knows the repository and the run's inputs; all else, and the pins above all, it is told by them. */
async function requestOf(
  { remote }: Place,
  { inputs }: GithubRun,
  image: ManagedEnrolment,
): Promise<BuildRequest> {
  const input = (name: string): string => inputs[name] ?? '';
  const commit = input('factory_commit');
  const text = await remote.git('show', `${commit}:${image.source.dockerfile}`);
  const given = JSON.parse(input('factory_pins')) as readonly Omit<Pin, 'base'>[];
  return {
    key: input('factory_key'),
    attempt: Number(input('factory_attempt')),
    reason: input('factory_reason'),
    commit,
    image,
    platforms: image.platforms,
    pins: given.map(({ reference, digest }) => ({ base: '', reference, digest })),
    dependencies: dependenciesOf(text).bases.flatMap((base): Dependency[] => {
      const { normalized: reference, kind, stage, platform, final, written } = base;
      return reference === null ? [] : [{ reference, kind, stage, platform, final, written, range: '' }];
    }),
  };
}

async function openRunner(
  place: Place,
  dir: string,
  registries: Settings['registries'],
): Promise<{ readonly builder: LocalBuilder; close(): Promise<void> }> {
  const io = { ...processIo(), env: place.env };
  const clock = clockOf(io);
  const registry = openRegistry(dir, registries, io);
  const at = (folder: string): string => resolve(dir, folder);
  const builder = await createLocalBuilder({
    tool: place.tool,
    workDir: at('builds'),
    logDir: at('logs'),
    concurrency: 1,
    timeout: minute,
    clock,
    checkout: gitCheckout({
      baseDir: dir,
      workDir: at('checkouts'),
      environment: place.env,
      remotes: createRemoteCommits({ cacheDir: at('sources'), clock, environment: place.env }),
    }),
    registries,
    registry,
    environment: place.env,
  });
  return {
    builder,
    async close() {
      await builder.close();
      await registry.close();
    },
  };
}
