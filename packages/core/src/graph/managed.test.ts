import { baseRecord, enrolment, imageRecord } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph, type ManagedGraph } from './managed.ts';

/** `{ child: ['parent', 'parent:tag'] }`; every name is an enrolled image. */
function graphOf(
  parents: Readonly<Record<string, readonly string[]>>,
  enrolments: readonly ManagedEnrolment[] = Object.keys(parents).map((name) => enrolment({ name })),
): ManagedGraph {
  const split = (use: string): [string, string] => [use.split(':')[0] ?? '', use.split(':')[1] ?? 'latest'];
  const bases = Object.values(parents)
    .flat()
    .map((use) => {
      const [name, tag] = split(use);
      return baseRecord({ name: use, registry: 'ghcr.io', repository: `acme/${name}`, tag });
    });
  const images = Object.entries(parents).map(([name, baseImages]) => imageRecord({ name, baseImages }));
  return managedGraph(
    enrolments,
    new Map(images.map((image) => [image.name, image])),
    new Map(bases.map((base) => [base.name, base])),
  );
}

describe('edges', () => {
  it('go by repository and a tag that the parent moves', () => {
    const graph = graphOf({ base: [], app: ['base', 'outside'], tool: ['base:1'] });
    expect(graph.nodes.get('app')?.parents).toEqual([{ image: 'base', base: 'base' }]);
    expect(graph.nodes.get('base')?.children).toEqual(['app']);
    expect([...graph.unmovedTags]).toEqual([['base:1', 'base']]);
  });

  it('find the one of several images in a repository whose build moves the tag', () => {
    const images = [
      enrolment({ name: 'jdk21', repository: 'acme/jdk', tags: ['21'] }),
      enrolment({ name: 'jdk17', repository: 'acme/jdk', tags: ['17'] }),
      enrolment({ name: 'app' }),
    ];
    const graph = graphOf({ app: ['jdk:17', 'jdk:8'] }, images);
    expect(graph.nodes.get('app')?.parents).toEqual([{ image: 'jdk17', base: 'jdk:17' }]);
    expect(graph.unmovedTags.get('jdk:8')).toBe('jdk17');
  });

  it('name a child once, although it reads two tags of its parent', () => {
    const images = [enrolment({ name: 'base', tags: ['1', 'latest'] }), enrolment({ name: 'app' })];
    const graph = graphOf({ app: ['base:1', 'base'] }, images);
    expect(graph.nodes.get('base')?.children).toEqual(['app']);
    expect(graph.nodes.get('app')?.depth).toBe(1);
  });
});

describe('order', () => {
  it('puts parents before children and counts the longest way down', () => {
    const graph = graphOf({ a: ['c', 'd'], b: ['a', 'd'], c: ['d'], d: [] });
    expect(graph.order).toEqual(['d', 'c', 'a', 'b']);
    expect([...graph.nodes.values()].map(({ name, depth }) => `${name}${depth}`)).toEqual([
      'a2',
      'b3',
      'c1',
      'd0',
    ]);
    expect(graph.cycles).toEqual([]);
  });

  it('keeps parents before children below a cycle too', () => {
    const graph = graphOf({ leaf: ['mid'], mid: ['x'], x: ['y'], y: ['x'], free: [] });
    expect(graph.order).toEqual(['free', 'x', 'y', 'mid', 'leaf']);
    expect(graph.nodes.get('leaf')?.depth).toBe(1);
  });
});

describe('cycles', () => {
  it('are named from parent to child, smallest name first', () => {
    const graph = graphOf({ c: ['b'], b: ['a'], a: ['c'], below: ['a'] });
    expect(graph.cycles).toEqual([['a', 'b', 'c']]);
    expect([...graph.onCycle].toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('are found side by side, and of one image alone', () => {
    const graph = graphOf({ a: ['b'], b: ['a'], self: ['self'], p: ['q'], q: ['p'], fine: [] });
    expect(graph.cycles).toEqual([['a', 'b'], ['p', 'q'], ['self']]);
  });

  it('are none between two that are joined one way', () => {
    expect(graphOf({ a: ['b'], b: ['a'], c: ['b', 'd'], d: ['c'] }).cycles).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('are found in a long chain without recursion', () => {
    const count = 20_000;
    const chain = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`i${index}`, [`i${(index + 1) % count}`]]),
    );
    expect(graphOf(chain).cycles[0]).toHaveLength(count);
  });
});

it('does not depend on the order of the enrolments', () => {
  const parents = { a: ['b'], b: ['c', 'a'], c: ['a'], d: ['a'], e: ['d', 'f:9'], f: [], g: ['f:9'] };
  const names = Object.keys(parents);
  const twins = (order: readonly string[]): ManagedEnrolment[] =>
    order.map((name) => enrolment({ name, ...(name === 'g' ? { repository: 'acme/f' } : {}) }));
  const json = (order: readonly string[]): string => {
    const graph = graphOf(parents, twins(order));
    return JSON.stringify([
      graph.order,
      graph.cycles,
      [...graph.onCycle],
      [...graph.nodes],
      [...graph.unmovedTags],
    ]);
  };
  expect(json(names.toReversed())).toBe(json(names));
  expect(json(['d', 'g', 'b', 'f', 'a', 'e', 'c'])).toBe(json(names));
});
