import { child, fields, isThere, items, quoted, reach, textOf } from '../at.ts';
import { normalGitUrl, normalImageUrl } from '../forms.ts';
import { re2Mistake } from '../re2.ts';
import type { Resource } from '../resource.ts';
import type { Fault, Rule } from '../rule.ts';
import type { ShapeFault } from '../shape.ts';
import { subscriptionShapes } from '../shapes/subscriptions.ts';

/** Rules for subscriptions of every type. The CRD sees none of what they hold. */
export const subscriptionRules = {
  'subscription-one-key': {
    severity: 'error',
    description: 'A subscription has no key or several: it must be of exactly one type, image, git or chart.',
    source: 'admission',
    hint: 'Make each type a subscription of its own.',
    kinds: ['Warehouse'],
    *check({ spec }) {
      for (const at of items(child(spec, 'subscriptions'))) {
        const keys = fields(at).map(({ key }) => key);
        if (typeof at.value === 'object' && keys.length !== 1)
          yield {
            at,
            message: `expected one key, got ${keys.length === 0 ? 'none' : keys.slice(0, 5).map(quoted).join(', ')}`,
          };
      }
    },
  },
  'subscription-unknown-type': {
    severity: 'error',
    description: 'A subscription is of a type that open-source Kargo has no implementation for.',
    source: 'admission',
    hint: 'Use image, git or chart.',
    kinds: ['Warehouse'],
    *check({ spec }) {
      for (const at of items(child(spec, 'subscriptions'))) {
        const [only, ...others] = fields(at);
        if (only && others.length === 0 && !Object.hasOwn(subscriptionShapes, only.key))
          yield { at: only, message: `expected image, git or chart, got ${quoted(only.key)}` };
      }
    },
  },
  'subscription-unknown-field': {
    severity: 'error',
    description: 'A subscription has a field that does not exist: Kargo ignores it without a word.',
    source: 'practice',
    hint: 'Remove it, or look for its name in the reference of Kargo 1.11.',
    kinds: ['Warehouse'],
    needs: 'subscription faults',
    check: (resource) => ofShape(resource, ['unknown']),
  },
  'subscription-invalid': {
    severity: 'error',
    description: 'A field of a subscription is missing, or has a value or type that Kargo refuses.',
    source: 'admission',
    hint: 'Use a value of the kind named.',
    kinds: ['Warehouse'],
    needs: 'subscription faults',
    check: (resource) => ofShape(resource, ['missing', 'type', 'value', 'duration']),
  },
  'subscription-duplicate': {
    severity: 'error',
    description:
      'A Warehouse subscribes to the same repository twice; Docker Hub has several spellings for one.',
    source: 'admission',
    hint: 'Put the second into a Warehouse of its own.',
    kinds: ['Warehouse'],
    *check(resource) {
      if (items(child(resource.spec, 'subscriptions')).length < 2) return;
      const seen = new Set<string>();
      for (const [type, normal] of [
        ['image', normalImageUrl],
        ['git', normalGitUrl],
        ['chart', String],
      ] as const) {
        for (const at of resource.subscriptions[type]) {
          const url = child(at, 'repoURL');
          const key = `${type} ${normal(textOf(url) ?? '')} ${type === 'chart' ? (textOf(child(at, 'name')) ?? '') : ''}`;
          if (textOf(url) !== undefined && seen.has(key))
            yield { at: url, message: `${quoted(textOf(url) ?? '')} is subscribed to already` };
          seen.add(key);
        }
      }
    },
  },
  'discovery-limit': {
    severity: 'error',
    description: 'A discoveryLimit is not between 1 and 100.',
    source: 'admission',
    hint: 'Use 1 where only the newest counts: each costs a request.',
    kinds: ['Warehouse'],
    *check(resource) {
      for (const type of ['image', 'git', 'chart'] as const) {
        for (const subscription of resource.subscriptions[type]) {
          const at = child(subscription, 'discoveryLimit');
          if (Number.isInteger(at.value) && (Number(at.value) < 1 || Number(at.value) > 100))
            yield { at, message: `expected 1 to 100, got ${Number(at.value)}` };
        }
      }
    },
  },
  'subscription-legacy-tags': {
    severity: 'error',
    description:
      'A subscription has allowTags or ignoreTags: admission takes them, but since Kargo 1.11 every discovery fails.',
    source: 'discovery',
    hint: 'Use allowTagsRegexes, and ignoreTagsRegexes with each tag as ^tag$ and its dots escaped.',
    kinds: ['Warehouse'],
    *check(resource) {
      for (const type of ['image', 'git'] as const) {
        for (const subscription of resource.subscriptions[type]) {
          for (const name of ['allowTags', 'ignoreTags']) {
            const at = child(subscription, name);
            const empty = at.value === '' || (Array.isArray(at.value) && at.value.length === 0);
            if (isThere(at) && !empty)
              yield { at, message: `${name} makes discovery fail; expected ${name}Regexes` };
          }
        }
      }
    },
  },
  'regex-invalid': {
    severity: 'error',
    description:
      "A regular expression is none of Go's RE2: no look-arounds, no back-references. Discovery or matching fails.",
    source: 'discovery',
    hint: 'Write it without what is named; use ignoreTagsRegexes for what a look-ahead was to exclude.',
    kinds: ['Warehouse', 'ProjectConfig'],
    *check(resource) {
      for (const { at, source } of regexesOf(resource)) {
        const mistake = re2Mistake(source);
        if (mistake !== undefined)
          yield { at, message: `${quoted(source)} is no expression of RE2: ${mistake}` };
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function* ofShape(resource: Resource, about: readonly ShapeFault['about'][]): Generator<Fault> {
  for (const fault of resource.subscriptionFaults) if (about.includes(fault.about)) yield fault;
}

function* regexesOf(resource: Resource): Generator<{ at: ReturnType<typeof child>; source: string }> {
  for (const type of ['image', 'git'] as const) {
    for (const subscription of resource.subscriptions[type]) {
      for (const name of ['allowTagsRegexes', 'ignoreTagsRegexes'])
        for (const at of items(child(subscription, name)))
          if (textOf(at) !== undefined) yield { at, source: String(at.value) };
      for (const name of ['includePaths', 'excludePaths']) {
        for (const at of items(child(subscription, name))) {
          const pattern = /^regexp?:(.*)$/s.exec(textOf(at) ?? '')?.[1];
          if (pattern !== undefined) yield { at, source: pattern };
        }
      }
    }
  }
  for (const policy of items(child(resource.spec, 'promotionPolicies'))) {
    const at = reach(policy, 'stageSelector', 'name');
    const pattern = /^regexp?:(.*)$/s.exec(textOf(at) ?? '')?.[1];
    if (pattern !== undefined) yield { at, source: pattern };
  }
}
