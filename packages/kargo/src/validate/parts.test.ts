import { expect, test } from 'vitest';
import { identify, readResource } from './resource.ts';
import { resourceSet } from './resource-set.ts';
import { rules } from './rules.ts';
import { cases } from './test-cases.ts';

const manifests: readonly unknown[] = cases.flatMap(([, broken, mended]) => [broken, mended].flat());
const identities = manifests.map(identify).filter((identity) => identity !== undefined);
const set = resourceSet(identities);
const resources = identities.map(readResource);

test('a rule that is about a part finds nothing in resources without it, and something in one with it', () => {
  for (const [name, { kinds, needs, check }] of rules) {
    if (needs === undefined) continue;
    const asked = resources.filter(({ kind }) => kinds?.includes(kind) ?? true);
    const without = asked.filter(({ parts }) => !parts.includes(needs));
    expect(
      without.flatMap((resource) => [...check(resource, set)]),
      name,
    ).toEqual([]);
    expect(
      asked.some((resource) => [...check(resource, set)].length > 0),
      name,
    ).toBe(true);
  }
});
