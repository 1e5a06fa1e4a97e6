import { expect, test } from 'vitest';
import { identify, readResource } from './resource.ts';
import { resourceSet } from './resource-set.ts';
import { rules } from './rules.ts';
import { cases } from './test-cases.ts';

const manifests: readonly unknown[] = cases.flatMap(([, broken, mended]) => [broken, mended].flat());
const identities = manifests.map(identify).filter((identity) => identity !== undefined);
const set = resourceSet(identities);
const resources = identities.map(readResource);
const aboutParts = [...rules].filter(([, { needs }]) => needs !== undefined);

test.each(aboutParts)(
  '%s has nothing to say without the part that it is about',
  (_, { kinds, needs, check }) => {
    const without = resources.filter(
      ({ kind, parts }) => (kinds?.includes(kind) ?? true) && !parts.some((part) => part === needs),
    );
    expect(without).not.toEqual([]);
    expect(without.flatMap((resource) => [...check(resource, set)])).toEqual([]);
  },
);
