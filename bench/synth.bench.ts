import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { createSynthFactory } from './synth-factory.ts';
import { formatMemory, formatTime, median, runChild, runNodeWithMemory } from './measure.ts';

const rounds = 3;
const program = join(import.meta.dirname, 'synth-run.ts');
const command = join(import.meta.dirname, '../packages/cli/dist/main.js');
const mostTime = 10_000;
const mostMemory = 600 * 1024 * 1024;

/** Milliseconds of each part. */
export interface SynthTimes {
  readonly resources: number;
  readonly bytes: number;
  readonly synth: number;
  readonly write: number;
  readonly validate: number;
}

export const bench: Bench = {
  name: 'synth',
  about: `Everything that Kargo needs for a factory, generated, validated and written as YAML: 95 of 100 images managed, one base for ten; whole processes, their start included; median of ${rounds}. The built command reads 10,000 images and their state, which it has fetched from a git server before, and writes one file; git's own processes do not count as its memory.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const small = await measure('1000');
  const large = await measure('10000');
  const cdk8s = await measure('10000', 'cdk8s');
  const whole = await measureCommand(10_000);
  const growth = large.wall / small.wall;
  return [
    row('1,000 images', small),
    {
      ...row('10,000 images', large),
      aim: aimOf(large),
    },
    {
      what: '`image-factory synth`, 10,000 images',
      measured: costOf(whole.write),
      aim: aimOf(whole.write),
    },
    {
      what: '`image-factory synth --check` of the same, up to date',
      measured: costOf(whole.check),
      aim: aimOf(whole.check),
    },
    {
      what: '10,000 images take longer than 1,000',
      measured: `${growth.toFixed(1)} times`,
      aim: { text: 'no faster than linear', met: growth < 12 },
    },
    {
      what: 'manifests to YAML text, 10,000 images, through objects of cdk8s',
      measured: formatTime(cdk8s.times.write),
      comparedWith: `without cdk8s: ${formatTime(large.times.write)}`,
      ratio: cdk8s.times.write / large.times.write,
    },
    {
      what: 'peak memory of that process',
      measured: formatMemory(cdk8s.peakMemory),
      comparedWith: `without cdk8s: ${formatMemory(large.peakMemory)}`,
      ratio: cdk8s.peakMemory / large.peakMemory,
    },
  ];
}

interface Cost {
  readonly wall: number;
  readonly peakMemory: number;
}

interface Measured extends Cost {
  readonly times: SynthTimes;
}

function aimOf({ wall, peakMemory }: Cost): NonNullable<Row['aim']> {
  return { text: '10 s, 600 MB', met: wall < mostTime && peakMemory < mostMemory };
}

function costOf({ wall, peakMemory }: Cost): string {
  return `${formatTime(wall)}, ${formatMemory(peakMemory)}`;
}

function row(what: string, { wall, peakMemory, times }: Measured): Row {
  const { resources, bytes, synth, validate, write } = times;
  return {
    what: `${what}: ${resources.toLocaleString('en')} resources, ${(bytes / 1e6).toFixed(1)} MB`,
    measured: `${formatTime(wall)} (generate ${formatTime(synth)}, validate ${formatTime(validate)}, write ${formatTime(write)}), ${formatMemory(peakMemory)}`,
  };
}

/** The round with the median time. */
async function measure(...args: readonly string[]): Promise<Measured> {
  const all: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { wall, peakMemory, stdout } = await runNodeWithMemory([program, ...args]);
    all.push({ wall, peakMemory, times: JSON.parse(stdout) as SynthTimes });
  }
  return middleOf(all);
}

function middleOf<T extends Cost>(all: readonly T[]): T {
  const middle = median(all.map(({ wall }) => wall));
  const found = all.find(({ wall }) => wall === middle);
  if (!found) throw new Error('no round');
  return found;
}

/** The built command, from enrolment and state to the file. */
async function measureCommand(count: number): Promise<{ readonly write: Cost; readonly check: Cost }> {
  const { dir, cache, remove } = await createSynthFactory(count);
  const options = { cwd: dir, env: { IMAGE_FACTORY_CACHE_DIR: cache } };
  const args = [command, '--dir', dir, '--log-level', 'warn', 'synth'];
  try {
    await runChild(process.execPath, args, options);
    const write: Cost[] = [];
    const check: Cost[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await rm(join(dir, 'dist'), { recursive: true });
      write.push(await runNodeWithMemory(args, options));
      // Exits with 1, and so fails here, where the file is not up to date.
      check.push(await runNodeWithMemory([...args, '--check'], options));
    }
    return { write: middleOf(write), check: middleOf(check) };
  } finally {
    await remove();
  }
}
