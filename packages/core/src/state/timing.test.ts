import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  amd64,
  dependency,
  digest,
  epoch,
  imageRecord,
  platformContent,
  rebuild,
  stateOf,
} from '@image-factory/testing/records.ts';
import * as jsYaml from 'js-yaml';
import { expect, it } from 'vitest';
import { stateChanges } from './changes.ts';
import { exportDecodeCache, importDecodeCache, newDecodeCache } from './decode-cache.ts';
import { decodeState, emptyState } from './decode-state.ts';
import type { ImageRecord } from './types.ts';

/** Counted down from ten thousand to keep the test short; the times printed are scaled up. */
const count = 2000;
const scale = 10_000 / count;

function usual(index: number): ImageRecord {
  const layers = Array.from({ length: 10 }, (_, layer) => `layer ${layer}`);
  const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('node') }];
  return imageRecord({
    name: `image-${index}`,
    discoveryStatus: 'success',
    baseImages: ['node-22', 'node-22-slim'],
    dependencies: [dependency(), dependency({ stage: '1', base: 'node-22-slim' })],
    builtFrom: { 'node-22': { digest: digest('node'), evidence: 'layers' } },
    content: { digest: digest('content'), firstSeen: epoch, platforms: { [amd64]: platformContent(layers) } },
    rebuilds: [rebuild({ pins }), rebuild({ pins, key: 'key-2' }), rebuild({ pins, key: 'key-3' })],
  });
}

/** Milliseconds of processor time in the best of a few tries: the machine may be busy with other things. */
function timed(label: string, work: () => unknown): number {
  const times = Array.from({ length: 2 }, () => {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  const best = Math.min(...times);
  // oxlint-disable-next-line no-console -- the figures are what this test is for
  console.log(
    `${label}: ${(best * scale).toFixed(0)} ms for 10,000, ${((best / count) * 1000).toFixed(1)} µs each`,
  );
  return best;
}

it('reads and writes ten thousand images in well under a second each', () => {
  const state = stateOf({ images: Array.from({ length: count }, (_, index) => usual(index)) });
  const files = new Map([...stateChanges(emptyState, state, new Map())] as [string, string][]);
  const kilobytes = [...files.values()].reduce((sum, text) => sum + text.length, 0) / count / 1000;
  // oxlint-disable-next-line no-console -- the figures are what this test is for
  console.log(`${count} files of ${kilobytes.toFixed(1)} kB`);

  const decode = timed('decode', () => decodeState(files));
  const cache = newDecodeCache();
  const decoded = decodeState(files, cache).state;
  const cached = timed('decode with cache', () => decodeState(files, cache));
  const exported = exportDecodeCache(cache);
  timed('export the cache', () => exportDecodeCache(cache));
  timed('import the cache', () => importDecodeCache(exported, files));
  const touched = {
    ...decoded,
    images: new Map([...decoded.images].map(([name, image]) => [name, { ...image, currentVersion: '2' }])),
  };
  const encodeAll = timed('encode all, changed', () => stateChanges(decoded, touched, files));
  const encodeNew = timed('encode all, new', () => stateChanges(emptyState, decoded, new Map()));
  const unchanged = timed('changes of nothing', () =>
    stateChanges(decoded, { ...decoded, images: new Map(decoded.images) }, files),
  );
  expect(decoded.images.get('image-77')).toEqual(state.images.get('image-77'));
  expect(decoded.images.size).toBe(count);
  expect(cached).toBeLessThan(decode / 5);
  expect(unchanged).toBeLessThan(decode / 5);

  // Against the libraries rather than the clock, which says more about the machine.
  const texts = [...files.values()];
  const data = texts.map((text) => jsYaml.load(text));
  const load = timed('for comparison: load by js-yaml', () => texts.map((text) => jsYaml.load(text)));
  const dump = timed('for comparison: dump by js-yaml', () => data.map((value) => jsYaml.dump(value)));
  expect(decode).toBeLessThan(load * 2);
  expect(encodeNew).toBeLessThan(dump);
  expect(encodeAll).toBeLessThan(dump * 2);
}, 120_000);

it('reads and edits ten thousand files of the older tool', () => {
  const text = readFileSync(join(import.meta.dirname, 'testdata/older/images/portal.yaml'), 'utf8');
  const files = new Map(
    Array.from(
      { length: count },
      (_, index) => [`images/i${index}.yaml`, text.replace('name: portal', `name: i${index}`)] as const,
    ),
  );
  const decode = timed('decode older', () => decodeState(files));
  const { state } = decodeState(files);
  const touched = {
    ...state,
    images: new Map([...state.images].map(([name, image]) => [name, { ...image, lastBuilt: epoch }])),
  };
  const edit = timed('edit older', () => stateChanges(state, touched, files));
  expect(stateChanges(state, touched, files).size).toBe(count);
  expect(edit).toBeLessThan(decode * 20);
}, 120_000);
