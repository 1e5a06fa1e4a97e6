import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { formatMemory, formatTime, runNodeWithMemory } from './measure.ts';

const command = join(import.meta.dirname, '../packages/cli/dist/main.js');
const imageCount = 10_000;

export const bench: Bench = {
  name: 'analyze',
  about: `\`image-factory analyze\` of ${imageCount.toLocaleString('en')} images with two-stage Dockerfiles in one git repository, state in a folder: a first run, then one without news.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  // Both are removed at the end only: while a disk forgets tens of thousands of files it makes new ones slowly.
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-analyze-'));
  try {
    // Teams copy Dockerfiles from each other, and copies are read and parsed once: the other extreme is measured too.
    const copies = await measure(join(folder, 'copies'), () => 'acme');
    const own = await measure(join(folder, 'own'), (number) => `service-${number}`);
    return [
      row('first run, 40 different Dockerfiles', copies.first, 2000),
      row('unchanged run, 40 different Dockerfiles', copies.again, 800),
      row('first run, no two Dockerfiles alike', own.first, 2000),
      row('unchanged run, no two Dockerfiles alike', own.again, 800),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly wall: number;
  readonly peakMemory: number;
}

async function measure(
  folder: string,
  labelOf: (number: number) => string,
): Promise<{ first: Measured; again: Measured }> {
  const factory = join(folder, 'factory');
  await createRepository(factory, labelOf);
  const environment = { ...process.env, IMAGE_FACTORY_CACHE_DIR: join(folder, 'cache') };
  const args = [command, '--dir', factory, 'analyze'];
  const first = await runNodeWithMemory(args, { cwd: folder, env: environment });
  execFileSync('sync');
  const again = await runNodeWithMemory(args, { cwd: folder, env: environment });
  return { first, again };
}

function row(what: string, { wall, peakMemory }: Measured, most: number): Row {
  return {
    what,
    measured: `${formatTime(wall)}, ${formatMemory(peakMemory)}`,
    aim: { text: `at most ${most / 1000} s and 400 MB`, met: wall <= most && peakMemory < 400e6 },
  };
}

async function createRepository(factory: string, labelOf: (number: number) => string): Promise<void> {
  const entries: string[] = [];
  for (let number = 0; number < imageCount; number += 1) {
    const folder = `services/s${number}`;
    await mkdir(join(factory, folder), { recursive: true });
    await writeFile(
      join(factory, folder, 'Dockerfile'),
      `FROM docker.io/library/golang:1.${number % 40}-bookworm AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /app ./...\nFROM gcr.io/distroless/base-debian12:nonroot\nCOPY --from=build /app /app\nLABEL title=${labelOf(number)}\nENTRYPOINT ["/app"]\n`,
    );
    entries.push(
      `- name: service-${number}\n  registry: ghcr.io\n  repository: acme/service-${number}\n  source: { provider: local, repo: ., dockerfile: ${folder}/Dockerfile }\n`,
    );
  }
  await writeFile(join(factory, 'images.yaml'), entries.join(''));
  await writeFile(join(factory, '.gitignore'), 'state/\n');
  const git = (...args: string[]) =>
    execFileSync('git', [
      '-C',
      factory,
      // It would go on beside the measurement.
      '-c',
      'gc.auto=0',
      '-c',
      'user.name=bench',
      '-c',
      'user.email=bench@localhost',
      ...args,
    ]);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'services');
  // A clone has its objects in a pack.
  git('repack', '-a', '-d', '-q');
  // What the disk still has to write of this is not part of the measurement.
  execFileSync('sync');
}
