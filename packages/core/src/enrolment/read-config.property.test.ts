import fc from 'fast-check';
import { performance } from 'node:perf_hooks';
import { dump } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { factoryShape } from './factory-schema.ts';
import { entryShape } from './images-schema.ts';
import { readConfig, type ReadConfig } from './read-config.ts';

function read(images: string, factory: string): ReadConfig {
  return readConfig({
    images: { path: 'images.yaml', text: images },
    imagesDir: [{ path: 'images.d/x.yaml', text: images }],
    factory: { path: 'factory.yaml', text: factory },
  });
}

/** What is wrong with an answer, whatever was asked. */
function defects({ config, problems, warnings }: ReadConfig): unknown[] {
  const bad = [...problems, ...warnings].filter(
    ({ message, hint, place }) =>
      /undefined|\[object/.test(message) ||
      hint === '' ||
      (place !== undefined && !((place.line ?? 1) > 0 && (place.column ?? 1) > 0)),
  );
  return (config === undefined) === problems.length > 0 ? bad : [...bad, 'a configuration beside problems'];
}

describe('readConfig never throws', () => {
  it('on any text', () => {
    const marks = fc.constantFrom(...'a: \n-[]{}"&*<!|\t#,'.split(''));
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: marks }));
    fc.assert(
      fc.property(text, text, (images, factory) => {
        expect(defects(read(images, factory))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('on any structure of known and unknown keys', () => {
    const words = 'a ghcr.io acme/a ^1$ 7d daily .. latest linux/amd64 2026-12-20 github git'.split(' ');
    const leaf = fc.oneof(fc.constantFrom<unknown>(...words, '* * * * *', '', 0, 1, null, true), fc.string());
    const nested = 'repo dockerfile context buildArgs cron from to duration canaries enrollment tag'.split(
      ' ',
    );
    const keys = [...Object.keys(entryShape.shape), ...Object.keys(factoryShape.shape), ...nested];
    const { tree } = fc.letrec<{ tree: unknown; map: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), tie('map')),
      map: fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 5 }),
    }));
    const list = fc.array(tree, { maxLength: 4 });
    const images = fc.oneof(list, fc.record({ defaults: tree, images: list }));
    fc.assert(
      fc.property(images, tree, (written, factory) => {
        expect(defects(read(dump(written), dump(factory)))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('on damaged copies of a good file', () => {
    const source = { repo: 'acme/a', buildArgs: { A: 1 } };
    const good = dump([
      { name: 'a', repository: 'ghcr.io/acme/a', tags: ['1'], source },
      { name: 'b', repository: 'node', allowTags: '^22$', rebuildDelay: '7d' },
    ]);
    const damage = fc.tuple(fc.nat(good.length), fc.nat(6), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (cuts) => {
        const cut = (all: string, [at, length, put]: [number, number, string]): string =>
          all.slice(0, at) + put + all.slice(at + length);
        expect(defects(read(cuts.reduce(cut, good), ''))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('10,000 enrolments', () => {
  const entry = (index: number): string => `- name: image-${index}
  registry: ghcr.io
  repository: acme/image-${index}
  tags: ["1", latest]
  platforms: [linux/amd64, linux/arm64]
  source:
    repo: acme/platform
    branch: main
    dockerfile: apps/image-${index}/Dockerfile
    buildArgs:
      NODE_VERSION: "22"
  rebuildDelay: 7d
  schedule: daily
`;
  const text = Array.from({ length: 10_000 }, (_, index) => entry(index)).join('');

  it('are read in one go', () => {
    const started = performance.now();
    const { config } = readConfig({ images: { path: 'images.yaml', text }, imagesDir: [] });
    const took = performance.now() - started;
    process.stdout.write(
      `readConfig: 10,000 entries, ${(text.length / 1e6).toFixed(1)} MB, ${took.toFixed(0)} ms\n`,
    );
    expect(config?.images).toHaveLength(10_000);
    expect(config?.images.at(-1)?.place).toEqual({ file: 'images.yaml', line: 9999 * 13 + 1, column: 3 });
  });

  it('are all looked at when each has a mistake', () => {
    const { problems } = readConfig({
      images: { path: 'images.yaml', text: text.replaceAll('rebuildDelay', 'rebuildDelays') },
      imagesDir: [],
    });
    expect(problems).toHaveLength(1001);
    expect(problems.at(-1)?.message).toBe('9000 more problems are not shown');
  });
});
