import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, Row } from './bench.ts';
import { compare, formatMemory, formatTime, runChild, runNodeWithMemory } from './measure.ts';

const command = join(import.meta.dirname, '../packages/cli/dist/main.js');
const rounds = 25;
const imageCount = 100;

export const bench: Bench = {
  name: 'start',
  about: `The built command against \`node -e 0\`, in turn, ${rounds} times each; medians. Its factory has ${imageCount} images.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const factory = await mkdtemp(join(tmpdir(), 'image-factory-start-'));
  try {
    await createFactory(factory);
    await runChild(process.execPath, [command, '--dir', factory, 'analyze'], { cwd: factory });
    return [
      await startRow('image-factory --version', ['--version'], factory, 'at most 3x', 3),
      await startRow('image-factory status', ['--dir', factory, 'status'], factory, 'at most 3x', 3),
    ];
  } finally {
    await rm(factory, { recursive: true, force: true });
  }
}

async function startRow(
  what: string,
  args: readonly string[],
  cwd: string,
  text: string,
  most: number,
): Promise<Row> {
  const { subject, baseline, ratio } = await compare(
    rounds,
    () => runChild(process.execPath, [command, ...args], { cwd }),
    () => runChild(process.execPath, ['-e', '0'], { cwd }),
  );
  const { peakMemory } = await runNodeWithMemory([command, ...args], { cwd });
  return {
    what,
    measured: `${formatTime(subject)}, ${formatMemory(peakMemory)}`,
    comparedWith: `node -e 0: ${formatTime(baseline)}`,
    ratio,
    aim: { text, met: ratio <= most },
  };
}

/** A factory directory that keeps its state in a folder, with images whose Dockerfiles lie beside it. */
async function createFactory(folder: string): Promise<void> {
  const entries: string[] = [];
  for (let number = 1; number <= imageCount; number += 1) {
    const name = `service-${number}`;
    await mkdir(join(folder, name));
    await writeFile(
      join(folder, name, 'Dockerfile'),
      `FROM docker.io/library/golang:1.${number % 20} AS build\nRUN make\nFROM gcr.io/distroless/base-debian12\nCOPY --from=build /app /app\n`,
    );
    entries.push(
      `- name: ${name}\n  registry: registry.example\n  repository: team/${name}\n  source:\n    provider: local\n    repo: .\n    dockerfile: ${name}/Dockerfile\n`,
    );
  }
  await writeFile(join(folder, 'images.yaml'), entries.join(''));
  await writeFile(join(folder, 'factory.yaml'), 'state:\n  mode: directory\n');
}
