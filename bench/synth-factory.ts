import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase, encodeImage } from '@image-factory/core/state/encode.ts';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { baseRecord, imageRecord } from '@image-factory/testing/records.ts';

const imagesPerBase = 10;

export interface SynthFactory {
  /** The factory directory. */
  readonly dir: string;
  /** What the command keeps between runs goes here. */
  readonly cache: string;
  remove(): Promise<void>;
}

/** A factory directory of so many images for Kargo, its state on a git server: 95 of 100 managed, one base for ten. */
export async function createSynthFactory(count: number): Promise<SynthFactory> {
  const dir = await mkdtemp(join(tmpdir(), 'image-factory-synth-'));
  const remote = await createGitRemote();
  const externals = Math.ceil(count / 20);
  const entries: string[] = [];
  const state: Record<string, string> = {};
  for (let index = 0; index < count - externals; index += 1) {
    const name = `image-${String(index).padStart(5, '0')}`;
    const base = `library-${index % Math.ceil(count / imagesPerBase)}`;
    entries.push(
      `- name: ${name}\n  repository: ghcr.io/acme/${name}\n  source: { repo: acme/${name}, branch: main }\n`,
    );
    state[`images/${name}.yaml`] = encodeImage(undefined, imageRecord({ name, baseImages: [base] }));
  }
  for (let index = 0; index < externals; index += 1) {
    const name = `external-${index}`;
    entries.push(`- name: ${name}\n  repository: docker.io/library/postgres\n  allowTags: ^16[.0-9]*$\n`);
    state[`images/${name}.yaml`] = encodeImage(
      undefined,
      imageRecord({
        name,
        discoveryStatus: 'external',
        repoURL: 'docker.io/library/postgres',
        allowTags: '^16[.0-9]*$',
      }),
    );
  }
  for (let index = 0; index < count / imagesPerBase; index += 1) {
    const record = baseRecord({ name: `library-${index}`, repository: `library/base-${index}`, tag: '1' });
    state[`base-images/${record.name}.yaml`] = encodeBase(undefined, record);
  }
  await remote.commit(state, { branch: 'image-factory/state' });
  const server = await remote.serve();
  await writeFile(join(dir, 'images.yaml'), entries.join(''));
  await writeFile(
    join(dir, 'factory.yaml'),
    `engine: kargo
state: { mode: git, remote: "${server.url}" }
kargo: { image: "registry.example.com/image-factory@sha256:${'0'.repeat(64)}" }
`,
  );
  return {
    dir,
    cache: join(dir, '.cache'),
    async remove() {
      await server.close();
      await remote.remove();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
