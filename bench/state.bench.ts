import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createDirectoryStateStore } from '@image-factory/adapters/directory/state-store.ts';
import { createGitStateStore } from '@image-factory/adapters/git/state/state-store.ts';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import type { Bench, Row } from './bench.ts';
import { formatTime, median, timeOf } from './measure.ts';

const fileCount = 10_000;
const changed = 100;
const rounds = 9;
/** Younger files are read again by every transaction, because their time stamps may hide a change; a state is seldom so young. */
const unsureTime = 2100;

export const bench: Bench = {
  name: 'state',
  about: `One transaction that changes ${changed} of ${fileCount.toLocaleString('en')} files in the flat layout; median of ${rounds}. The remote is a bare repository on the same disk; a push alone is one commit of one file.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-state-'));
  try {
    const remote = join(folder, 'remote.git');
    execFileSync('git', ['init', '-q', '--bare', remote]);
    const author = { name: 'bench', email: 'bench@localhost' };
    const git = createGitStateStore({
      remote,
      branch: 'state',
      cacheDir: join(folder, 'cache'),
      author,
      clock: realClock,
    });
    const whole = await transactions(git, changed);
    const single = await transactions(git, 1);
    git.close();
    const directory = await transactions(
      createDirectoryStateStore({ root: join(folder, 'state'), clock: realClock }),
      changed,
    );
    return [
      {
        what: `git, ${changed} files, push included`,
        measured: formatTime(whole),
        comparedWith: `1 file, push included: ${formatTime(single)}`,
        ratio: whole / single,
        aim: { text: 'at most 150 ms plus the push', met: whole - single <= 150 },
      },
      {
        what: `directory, ${changed} files`,
        measured: formatTime(directory),
        aim: { text: 'at most 150 ms', met: directory <= 150 },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function transactions(store: StateStore, count: number): Promise<number> {
  const path = (number: number): string => `images/service-${number}.yaml`;
  const text = (number: number, version: number): string =>
    `name: service-${number}\nversion: ${version}\n${'field: value of some length\n'.repeat(40)}`;
  const every = Array.from({ length: fileCount }, (_, number): [string, string] => [
    path(number),
    text(number, 0),
  ]);
  await store.commit({ subject: 'all', change: () => new Map(every) });
  await setTimeout(unsureTime);
  const times: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const some = Array.from({ length: count }, (_, index): [string, string] => {
      const number = (round * 997 + index * 89) % fileCount;
      return [path(number), text(number, round + count * 1000)];
    });
    times.push(
      await timeOf(
        async () => void (await store.commit({ subject: `round ${round}`, change: () => new Map(some) })),
      ),
    );
  }
  return median(times);
}
