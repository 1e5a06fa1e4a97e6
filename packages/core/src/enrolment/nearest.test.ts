import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const keys = ['repository', 'registry', 'rebuildDelay', 'rebuildOn', 'dockerfile', 'tags', 'mode'];

describe('nearest', () => {
  it.each([
    ['repositry', 'repository'],
    ['Dockerfile', 'dockerfile'],
    ['docker_file', 'dockerfile'],
    ['rebuild-delay', 'rebuildDelay'],
    ['rebulidOn', 'rebuildOn'],
    ['tgas', 'tags'],
    ['moed', 'mode'],
    ['regsitry', 'registry'],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
  ])('%.20j means %j', (wrong, meant) => {
    expect(nearest(wrong, keys)).toBe(meant);
  });
});
