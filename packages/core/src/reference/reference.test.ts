import fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { must } from '../result.ts';
import { parseDigest } from './digest.ts';
import { familiarReference, formatReference, parseNamed, parseReference, repositoryOf } from './parse.ts';

interface Vector {
  readonly in: string;
  readonly error?: string;
  readonly domain?: string;
  readonly path?: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly normalized?: string;
  readonly familiar?: string;
}

const sample = new URL('testdata/references.jsonl', import.meta.url);
const whole = new URL('../../../../../shared/data/dockerfile-vectors/references.jsonl', import.meta.url);

function vectorsOf(file: URL): Vector[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Vector);
}

function answer(text: string): Omit<Vector, 'in'> {
  const named = parseNamed(text);
  if (!named.ok) return { error: named.error };
  return {
    ...named.value,
    normalized: formatReference(must(parseReference(text))),
    familiar: familiarReference(named.value),
  };
}

/** Vectors that get another answer, with that answer: none should. */
function wrongOf(vectors: readonly Vector[]): unknown[] {
  return vectors.flatMap(({ in: text, ...rest }) => {
    const { domain, path, tag, digest, normalized, familiar, error } = rest;
    const expected = error === undefined ? { domain, path, tag, digest, normalized, familiar } : { error };
    const got = answer(text);
    return sorted(got) === sorted(expected) ? [] : [{ text, got, expected }];
  });
}

function sorted(value: object): string {
  return JSON.stringify(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('references as distribution/reference reads them', () => {
  test('the sampled vectors', () => {
    const vectors = vectorsOf(sample);
    expect(vectors.length).toBeGreaterThan(400);
    expect(wrongOf(vectors)).toEqual([]);
  });

  test.skipIf(!existsSync(whole))(
    'all vectors (skipped where the shared data is not beside the repository)',
    () => {
      expect(wrongOf(vectorsOf(whole))).toEqual([]);
    },
  );

  test('docker.io, library/ and latest are written out', () => {
    expect(formatReference(must(parseReference('node')))).toBe('docker.io/library/node:latest');
    expect(formatReference(must(parseReference('index.docker.io/a/b:1')))).toBe('docker.io/a/b:1');
    expect(repositoryOf(must(parseReference('node:22')))).toBe('docker.io/library/node');
    expect(familiarReference(must(parseReference('docker.io/library/node:22')))).toBe('node:22');
  });

  test('a digest keeps the tag away that nobody wrote, and keeps the one that somebody did', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(must(parseReference(`alpine@${digest}`))).toEqual({
      domain: 'docker.io',
      path: 'library/alpine',
      digest,
    });
    expect(formatReference(must(parseReference(`alpine:3@${digest}`)))).toBe(
      `docker.io/library/alpine:3@${digest}`,
    );
  });

  test('a first component that is no domain is a path where that is allowed', () => {
    expect(must(parseReference('a__b.c/d'))).toEqual({ domain: '', path: 'a__b.c/d', tag: 'latest' });
  });
});

describe('properties', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const separator = fc.constantFrom('.', '_', '__', '-', '--');
  const component = fc.tuple(label, separator, label).map((parts) => parts.join(''));
  const path = fc
    .array(fc.oneof(label, component), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'));
  const domain = fc.constantFrom(
    '',
    'ghcr.io/',
    'localhost/',
    'MyHost/',
    '127.0.0.1:5000/',
    '[::1]:80/',
    'docker.io/',
  );
  const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: '' });
  const digest = fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: '' });

  test('what is formatted is read back as it was', () => {
    fc.assert(
      fc.property(domain, path, tag, digest, (host, name, label_, hex) => {
        const text = `${host}${name}${label_ && `:${label_}`}${hex && `@sha256:${hex}`}`;
        const reference = must(parseReference(text));
        expect(must(parseReference(formatReference(reference)))).toEqual(reference);
      }),
    );
  });

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(parseReference(text)).toHaveProperty('ok');
      }),
    );
  });

  test('hostile names take time in proportion to their length', () => {
    const names = [
      'a'.repeat(200_000),
      'a-'.repeat(100_000),
      `${'a_'.repeat(100_000)}+`,
      '['.repeat(200_000),
    ];
    const started = performance.now();
    for (const name of names)
      for (const text of [name, `${name}/x`, `x/${name}`, `x:${name}`]) parseReference(text);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('digests', () => {
  test('only the registered algorithms, at their length, in lower case', () => {
    expect(parseDigest(`sha256:${'a'.repeat(64)}`).ok).toBe(true);
    expect(parseDigest(`sha512:${'0'.repeat(128)}`).ok).toBe(true);
    expect(parseDigest(`sha256:${'a'.repeat(63)}`)).toEqual({
      ok: false,
      error: 'invalid checksum digest length',
    });
    expect(parseDigest(`sha256:${'A'.repeat(64)}`)).toEqual({
      ok: false,
      error: 'invalid checksum digest format',
    });
    expect(parseDigest(`md5:${'a'.repeat(32)}`)).toEqual({
      ok: false,
      error: 'unsupported digest algorithm',
    });
    expect(parseDigest('sha256').ok).toBe(false);
  });
});
