import { formatPath, isRecord, keysOf, nameOfType } from './at.ts';
import { identify, membersOf, readResource, type Identity, type Resource } from './resource.ts';
import { resourceSet } from './resource-set.ts';
import { rules, type RuleName } from './rules.ts';
import type { Fault, Rule } from './rule.ts';

/** One thing that is wrong with one resource. */
export interface Finding {
  readonly rule: RuleName;
  readonly severity: 'error' | 'warning';
  readonly resource: { readonly kind: string; readonly name: string; readonly namespace: string };
  /** `spec.subscriptions[0].image.constraint`; empty for the whole resource. */
  readonly path: string;
  /** The same, taken apart, from the manifest handed in. */
  readonly keys: readonly (string | number)[];
  /** Which of the manifests handed in, from 0. */
  readonly manifest: number;
  /** The enrolled image that the resource is for, by the label or annotation `image-factory.dev/image`. */
  readonly image: string | undefined;
  /** Expected and got. */
  readonly message: string;
  /** The next step. */
  readonly hint: string;
}

/** A cluster stores about 1.5 MiB; what has more values than this is no resource. */
const mostValues = 50_000;
const mostCharacters = 1_500_000;
const deepest = 64;
/** Of one rule for one resource: the hundredth says no more than the first. */
const mostOfOneRule = 50;
/** A List of more is handed in by nobody. */
const mostManifests = 500_000;

/**
 * All that Kargo v1.11 would refuse, and fail at, in these manifests: what its schemas and admission webhooks look at and
 * what goes wrong only when a Warehouse looks or a promotion runs. The manifests may be anything: nothing is thrown.
 * References are followed among them; findings come in their order, and errors of one resource in the order of the rules.
 */
export function validateManifests(manifests: readonly unknown[]): readonly Finding[] {
  const findings: Finding[] = [];
  const found: { identity: Identity; manifest: number; prefix: readonly (string | number)[] }[] = [];
  for (const [manifest, whole] of manifests.slice(0, mostManifests).entries()) {
    // An empty document is none.
    if (whole === null || whole === undefined) continue;
    const excess = excessOf(whole);
    if (excess !== undefined) {
      findings.push(unread('resource-too-large', manifest, whole, excess));
      continue;
    }
    const members = membersOf(whole);
    for (const [index, member] of members.entries()) {
      const identity = identify(member);
      const prefix = member === whole ? [] : ['items', index];
      if (identity) found.push({ identity, manifest, prefix });
      else
        findings.push({
          ...unread('not-a-resource', manifest, member, mistakeOf(member)),
          keys: prefix,
          path: formatPath(prefix),
        });
    }
  }
  const set = resourceSet(found.map(({ identity }) => identity));
  for (const { identity, manifest, prefix } of found) {
    const resource = readResource(identity);
    for (const [name, rule] of rulesOf(resource)) {
      let faults = 0;
      for (const fault of rule.check(resource, set)) {
        findings.push(finding(name, rule, fault, resource, manifest, prefix));
        faults += 1;
        if (faults >= mostOfOneRule) break;
      }
    }
  }
  return findings.toSorted((left, right) => left.manifest - right.manifest);
}

type NamedRule = readonly [RuleName, Rule];

const rulesByKind = new Map<string, readonly NamedRule[]>();
const rulesByParts = new Map<string, readonly NamedRule[]>();

/** Kinds that no rule names have the same rules. */
const namedKinds = new Set([...rules.values()].flatMap(({ kinds }) => kinds ?? []));

/** Those for its kind that are about something it has: most rules have nothing to do with most resources. */
function rulesOf({ kind, parts }: Resource): readonly NamedRule[] {
  const known = namedKinds.has(kind) ? kind : '';
  const key = `${known}: ${parts.join(', ')}`;
  const found =
    rulesByParts.get(key) ??
    rulesOfKind(known).filter(([, { needs }]) => needs === undefined || parts.includes(needs));
  rulesByParts.set(key, found);
  return found;
}

function rulesOfKind(kind: string): readonly NamedRule[] {
  const found = rulesByKind.get(kind) ?? [...rules].filter(([, rule]) => rule.kinds?.includes(kind) ?? true);
  rulesByKind.set(kind, found);
  return found;
}

function finding(
  name: RuleName,
  rule: Rule,
  { at, message, hint }: Fault,
  { kind, name: resourceName, namespace, image }: Resource,
  manifest: number,
  prefix: readonly (string | number)[],
): Finding {
  const keys = keysOf(at);
  return {
    rule: name,
    severity: rule.severity,
    resource: { kind, name: resourceName, namespace },
    path: formatPath(keys),
    keys: [...prefix, ...keys],
    manifest,
    image,
    message,
    hint: hint ?? rule.hint,
  };
}

function unread(
  rule: 'not-a-resource' | 'resource-too-large',
  manifest: number,
  value: unknown,
  message: string,
): Finding {
  const known = readNames(value);
  return {
    rule,
    severity: 'error',
    resource: known,
    path: '',
    keys: [],
    manifest,
    image: undefined,
    message,
    hint: rules.get(rule)?.hint ?? '',
  };
}

function readNames(value: unknown): Finding['resource'] {
  const metadata = isRecord(value) && isRecord(value['metadata']) ? value['metadata'] : {};
  const text = (each: unknown): string => (typeof each === 'string' ? each.slice(0, 253) : '');
  return {
    kind: isRecord(value) ? text(value['kind']) : '',
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
  };
}

function mistakeOf(value: unknown): string {
  if (!isRecord(value)) return `expected a mapping, got ${nameOfType(value)}`;
  const missing = ['apiVersion', 'kind'].filter((key) => typeof value[key] !== 'string');
  return `expected ${missing.join(' and ')} as text, got ${missing.map((key) => nameOfType(value[key])).join(' and ')}`;
}

/** Why a value is more than a resource can be; aliases count as often as they are used, and circles never end. */
function excessOf(value: unknown): string | undefined {
  // A list of resources may hold many; each is looked at by itself.
  let left = isRecord(value) && value['kind'] === 'List' ? mostValues * 20 : mostValues;
  let characters = (left / mostValues) * mostCharacters;
  function visit(at: unknown, depth: number): string | undefined {
    left -= 1;
    if (left < 0) return `expected at most ${mostValues} values, got more`;
    if (depth > deepest) return `expected at most ${deepest} levels, got more`;
    if (typeof at === 'string') characters -= at.length;
    if (characters < 0) return `expected at most ${mostCharacters} characters, got more`;
    if (typeof at !== 'object' || at === null) return undefined;
    for (const key of Object.keys(at)) {
      characters -= key.length;
      const excess = visit((at as Readonly<Record<string, unknown>>)[key], depth + 1);
      if (excess !== undefined) return excess;
    }
    return undefined;
  }
  return visit(value, 0);
}
