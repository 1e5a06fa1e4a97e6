import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { must } from '../result.ts';
import { parsePlatform, platformName, splitPlatform } from './platform.ts';

interface Vector {
  readonly in: string;
  readonly error?: string;
  readonly result?: string;
}

const sample = new URL('testdata/platforms.jsonl', import.meta.url);
const whole = new URL('../../../../../shared/data/dockerfile-vectors/platforms.jsonl', import.meta.url);

function vectorsOf(file: URL): Vector[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Vector);
}

/** Vectors that get another answer, with that answer: none should. */
function wrongOf(vectors: readonly Vector[]): unknown[] {
  return vectors.flatMap((vector) => {
    const platform = parsePlatform(vector.in);
    const got = platform.ok ? platform.value : undefined;
    return got === vector.result ? [] : [{ ...vector, got }];
  });
}

describe('platforms as containerd reads them', () => {
  test('the sampled vectors', () => {
    const vectors = vectorsOf(sample);
    expect(vectors.length).toBeGreaterThan(200);
    expect(wrongOf(vectors)).toEqual([]);
  });

  test.skipIf(!existsSync(whole))(
    'all vectors (skipped where the shared data is not beside the repository)',
    () => {
      expect(wrongOf(vectorsOf(whole))).toEqual([]);
    },
  );

  test('one part takes the other from the builder', () => {
    const windows = { defaultOs: 'windows', defaultArchitecture: 'arm64' };
    expect(must(parsePlatform('amd64', windows))).toBe('windows/amd64');
    expect(must(parsePlatform('linux', windows))).toBe('linux/arm64');
  });

  test('version and features of the system survive', () => {
    const name = must(parsePlatform('windows(10.0.17763.1+win32k+a)/amd64'));
    expect(name).toBe('windows(10.0.17763.1+a+win32k)/amd64');
    expect(splitPlatform(name)).toEqual({
      os: 'windows',
      architecture: 'amd64',
      variant: '',
      osVersion: '10.0.17763.1',
      osFeatures: ['a', 'win32k'],
    });
  });

  test('names made from parts are normal', () => {
    expect(platformName({ os: 'Linux', architecture: 'aarch64', variant: 'v8' })).toBe('linux/arm64');
    expect(platformName({ os: 'linux', architecture: 'arm' })).toBe('linux/arm/v7');
  });

  test('wildcards, empty parts and long texts are refused', () => {
    for (const text of ['linux/*', '', '/', 'linux/', 'a/b/c/d', 'x'.repeat(2000)]) {
      expect(parsePlatform(text).ok).toBe(false);
    }
  });
});
