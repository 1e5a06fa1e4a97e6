import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import type { PlatformName } from '../reference/types.ts';
import { dependenciesOf } from './analyse.ts';
import { toExpectShape, type ExpectShape } from './expect-shape.ts';

interface Case {
  readonly args?: Record<string, string>;
  readonly target?: string;
  readonly platform?: PlatformName;
  readonly contexts?: Record<string, string>;
  readonly onbuild?: Record<string, readonly string[]>;
  readonly expect: ExpectShape;
}

const folder = new URL('testdata/cases/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

function inOrder(shape: ExpectShape): ExpectShape {
  const bases = shape.bases.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...shape, bases };
}

describe('what BuildKit finds in handcrafted Dockerfiles', () => {
  test('all of them are here', () => expect(names).toHaveLength(161));

  test.each(names)('%s', (name) => {
    const given = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Case;
    const analysis = dependenciesOf(readFileSync(new URL(`${name}.Dockerfile`, folder)), {
      buildArgs: new Map(Object.entries(given.args ?? {})),
      contexts: new Map(Object.entries(given.contexts ?? {})),
      onbuildOf: (reference) => given.onbuild?.[reference] ?? [],
      ...(given.target === undefined ? {} : { target: given.target }),
      ...(given.platform === undefined ? {} : { platforms: given.platform }),
    });
    expect(inOrder(toExpectShape(analysis))).toEqual(inOrder(given.expect));
    expect(analysis.unknowns).toEqual([]);
  });
});
