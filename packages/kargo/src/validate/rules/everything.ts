import { kargoApiVersion, kargoKeys } from '../../manifests/manifest.ts';
import { child, fields, isThere, isRecord, nameOfType, quoted, reach, textOf } from '../at.ts';
import { isDnsLabel, isDnsName, isLabelKey, isLabelValue } from '../forms.ts';
import type { Rule } from '../rule.ts';
import { kargoKinds } from '../shapes/kinds.ts';
import type { Resource } from '../resource.ts';

const labelNamed = ['Namespace', 'Project', 'Service'];
/** Kinds that may have a name of any form, and ones that the API server names itself. */
const freelyNamed = ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'];
const longestNames: Readonly<Record<string, number>> = { CronJob: 52, Job: 63 };
const longestStageName = 50;
const mostAnnotationBytes = 262_144;

/** Rules for resources of every kind. */
export const everyKindRules = {
  'unknown-kind': {
    severity: 'error',
    description: 'Kargo has no such kind, or not in this version: the API server does not know the resource.',
    source: 'kubernetes',
    hint: `The kinds are ${Object.keys(kargoKinds).join(', ')}, all in ${kargoApiVersion}.`,
    *check({ root, apiVersion, kind }) {
      if (!apiVersion.startsWith('kargo.akuity.io/')) return;
      if (apiVersion !== kargoApiVersion)
        yield {
          at: child(root, 'apiVersion'),
          message: `expected ${kargoApiVersion}, got ${quoted(apiVersion)}`,
        };
      else if (!Object.hasOwn(kargoKinds, kind))
        yield { at: child(root, 'kind'), message: `Kargo has no kind ${quoted(kind)}` };
    },
  },
  'name-invalid': {
    severity: 'error',
    description: 'A name is missing, or no DNS name of the length that the kind allows.',
    source: 'kubernetes',
    hint: 'Use lower-case letters, digits, "-" and (but for projects and namespaces) ".", with a letter or digit at both ends.',
    *check(resource) {
      const at = child(resource.metadata, 'name');
      // A kustomization is a file for kubectl: no cluster ever sees it.
      if (resource.apiVersion.startsWith('kustomize.config.k8s.io/')) return;
      if (!isThere(at) && textOf(child(resource.metadata, 'generateName')) !== undefined) return;
      const mistake = nameMistake(resource, at.value);
      if (mistake !== undefined) yield { at, message: mistake };
    },
  },
  'name-long': {
    severity: 'warning',
    description: `A Stage's name has more than ${longestStageName} characters: Kargo cuts it in the names of Promotions and AnalysisRuns, and older versions failed.`,
    source: 'practice',
    hint: `Use at most ${longestStageName} characters.`,
    kinds: ['Stage'],
    *check({ root, name }) {
      if (name.length > longestStageName && isDnsName(name))
        yield {
          at: reach(root, 'metadata', 'name'),
          message: `expected at most ${longestStageName} characters, got ${name.length}`,
        };
    },
  },
  'namespace-invalid': {
    severity: 'error',
    description: 'A namespace is no DNS label.',
    source: 'kubernetes',
    hint: 'Use at most 63 lower-case letters, digits and "-", with a letter or digit at both ends.',
    *check({ metadata }) {
      const at = child(metadata, 'namespace');
      if (!isThere(at)) return;
      const name = textOf(at);
      if (name === undefined) yield { at, message: `expected text, got ${nameOfType(at.value)}` };
      else if (!isDnsLabel(name)) yield { at, message: `no namespace can be called ${quoted(name)}` };
    },
  },
  'label-invalid': {
    severity: 'error',
    description: 'The key or value of a label has a form that Kubernetes refuses.',
    source: 'kubernetes',
    hint: 'A value is text of at most 63 letters, digits, "-", "_" and "."; numbers and true need quotes.',
    *check({ metadata }) {
      const labels = child(metadata, 'labels');
      if (isThere(labels) && !isRecord(labels.value))
        yield { at: labels, message: `expected a mapping, got ${nameOfType(labels.value)}` };
      for (const at of fields(labels)) {
        if (!isLabelKey(at.key)) yield { at, message: `${quoted(at.key)} is no key of a label` };
        else if (typeof at.value !== 'string')
          yield { at, message: `expected text, got ${nameOfType(at.value)}` };
        else if (!isLabelValue(at.value)) yield { at, message: `${quoted(at.value)} is no value of a label` };
      }
    },
  },
  'annotation-invalid': {
    severity: 'error',
    description:
      'An annotation has a key that Kubernetes refuses, a value that is no text, or all are too long together.',
    source: 'kubernetes',
    hint: 'Values are text: put numbers and true in quotes. All annotations together may have 256 KiB.',
    *check({ metadata }) {
      const annotations = child(metadata, 'annotations');
      if (isThere(annotations) && !isRecord(annotations.value))
        yield { at: annotations, message: `expected a mapping, got ${nameOfType(annotations.value)}` };
      let size = 0;
      for (const at of fields(annotations)) {
        size += at.key.length + (textOf(at)?.length ?? 0);
        // Prefixes of annotations may have capitals.
        if (!isLabelKey(at.key.toLowerCase()))
          yield { at, message: `${quoted(at.key)} is no key of an annotation` };
        else if (typeof at.value !== 'string')
          yield { at, message: `expected text, got ${nameOfType(at.value)}` };
      }
      if (size > mostAnnotationBytes)
        yield { at: annotations, message: `expected at most ${mostAnnotationBytes} characters, got ${size}` };
    },
  },
  'duplicate-resource': {
    severity: 'error',
    description: 'Two resources have the same kind, namespace and name: the one applied last wins.',
    source: 'practice',
    hint: 'Give one of them another name, or remove it.',
    *check(resource, set) {
      const first = set.firstLike(resource);
      if (first && first.root !== resource.root && resource.name !== '')
        yield {
          at: reach(resource.root, 'metadata', 'name'),
          message: `${resource.kind} ${quoted(resource.name)} is there already`,
        };
    },
  },
  'namespace-label': {
    severity: 'error',
    description: `A namespace that holds resources of Kargo has no label ${kargoKeys.project}: the admission webhook refuses them, and the Project too.`,
    source: 'admission',
    hint: `Label the namespace ${kargoKeys.project}: "true", or leave it to the Project to make it.`,
    kinds: ['Namespace'],
    *check({ root, name }, set) {
      const label = reach(root, 'metadata', 'labels', kargoKeys.project);
      if (label.value === 'true') return;
      const kinds = ['Warehouse', 'Stage', 'ProjectConfig', 'PromotionTask'];
      const held = kinds.some((kind) => set.of(kind, name).length > 0);
      if (held || set.find('Project', '', name))
        yield {
          at: label,
          message: `expected the label ${kargoKeys.project}: "true", got ${textOf(label) === undefined ? 'none' : quoted(String(label.value))}`,
        };
    },
  },
  'shard-invalid': {
    severity: 'error',
    description: 'A shard is no value of a label, but Kargo copies it into one.',
    source: 'kubernetes',
    hint: 'Use at most 63 letters, digits, "-", "_" and ".".',
    kinds: ['Stage', 'Warehouse'],
    *check({ spec }) {
      const at = child(spec, 'shard');
      const shard = textOf(at);
      if (shard !== undefined && !isLabelValue(shard))
        yield { at, message: `${quoted(shard)} is no value of a label` };
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function nameMistake({ kind }: Resource, name: unknown): string | undefined {
  if (typeof name !== 'string') return `expected a name, got ${nameOfType(name)}`;
  if (name === '') return 'expected a name, got ""';
  if (freelyNamed.includes(kind))
    return /[/%]/.test(name) || ['.', '..'].includes(name)
      ? `nothing can be called ${quoted(name)}`
      : undefined;
  const most = longestNames[kind] ?? (labelNamed.includes(kind) ? 63 : 253);
  if (name.length > most) return `expected at most ${most} characters, got ${name.length}`;
  const fits = labelNamed.includes(kind) ? isDnsLabel(name) : isDnsName(name);
  return fits ? undefined : `no ${kind} can be called ${quoted(name)}`;
}
