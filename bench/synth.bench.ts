import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { formatMemory, formatTime, median, runNodeWithMemory } from './measure.ts';

const rounds = 3;
const program = join(import.meta.dirname, 'synth-run.ts');

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
  about: `Everything that Kargo needs for a factory, generated, validated and written as one YAML text: 95 of 100 images managed, one base for ten; whole processes, their start included; median of ${rounds}.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const small = await measure('1000');
  const large = await measure('10000');
  const cdk8s = await measure('10000', 'cdk8s');
  const growth = large.wall / small.wall;
  return [
    row('1,000 images', small),
    {
      ...row('10,000 images', large),
      aim: { text: '10 s, 600 MB', met: large.wall < 10_000 && large.peakMemory < 600 * 1024 * 1024 },
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

interface Measured {
  readonly wall: number;
  readonly peakMemory: number;
  readonly times: SynthTimes;
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
  const middle = median(all.map(({ wall }) => wall));
  const found = all.find(({ wall }) => wall === middle);
  if (!found) throw new Error('no round');
  return found;
}
