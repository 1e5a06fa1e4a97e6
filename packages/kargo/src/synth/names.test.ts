import { baseRecord, externalEnrolment, imageRecord, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { newNames } from './names.ts';
import { synthesize } from './test-factory.ts';

describe('names of resources', () => {
  test('the same subject has one name, kinds do not meet, and whoever comes second gets a hash', () => {
    const names = newNames();
    expect(names.of('Stage', 'observe', 'image-web')).toBe('observe-image-web');
    expect(names.of('Stage', 'observe', 'image-web')).toBe('observe-image-web');
    expect(names.of('Warehouse', 'observe-image', 'web')).toBe('observe-image-web');
    expect(names.of('Stage', 'observe-image', 'web')).toMatch(/^observe-image-web-[0-9a-f]{8}$/);
    expect(newNames().of('Stage', 'analyzed', '')).toBe('analyzed');
  });

  test('long ones with the same beginning stay apart', () => {
    const names = newNames();
    const long = ['one', 'two'].map((end) =>
      names.of('Stage', 'analyze-dockerfile', `${'a'.repeat(45)}-${end}`),
    );
    expect(new Set(long).size).toBe(2);
    for (const name of long) expect(name).toHaveLength(50);
  });

  test('a base and an external image whose Stages would be called alike', () => {
    const images = [externalEnrolment({ name: 'web', allowTags: '^1$' })];
    const upstream = { repoURL: 'docker.io/library/web', allowTags: '^1$' };
    const state = stateOf({
      images: [imageRecord({ name: 'web', ...upstream })],
      bases: [baseRecord({ name: 'image-web', repository: 'library/other', tag: '1' })],
    });
    const stages = synthesize(images, state).manifests.filter(({ kind }) => kind === 'Stage');
    expect(stages.map(({ metadata }) => metadata.name)).toEqual([
      'observe-image-web',
      expect.stringMatching(/^observe-image-web-[0-9a-f]{8}$/),
    ]);
  });
});
