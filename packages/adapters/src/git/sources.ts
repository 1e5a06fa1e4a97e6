import { resolve } from 'node:path';
import type { Provider, Source } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { SourceFile, SourceTree, WantedFile } from '@image-factory/core/ports/source.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { Duration } from '@image-factory/core/time.ts';
import { ok, type Result } from '@image-factory/core/result.ts';
import { createMutex } from '../directory/mutex.ts';
import { createPlainFolder, type PlainFolder } from './plain-folder.ts';
import { takeSlot } from './cache-slot.ts';
import type { Environment } from './environment.ts';
import { createRemoteRepository } from './remote-repository.ts';
import { createRepositoryReading, type RepositoryReading } from './repository-reading.ts';
import { readAdditions, type SourceAdditions } from './source-additions.ts';
import { locateSource, type BaseUrls, type SourceLocation } from './source-location.ts';
import { createLocalRepository } from './source-repository.ts';

export interface SourcesOptions {
  /** Relative `source.repo` paths start here, and `.` is the repository around it. */
  readonly factoryDir: string;
  /** For partial clones; losing it loses nothing. */
  readonly cacheDir: string;
  /** Asked before each contact with an http remote; `user:password` or a token alone. */
  readonly token?:
    | ((remote: { readonly provider: Provider; readonly url: string }) => Promise<string | undefined>)
    | undefined;
  readonly clock: Clock;
  /** Addresses in front of `owner/name`, per provider; default the public forges. */
  readonly baseUrls?: BaseUrls;
  /** Name of the state folder below the factory directory; default `state`. */
  readonly stateFolder?: string;
  /** One fetch from a repository elsewhere; questions get a minute at most. @default 10 minutes */
  readonly fetchTimeout?: Duration;
  /** What git processes see; default: this process's environment. */
  readonly environment?: Environment;
}

export interface Sources extends SourceTree {
  /** Ends helper processes and gives cached repositories to the next process. A process that just ends need not call it. */
  close(): void;
}

/** Repositories asked at once. */
const atOnce = 6;

export function createSources(options: SourcesOptions): Sources {
  const factoryDir = resolve(options.factoryDir);
  const environment = options.environment ?? process.env;
  const stateFolder = options.stateFolder ?? 'state';
  const repositories = new Map<string, RepositoryReading>();
  const folders = new Map<string, PlainFolder>();
  const inOrder = createMutex();

  function repositoryAt(location: Exclude<SourceLocation, { kind: 'folder' }>): RepositoryReading {
    const key = keyOf(location);
    let reading = repositories.get(key);
    if (reading === undefined) {
      const ownState =
        location.kind === 'repository' && location.prefix !== undefined
          ? joined(location.prefix, stateFolder)
          : undefined;
      const repository =
        location.kind === 'repository'
          ? createLocalRepository(location.gitDir, environment)
          : elsewhere(location);
      reading = createRepositoryReading(repository, ownState, environment);
      repositories.set(key, reading);
    }
    return reading;
  }

  function elsewhere({ remote, provider }: Extract<SourceLocation, { kind: 'remote' }>) {
    return createRemoteRepository({
      remote,
      environment,
      fetchTimeout: options.fetchTimeout,
      takeSlot: () =>
        takeSlot(options.cacheDir, `source ${remote.url}`, remote.url, options.clock, environment),
      token: async () => options.token?.({ provider, url: remote.url }),
    });
  }

  function folderAt({ root, prefix }: Extract<SourceLocation, { kind: 'folder' }>): PlainFolder {
    const folder =
      folders.get(root) ??
      createPlainFolder(root, prefix === undefined ? undefined : joined(prefix, stateFolder));
    folders.set(root, folder);
    return folder;
  }

  async function read(
    sources: readonly WantedFile[],
    signal: AbortSignal | undefined,
  ): Promise<readonly Result<SourceFile, Problem>[]> {
    const results: Result<SourceFile, Problem>[] = [];
    const groups = new Map<string, { location: SourceLocation; members: number[] }>();
    const located = memoised(
      (source: Source) => `${source.provider} ${source.repo}`,
      (source) => {
        const found = locateSource(source, factoryDir, options.baseUrls ?? {});
        return found.ok ? ok({ location: found.value, key: keyOf(found.value) }) : found;
      },
    );
    const additions: (SourceAdditions | undefined)[] = [];
    for (const [index, source] of sources.entries()) {
      const added = readAdditions(source, factoryDir);
      if (!added.ok) {
        results[index] = added;
        continue;
      }
      additions[index] = added.value;
      const found = located(source);
      if (!found.ok) {
        results[index] = found;
        continue;
      }
      const { location, key } = found.value;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { location, members: [index] });
      else group.members.push(index);
    }
    await eachOf([...groups.values()], atOnce, async ({ location, members }) => {
      const wanted = members.flatMap((index) => {
        const source = sources[index];
        return source ? [{ source, additions: additions[index] }] : [];
      });
      const answers =
        location.kind === 'folder'
          ? await folderAt(location).read(
              wanted.map(({ source }) => source),
              location.label,
              signal,
            )
          : await repositoryAt(location).read(wanted, location.label, signal);
      for (const [position, index] of members.entries()) {
        const answer = answers[position];
        if (answer !== undefined) results[index] = answer;
      }
    });
    return results;
  }

  return {
    // One cycle at a time: two would fetch the same heads twice.
    read: (sources, signal) => inOrder(() => read(sources, signal)),
    close() {
      for (const repository of repositories.values()) repository.close();
      repositories.clear();
    },
  };
}

function keyOf(location: SourceLocation): string {
  if (location.kind === 'remote')
    return `remote ${location.provider} ${location.remote.url} ${location.remote.credential ?? ''}`;
  return location.kind === 'repository' ? `repository ${location.gitDir}` : `folder ${location.root}`;
}

function joined(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

function memoised<I, O>(keyOfInput: (input: I) => string, compute: (input: I) => O): (input: I) => O {
  const known = new Map<string, O>();
  return (input) => {
    const key = keyOfInput(input);
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = compute(input);
    known.set(key, value);
    return value;
  };
}

async function eachOf<T>(
  items: readonly T[],
  limit: number,
  step: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, async () => {
      for (const item of queue) await step(item);
    }),
  );
}
