import { describe, expect, it } from 'vitest';
import { contentHash, platformFrom, readImageConfig } from './image-config.ts';

const base = {
  architecture: 'amd64',
  os: 'linux',
  config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
  rootfs: { type: 'layers', diff_ids: [] },
};

describe('the hash of a configuration', () => {
  it.each([
    [
      'order of keys',
      {
        rootfs: base.rootfs,
        config: { Cmd: ['sh'], Env: ['PATH=/bin'] },
        os: 'linux',
        architecture: 'amd64',
      },
    ],
    ['dates and history', { ...base, created: '2026-01-01T00:00:00Z', history: [{ created_by: 'x' }] }],
    ['labels', { ...base, config: { ...base.config, Labels: { revision: 'abc' } } }],
    [
      'fields of the builder',
      { ...base, container: 'c', container_config: {}, docker_version: '27', id: 'i', parent: 'p' },
    ],
    [
      'settings that are not set',
      { ...base, config: { ...base.config, Labels: null, Volumes: null, OnBuild: [], Image: '' } },
    ],
  ])('is the same whatever the %s', (_, other) => {
    expect(contentHash(other)).toBe(contentHash(base));
  });

  it.each([
    ['environment', { ...base, config: { ...base.config, Env: ['PATH=/usr/bin'] } }],
    ['order of the command', { ...base, config: { ...base.config, Cmd: ['-c', 'sh'] } }],
    ['user', { ...base, config: { ...base.config, User: 'nobody' } }],
    ['architecture', { ...base, architecture: 'arm64' }],
    ['layers', { ...base, rootfs: { type: 'layers', diff_ids: [`sha256:${'1'.repeat(64)}`] } }],
  ])('changes with the %s', (_, other) => {
    expect(contentHash(other)).not.toBe(contentHash(base));
  });
});

describe('a configuration', () => {
  it.each([
    ['an artifact', {}],
    ['bad diff ids', { ...base, rootfs: { diff_ids: ['sha256:x'] } }],
    ['too many layers', { ...base, rootfs: { diff_ids: Array(2000).fill(`sha256:${'1'.repeat(64)}`) } }],
  ])('is none: %s', (_, json) => {
    expect(readImageConfig(json)).toBeUndefined();
  });

  it('nested beyond reason is refused', () => {
    const text = `{"rootfs":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
    expect(readImageConfig(JSON.parse(text) as Record<string, unknown>)).toBe('nested');
  });

  it.each([
    [{ os: 'linux', architecture: 'aarch64' }, 'linux/arm64'],
    [{ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'linux/arm64'],
    [{ os: 'linux', architecture: 'arm' }, 'linux/arm/v7'],
    [{ os: 'linux', architecture: 'arm', variant: 'v6' }, 'linux/arm/v6'],
    [{ os: 'Linux', architecture: 'x86_64' }, 'linux/amd64'],
    [{ os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' }, 'windows/amd64'],
    [{ os: 'unknown', architecture: 'unknown' }, undefined],
    [{ os: 'linux' }, undefined],
    [{ os: '../x', architecture: 'amd64' }, undefined],
    [{ os: 7, architecture: [] }, undefined],
  ])('platform %j', (json, expected) => {
    expect(platformFrom(json)).toBe(expected);
  });
});
