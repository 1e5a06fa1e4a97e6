import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeEvents } from '@image-factory/core/state/events.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import type { Decision } from '@image-factory/core/plan/types.ts';
import type { Event, FactoryState } from '@image-factory/core/state/types.ts';
import { chance } from '@image-factory/testing/world/scheduler.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlace, managed, settings, type Place } from './testing/test-place.ts';
import { buildCommand, startCommand, type Ended } from './testing/test-process.ts';

/** Of the real command: forty in all. */
const wantedKills = { directory: 15, git: 15, two: 10 };
const images = ['platform', 'runtime', 'api', 'web'];

let main: string;
beforeAll(async () => {
  main = await buildCommand();
}, 120_000);

/** A manifest that a build put under the last of its tags: the moment at which it counts. */
interface Push {
  readonly image: string;
  readonly key: string;
  readonly attempt: string;
}

async function prepare(
  mode: 'git' | 'directory',
): Promise<{ place: Place; pushes: Push[]; cache: (name: string) => string }> {
  const place = await makePlace('real');
  const { registry, remote } = place;
  const { host } = registry;
  await remote.commit({
    'platform/Dockerfile': `FROM ${host}/base/os:1\nCOPY app.txt /platform.txt\n`,
    'platform/app.txt': 'platform\n',
    'runtime/Dockerfile': `FROM ${host}/acme/platform:1\nCOPY app.txt /runtime.txt\n`,
    'runtime/app.txt': 'runtime\n',
    'api/Dockerfile': `FROM ${host}/acme/platform:1\nCOPY app.txt /api.txt\n`,
    'api/app.txt': 'api\n',
    'web/Dockerfile': `FROM ${host}/acme/runtime:1\nCOPY --from=${host}/acme/api:1 /api.txt /api.txt\n`,
  });
  const entries = images.map((name) =>
    managed(place, name, 'rebuildDelay: 0s\n').replace('["1"]', '["1", "latest"]'),
  );
  const calm = settings(mode === 'git' ? place : { registry })
    .replace('settle: 30m', 'settle: 0s')
    .replace('perImageAndDay: 100', 'perImageAndDay: 1000');
  await place.enrol(entries.join(''), calm);
  const pushes: Push[] = [];
  const put = registry.storage.putManifest.bind(registry.storage);
  registry.storage.putManifest = (repository, name, mediaType, bytes) => {
    const { annotations = {} } = JSON.parse(bytes.toString('utf8')) as {
      annotations?: Record<string, string>;
    };
    const key = annotations['io.image-factory.build-key'];
    if (key && name === 'latest') {
      pushes.push({
        image: repository.replace('acme/', ''),
        key,
        attempt: annotations['io.image-factory.attempt'] ?? '',
      });
    }
    return put(repository, name, mediaType, bytes);
  };
  // What is done is answered late: many a kill falls between the deed and the knowledge of it.
  registry.faults.add({
    action: { kind: 'delay', by: 150 },
    when: ({ method, path }) => method === 'PUT' && path.endsWith('/latest'),
  });
  await remote.hook('post-receive', '#!/bin/sh\nsleep 0.1\n');
  return { place, pushes, cache: (name) => join(place.root, name) };
}

function start(place: Place, cacheDir: string): ReturnType<typeof startCommand> {
  const env = { ...place.env, IMAGE_FACTORY_CACHE_DIR: cacheDir };
  return startCommand([main, '--dir', place.dir, '--output', 'json', 'run', '--once', '--force'], { env });
}

/** Runs undisturbed until nothing is left to do. */
async function finish(place: Place, cacheDir: string): Promise<void> {
  let last = '';
  for (let run = 0; run < 12; run++) {
    const { code, out, err } = await start(place, cacheDir).ended;
    const report = JSON.parse(out) as Report;
    last = out + err;
    expect(code, out + err).not.toBe(3);
    // A base that was seen once is looked at again by the next cycle.
    const busy = report.plan.decisions.some(
      ({ action, notes }) => action !== 'none' || notes.some(({ code }) => code === 'not-settled'),
    );
    if (report.started.length === 0 && !busy) return;
  }
  const { images } = await place.state();
  const failures = [...images.values()].flatMap(({ name, rebuilds }) =>
    rebuilds.flatMap(({ outcome, error }) =>
      outcome === 'success' ? [] : [`${name}: ${outcome}: ${error}`],
    ),
  );
  throw new Error(`the factory does not come to rest: ${failures.join('\n')}\n${last}`);
}

interface Report {
  readonly started: readonly string[];
  readonly plan: { readonly decisions: readonly Pick<Decision, 'action' | 'notes'>[] };
}

/** What every rebuild on record and every push come to, by key. */
function counted(state: FactoryState, archived: string, pushes: readonly Push[], events: readonly Event[]) {
  const records = [...state.images.values()].flatMap(({ name, rebuilds }) =>
    rebuilds.map((rebuild) => ({ name, ...rebuild })),
  );
  const keys = new Set([...records.map(({ key }) => key), ...pushes.map(({ key }) => key)]);
  return [...keys].map((key) => ({
    key,
    pushed: pushes.filter((push) => push.key === key).length,
    recorded:
      records.filter((record) => record.key === key && record.outcome === 'success').length +
      occurrences(archived, key),
    told: events.filter(
      ({ type, data }) => type === 'rebuild-ended' && data?.['key'] === key && data['outcome'] === 'success',
    ).length,
  }));
}

function occurrences(text: string, key: string): number {
  return text.split('\n').filter((line) => line.includes(key) && line.includes('success')).length;
}

describe('exactly once, whatever is killed', () => {
  it.each([
    { mode: 'directory', machines: 'one', seed: 11 },
    { mode: 'git', machines: 'one', seed: 12 },
    { mode: 'git', machines: 'two', seed: 13 },
  ] as const)(
    'the real command, state in $mode, $machines machine(s)',
    { timeout: 240_000 },
    async ({ mode, machines, seed }) => {
      const { place, pushes, cache } = await prepare(mode);
      try {
        const random = chance(seed);
        const began = performance.now();
        await place.registry.pushImage('base/os', '1', { layers: ['os 0'] });
        await finish(place, cache('a'));
        const longest = Math.min(5000, (performance.now() - began) / 2);
        const wanted = wantedKills[machines === 'two' ? 'two' : mode];
        let kills = 0;
        let rounds = 0;
        while (kills < wanted) {
          rounds++;
          await place.registry.pushImage('base/os', '1', { layers: [`os ${rounds}`] });
          for (let turn = 0; turn < 3; turn++) {
            const names = random() < 0.4 ? ['a', machines === 'two' ? 'b' : 'a'] : ['a'];
            const ends = await Promise.all(
              names.map((name) => killedAt(start(place, cache(name)), random() * longest)),
            );
            kills += ends.filter(({ signal }) => signal === 'SIGKILL').length;
          }
          await finish(place, cache(random() < 0.5 || machines === 'one' ? 'a' : 'b'));
        }

        const files = await place.stateFiles();
        const { state, problems } = decodeState(files);
        expect(problems).toEqual([]);
        expect([...state.intents.keys()]).toEqual([]);
        const logs = [...files]
          .filter(([path]) => path.startsWith('events/'))
          .map(([, text]) => decodeEvents(text));
        expect(logs.map(({ unreadable }) => unreadable).filter((count) => count > 0)).toEqual([]);
        const events = logs.flatMap((log) => log.events);
        const archived = [...files]
          .filter(([path]) => path.startsWith('_archive/'))
          .map(([, text]) => text)
          .join('');
        const counts = counted(state, archived, pushes, events);
        process.stderr.write(
          `${mode}, ${machines}: ${kills} kills in ${rounds} rounds, ${counts.length} keys, ${pushes.length} pushes\n`,
        );
        expect(
          counts.filter(({ pushed, recorded, told }) => pushed !== 1 || recorded !== 1 || told !== 1),
        ).toEqual([]);
        expect(counts.length).toBeGreaterThanOrEqual(images.length * (rounds + 1));
        // An attempt is decided once and ends once.
        for (const type of ['intent', 'run-started', 'rebuild-ended']) {
          const told = events
            .filter((event) => event.type === type)
            .map(({ image, data }) => `${image} ${JSON.stringify(data)} ${type}`);
          expect(told.filter((text, index) => told.indexOf(text) !== index)).toEqual([]);
        }
      } finally {
        await place.leave();
      }
    },
  );
});

async function killedAt({ child, ended }: ReturnType<typeof startCommand>, after: number): Promise<Ended> {
  await Promise.race([sleep(after), ended]);
  child.kill('SIGKILL');
  return ended;
}
