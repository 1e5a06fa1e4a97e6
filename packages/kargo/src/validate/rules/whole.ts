import type { Rule } from '../rule.ts';

/*
 * Rules for manifests that are not looked at any further; validateManifests itself finds them, before there is a resource.
 */
export const wholeRules = {
  'not-a-resource': {
    severity: 'error',
    description: 'A manifest is no mapping with apiVersion, kind and metadata.',
    source: 'kubernetes',
    hint: 'Give it apiVersion and kind, or remove it.',
    check: () => [],
  },
  'resource-too-large': {
    severity: 'error',
    description: 'A manifest is larger or more nested than a cluster stores.',
    source: 'kubernetes',
    hint: 'Split it. A resource may have about a megabyte.',
    check: () => [],
  },
} satisfies Readonly<Record<string, Rule>>;
