import type { Digest } from '@image-factory/core/reference/types.ts';
import { describe, expect, test } from 'vitest';
import { pinContexts, repositoryOf } from './pin-contexts.ts';
import { dependency, pin } from './test-request.ts';

const a = `sha256:${'a'.repeat(64)}` as Digest;
const b = `sha256:${'b'.repeat(64)}` as Digest;
const node = 'docker.io/library/node:latest';
const value = `docker-image://docker.io/library/node@${a}`;
const none = new Set<string>();

describe('buildah', () => {
  test('gets the written word and every familiar form', () => {
    const result = pinContexts(
      'buildah',
      { pins: [pin(node, a)], dependencies: [dependency(node, { written: '${X:-node}' })] },
      none,
    );
    expect(result).toEqual({
      ok: true,
      value: new Map(
        [
          '${X:-node}',
          node,
          'docker.io/library/node',
          'library/node:latest',
          'library/node',
          'node:latest',
          'node',
        ].map((key) => [key, value]),
      ),
    });
  });

  test('familiar forms that nobody wrote give way to stage names', () => {
    const result = pinContexts(
      'buildah',
      { pins: [pin(node, a)], dependencies: [dependency(node, { written: 'node:latest' })] },
      new Set(['node']),
    );
    expect(result.ok && result.value.has('node')).toBe(false);
    expect(result.ok && result.value.get('node:latest')).toBe(value);
  });

  test('a name without a pin is spelled out, and a syntax image is none of its business', () => {
    const reference = 'docker.io/library/centos:7';
    const dependencies = [
      dependency(reference, { written: 'centos:7' }),
      dependency('docker.io/docker/dockerfile:1', { kind: 'syntax', final: false }),
    ];
    const result = pinContexts('buildah', { pins: [], dependencies }, none);
    expect(result.ok && result.value.get('centos:7')).toBe(`docker-image://${reference}`);
    expect(result.ok && [...result.value.keys()].some((key) => key.includes('dockerfile'))).toBe(false);
  });

  test('an expansion with an equals sign cannot be a key', () => {
    const result = pinContexts(
      'buildah',
      { pins: [pin(node, a)], dependencies: [dependency(node, { written: '${X:-a=b}' })] },
      none,
    );
    expect(result).toMatchObject({ ok: false, error: { code: 'BUILDER_UNSUPPORTED' } });
  });
});

test('docker gets the normalised name only', () => {
  const result = pinContexts(
    'docker',
    { pins: [pin(node, a)], dependencies: [dependency(node, { written: 'node' })] },
    none,
  );
  expect(result).toEqual({ ok: true, value: new Map([[node, value]]) });
});

test.each(['buildah', 'docker'] as const)('%s: what cannot be pinned is refused', (tool) => {
  const digested = `docker.io/library/node:22@${b}`;
  const cases = [
    { pins: [pin(node, a)], dependencies: [] },
    { pins: [pin(digested, a)], dependencies: [dependency(digested)] },
    {
      pins: [pin(node, a)],
      dependencies: [dependency(node, { written: 'node' })],
      stages: new Set(['node']),
    },
  ];
  for (const { pins, dependencies, stages } of cases) {
    expect(pinContexts(tool, { pins, dependencies }, stages ?? none)).toMatchObject({
      ok: false,
      error: { code: 'BUILDER_UNSUPPORTED' },
    });
  }
});

test('a digest in the source that is the approved one needs nothing', () => {
  const digested = `docker.io/library/node:22@${a}`;
  expect(
    pinContexts('buildah', { pins: [pin(digested, a)], dependencies: [dependency(digested)] }, none),
  ).toEqual({ ok: true, value: new Map() });
});

test.each([
  ['127.0.0.1:5000/a/b:1', '127.0.0.1:5000/a/b'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b'],
  [`docker.io/library/x:1@${a}`, 'docker.io/library/x'],
])('repository of %s', (reference, repository) => expect(repositoryOf(reference)).toBe(repository));
