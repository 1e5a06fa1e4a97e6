import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { GlobalOptions } from '../global-options.ts';

const images = `# The images that Image Factory keeps up to date. image-factory validate checks this file,
# image-factory schema images prints its JSON Schema for your editor.
#
# - name: backstage                    # an image that you build
#   repository: ghcr.io/acme/backstage
#   source:
#     repo: acme/platform
#     dockerfile: apps/backstage/Dockerfile
# - name: postgres                     # an image that others build
#   repository: docker.io/library/postgres
#   allowTags: ^16[.0-9]*-alpine$
#   imageSelectionStrategy: SemVer
[]
`;

const factory = `# Settings; every key has a default. image-factory schema factory prints the JSON Schema.
engine: embedded
state:
  mode: directory   # the folder state/ beside this file; git keeps it on a branch of its own
# registries:
#   "127.0.0.1:5000": { insecure: true }
`;

export async function init(options: GlobalOptions): Promise<Answer> {
  const written: string[] = [];
  const paths = [
    [join(options.dir, 'images.yaml'), images],
    [join(options.dir, 'factory.yaml'), factory],
  ] as const;
  const there = paths.map(([path]) => path).filter((path) => existsSync(path));
  if (there.length > 0) {
    throw new FactoryError({
      code: 'USAGE',
      message: `${there.join(' and ')} already there`,
      hint: 'Nothing was written. image-factory enroll adds an image.',
    });
  }
  await mkdir(options.dir, { recursive: true });
  for (const [path, text] of paths) {
    await writeFile(path, text, { flag: 'wx' });
    written.push(path);
  }
  return {
    value: { written },
    text: () =>
      written.map((path) => `wrote ${path}\n`).join('') +
      'Next: image-factory enroll NAME --repository ... --repo ...\n',
  };
}
