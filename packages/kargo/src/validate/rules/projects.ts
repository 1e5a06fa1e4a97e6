import { child, fields, isThere, items, quoted, reach, textOf, type At } from '../at.ts';
import { isDnsName } from '../forms.ts';
import { receiverSecretKeys } from '../../manifests/webhook-receiver.ts';
import type { Resource } from '../resource.ts';
import type { ResourceSet } from '../resource-set.ts';
import type { Rule } from '../rule.ts';
import { receiverTypes } from '../shapes/receivers.ts';

const withReceivers = ['ProjectConfig', 'ClusterConfig'];

function policies({ root }: Resource): At[] {
  return items(reach(root, 'spec', 'promotionPolicies'));
}

function receivers({ root }: Resource): At[] {
  return items(reach(root, 'spec', 'webhookReceivers'));
}

const secretKeys: ReadonlyMap<string, string> = new Map(Object.entries(receiverSecretKeys));

/** Undefined where the Secret is not among the resources, or is filled in by somebody else. */
function keysOfSecret(set: ResourceSet, namespace: string, name: string): ReadonlySet<string> | undefined {
  const plain = set.find('Secret', namespace, name);
  const written = plain && [...fields(child(plain.root, 'data')), ...fields(child(plain.root, 'stringData'))];
  return written && written.length > 0 ? new Set(written.map(({ key }) => key)) : undefined;
}

function isPlain(name: string): boolean {
  return !/^(?:glob|regexp?):/.test(name);
}

/** Rules for Projects, their configuration and that of the cluster. */
export const projectRules = {
  'project-spec': {
    severity: 'error',
    description:
      'A Project has a spec: since Kargo 1.9 it has none, and promotion policies in it do nothing.',
    source: 'schema',
    hint: 'Move promotionPolicies to a ProjectConfig with the name of the namespace.',
    kinds: ['Project'],
    *check({ root }) {
      const at = child(root, 'spec');
      if (isThere(at)) yield { at, message: 'a Project has no spec' };
    },
  },
  'project-config-name': {
    severity: 'error',
    description: 'A ProjectConfig is not called like its namespace.',
    source: 'admission',
    hint: 'Give it the name of the namespace, which is the name of the Project.',
    kinds: ['ProjectConfig'],
    *check({ root, name, namespace }) {
      if (name !== '' && namespace !== '' && name !== namespace)
        yield {
          at: reach(root, 'metadata', 'name'),
          message: `expected ${quoted(namespace)}, got ${quoted(name)}`,
        };
    },
  },
  'cluster-config-name': {
    severity: 'error',
    description: 'A ClusterConfig is not called cluster.',
    source: 'admission',
    hint: 'Call it cluster: there is only one.',
    kinds: ['ClusterConfig'],
    *check({ root, name }) {
      if (name !== '' && name !== 'cluster' && isDnsName(name))
        yield { at: reach(root, 'metadata', 'name'), message: `expected "cluster", got ${quoted(name)}` };
    },
  },
  'policy-selector': {
    severity: 'error',
    description: 'A promotion policy has both stage and stageSelector, or neither.',
    source: 'schema',
    hint: 'Write stageSelector: { name: … }.',
    kinds: ['ProjectConfig'],
    *check(resource) {
      for (const at of policies(resource)) {
        const both = isThere(child(at, 'stage'));
        if (typeof at.value === 'object' && both === isThere(child(at, 'stageSelector')))
          yield { at, message: `expected stage or stageSelector, got ${both ? 'both' : 'neither'}` };
      }
    },
  },
  'policy-stage-field': {
    severity: 'warning',
    description: 'A promotion policy names its Stage with stage, which Kargo deprecates.',
    source: 'practice',
    hint: 'Write stageSelector: { name: … }.',
    kinds: ['ProjectConfig'],
    *check(resource) {
      for (const policy of policies(resource)) {
        const at = child(policy, 'stage');
        if (isThere(at) && !isThere(child(policy, 'stageSelector')))
          yield { at, message: 'expected stageSelector, got stage' };
      }
    },
  },
  'policy-duplicate': {
    severity: 'error',
    description: 'Two promotion policies name the same Stage.',
    source: 'admission',
    hint: 'Keep one.',
    kinds: ['ProjectConfig'],
    *check(resource) {
      const seen = new Set<string>();
      for (const policy of policies(resource)) {
        const at = nameOfPolicy(policy);
        const name = textOf(at) ?? '';
        if (name === '' || !isPlain(name)) continue;
        if (seen.has(name)) yield { at, message: `there is a policy for ${quoted(name)} already` };
        seen.add(name);
      }
    },
  },
  'policy-stage-unknown': {
    severity: 'error',
    description:
      'A promotion policy names a Stage that is not among the Stages of its namespace: nothing is promoted by itself.',
    source: 'practice',
    hint: 'Mend the name, or add the Stage; glob: or regex: before the name make it a pattern.',
    kinds: ['ProjectConfig'],
    *check(resource, set) {
      if (set.of('Stage', resource.namespace).length === 0) return;
      for (const policy of policies(resource)) {
        const at = nameOfPolicy(policy);
        const name = textOf(at) ?? '';
        if (name !== '' && isPlain(name) && !set.find('Stage', resource.namespace, name))
          yield { at, message: `no Stage is called ${quoted(name)}` };
      }
    },
  },
  'policy-rollback': {
    severity: 'warning',
    description: 'A promotion policy has autoRollback, which open-source Kargo ignores.',
    source: 'practice',
    hint: 'Remove it.',
    kinds: ['ProjectConfig'],
    *check(resource) {
      for (const policy of policies(resource)) {
        const at = child(policy, 'autoRollback');
        if (isThere(at)) yield { at, message: 'autoRollback is ignored' };
      }
    },
  },
  'receiver-name': {
    severity: 'error',
    description: 'A webhook receiver has no name, one that is no DNS name, or one that another has.',
    source: 'schema',
    hint: 'Use lower-case letters, digits, "-" and ".".',
    kinds: withReceivers,
    *check(resource) {
      const seen = new Set<string>();
      for (const receiver of receivers(resource)) {
        const at = child(receiver, 'name');
        const name = textOf(at);
        if (name === undefined || !isDnsName(name))
          yield { at, message: `expected a name, got ${name === undefined ? 'none' : quoted(name)}` };
        else if (seen.has(name)) yield { at, message: `another receiver is called ${quoted(name)}` };
        if (name !== undefined) seen.add(name);
      }
    },
  },
  'receiver-one-type': {
    severity: 'error',
    description:
      'A webhook receiver has no type or several. Admission does not count harbor, but only one is served.',
    source: 'admission',
    hint: `Keep one of ${Object.keys(receiverTypes).join(', ')}.`,
    kinds: withReceivers,
    *check(resource) {
      for (const at of receivers(resource)) {
        const types = fields(at).filter(({ key }) => Object.hasOwn(receiverTypes, key));
        if (typeof at.value === 'object' && types.length !== 1)
          yield { at, message: `expected one type, got ${types.map(({ key }) => key).join(', ') || 'none'}` };
      }
    },
  },
  'receiver-secret': {
    severity: 'error',
    description: 'A webhook receiver names no Secret: without one it has no address.',
    source: 'schema',
    hint: 'Set secretRef: { name: … }.',
    kinds: withReceivers,
    *check(resource) {
      for (const receiver of receivers(resource)) {
        for (const type of fields(receiver)) {
          if (!Object.hasOwn(receiverTypes, type.key)) continue;
          const at = reach(type, 'secretRef', 'name');
          if ((at.value ?? '') === '') yield { at, message: 'expected the name of a Secret, got none' };
        }
      }
    },
  },
  'receiver-secret-key': {
    severity: 'error',
    description:
      'The Secret of a webhook receiver has other keys than the type of receiver needs: the receiver has no address.',
    source: 'practice',
    hint: 'Give the Secret the key named.',
    kinds: withReceivers,
    *check(resource, set) {
      for (const receiver of receivers(resource)) {
        for (const type of fields(receiver)) {
          const wanted = secretKeys.get(type.key);
          const at = reach(type, 'secretRef', 'name');
          const keys = keysOfSecret(set, resource.namespace, textOf(at) ?? '');
          if (wanted !== undefined && keys && !keys.has(wanted))
            yield { at, message: `expected a Secret with the key ${quoted(wanted)}, got one without` };
        }
      }
    },
  },
  'receiver-actions': {
    severity: 'warning',
    description: 'A generic receiver has no actions, or an action no targets: a push does nothing.',
    source: 'practice',
    hint: 'Add an action Refresh with targetSelectionCriteria.',
    kinds: withReceivers,
    *check(resource) {
      for (const receiver of receivers(resource)) {
        const generic = child(receiver, 'generic');
        const actions = child(generic, 'actions');
        if (isThere(generic) && !isThere(actions))
          yield { at: actions, message: 'expected actions, got none' };
        for (const action of items(actions)) {
          const at = child(action, 'targetSelectionCriteria');
          if (!isThere(at)) yield { at, message: 'expected targets, got none' };
        }
      }
    },
  },
  'promotion-freight-or-origin': {
    severity: 'error',
    description: 'A Promotion has both freight and origin, or neither.',
    source: 'schema',
    hint: 'Give it one of the two.',
    kinds: ['Promotion'],
    *check({ root }) {
      const spec = child(root, 'spec');
      const both = isThere(child(spec, 'freight'));
      if (isThere(spec) && both === isThere(child(spec, 'origin')))
        yield { at: spec, message: `expected freight or origin, got ${both ? 'both' : 'neither'}` };
    },
  },
  'promotion-name': {
    severity: 'warning',
    description:
      'A Promotion has a name that Kargo replaces by <stage>.<ulid>.<7 characters of the Freight>.',
    source: 'admission',
    hint: 'Use generateName, and read the name from the answer.',
    kinds: ['Promotion'],
    *check({ root, name }) {
      if (name !== '' && isDnsName(name) && !/\.[0-9a-hjkmnp-tv-z]{26}\.[0-9a-f]{7}$/.test(name))
        yield { at: reach(root, 'metadata', 'name'), message: `${quoted(name)} does not last` };
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function nameOfPolicy(policy: At): At {
  const stage = child(policy, 'stage');
  return isThere(stage) ? stage : reach(policy, 'stageSelector', 'name');
}
