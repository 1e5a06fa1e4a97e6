import { recorded, steady } from '@image-factory/core/simulate/history.ts';
import { simulate } from '@image-factory/core/simulate/simulate.ts';
import type { Scenario } from '@image-factory/core/simulate/types.ts';
import { day, hour } from '@image-factory/core/time.ts';
import type { Bench, Row } from './bench.ts';
import { formatTime, median, timeOf } from './measure.ts';

const start = Date.UTC(2024, 0, 1);
const rounds = 3;

export const bench: Bench = {
  name: 'simulate',
  about: `The plan driven through publishing histories, look by look and build by build; median of ${rounds}.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  return [
    await row('two years: three bases moving every 3 to 26 days, a diamond of six images', twoYears()),
    await row('sixty days: a tag that is pushed every hour, one image', busyTag()),
  ];
}

async function row(what: string, scenario: Scenario): Promise<Row> {
  const times: number[] = [];
  let rebuilds = 0;
  for (let round = 0; round < rounds; round++) {
    times.push(await timeOf(async () => void (rebuilds = simulate(scenario).rebuilds.length)));
  }
  return {
    what: `${what}: ${rebuilds} rebuilds`,
    measured: formatTime(median(times)),
    aim: { text: 'seconds', met: median(times) < 10_000 },
  };
}

function twoYears(): Scenario {
  const uses = (base: string) => [{ base }];
  return {
    name: 'two years',
    from: start,
    until: start + 730 * day,
    poll: day,
    bases: [
      { reference: 'docker.io/library/debian:12', published: steady('debian', start - day, 26 * day, 28) },
      { reference: 'docker.io/library/node:22', published: steady('node', start - day, 9 * day, 80) },
      {
        reference: 'docker.io/library/golang:1',
        published: recorded(
          steady('golang', start - day, 3 * day, 240).map(({ at, digest }) => ({ at, digest })),
        ),
      },
    ],
    images: [
      { name: 'platform', uses: uses('docker.io/library/debian:12') },
      { name: 'left', uses: [{ image: 'platform' }] },
      { name: 'right', uses: [{ image: 'platform' }, { base: 'docker.io/library/golang:1', copied: true }] },
      { name: 'top', uses: [{ image: 'left' }, { image: 'right', copied: true }] },
      { name: 'site', uses: uses('docker.io/library/node:22') },
      { name: 'tool', uses: uses('docker.io/library/golang:1') },
    ],
  };
}

function busyTag(): Scenario {
  return {
    name: 'busy tag',
    from: start,
    until: start + 60 * day,
    poll: hour / 4,
    bases: [
      { reference: 'docker.io/library/busy:1', published: steady('busy', start - hour, hour, 60 * 24) },
    ],
    images: [{ name: 'site', uses: [{ base: 'docker.io/library/busy:1' }] }],
  };
}
