import { describe, expect, test } from 'vitest';
import { rules } from './rules.ts';
import { cases } from './test-cases.ts';
import { validateManifests } from './validate-manifests.ts';

function asSet(manifests: unknown): readonly unknown[] {
  return Array.isArray(manifests) ? manifests : [manifests];
}

describe('broken manifests', () => {
  test.each(cases.map(([rule, broken, mended], index) => [index, rule, broken, mended] as const))(
    '%d %s',
    (_, rule, broken, mended) => {
      const found = validateManifests(asSet(broken));
      expect(found.map((finding) => finding.rule)).toEqual([rule]);
      expect(found[0]?.message).toMatch(/\S/);
      expect(found[0]?.hint).toMatch(/\.$/);
      expect(validateManifests(asSet(mended))).toEqual([]);
    },
  );

  test('every rule has one', () => {
    const shown = new Set(cases.map(([rule]) => rule));
    expect([...rules.keys()].filter((rule) => !shown.has(rule))).toEqual([]);
  });
});

test('rules are called in kebab-case, described in a sentence, and say what to do', () => {
  for (const [name, { description, hint }] of rules) {
    expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
    expect(hint).toMatch(/\.$/);
  }
});
