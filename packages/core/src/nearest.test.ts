import { describe, expect, it } from 'vitest';
import { nearest, nearestOf } from './nearest.ts';

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

describe('nearestOf', () => {
  it('gives the nearest first, at most so many, and of equals the first', () => {
    const branches = ['mains', 'release', 'maine', 'main', 'domain'];
    expect(nearestOf('mian', branches, 3)).toEqual(['main']);
    expect(nearestOf('maind', branches, 3)).toEqual(['mains', 'maine', 'main']);
    expect(nearestOf('maind', branches, 2)).toEqual(['mains', 'maine']);
    expect(nearestOf('x', ['production'], 3)).toEqual([]);
  });
});
