import { child, isThere, items, quoted, reach, textOf, type At } from '../at.ts';
import { bodiesWithin, freightReferences, outputReferences, type Body } from '../expressions.ts';
import { isDnsName, isVariableName } from '../forms.ts';
import {
  requestsOf,
  subscriptionsOf,
  variableLists,
  type Identity,
  type Resource,
  type Subscriptions,
} from '../resource.ts';
import type { ResourceSet } from '../resource-set.ts';
import type { Fault, Rule } from '../rule.ts';

/** Rules for what a Stage asks for, and for variables. */
export const stageRules = {
  'origin-duplicate': {
    severity: 'error',
    description: 'A Stage requests Freight of one Warehouse twice.',
    source: 'admission',
    hint: 'Make one request of them, with all sources.',
    kinds: ['Stage'],
    *check(resource) {
      const seen = new Set<unknown>();
      for (const { warehouse } of resource.requests) {
        const name = textOf(warehouse);
        if (name !== undefined && seen.has(name))
          yield { at: warehouse, message: `${quoted(name)} is requested already` };
        seen.add(name);
      }
    },
  },
  'sources-empty': {
    severity: 'error',
    description: 'A request names no source, neither direct nor stages: Freight never gets there.',
    source: 'practice',
    hint: 'Set direct: true, or name the Stages before this one.',
    kinds: ['Stage'],
    *check(resource) {
      for (const { sources } of resource.requests) {
        const stages = child(sources, 'stages');
        const none = !isThere(stages) || (Array.isArray(stages.value) && stages.value.length === 0);
        const direct = child(sources, 'direct').value ?? false;
        if (isThere(sources) && direct === false && none)
          yield { at: sources, message: 'expected direct or stages, got neither' };
      }
    },
  },
  'match-upstream': {
    severity: 'error',
    description: 'MatchUpstream stands beside direct, or with other than one Stage before this one.',
    source: 'admission',
    hint: 'Remove direct and name exactly one Stage, or use NewestFreight.',
    kinds: ['Stage'],
    *check(resource) {
      for (const { sources } of resource.requests) {
        const at = reach(sources, 'autoPromotionOptions', 'selectionPolicy');
        if (at.value !== 'MatchUpstream') continue;
        const count = items(child(sources, 'stages')).length;
        if (child(sources, 'direct').value === true)
          yield { at, message: 'MatchUpstream does not go with direct: true' };
        // Without any source another rule speaks.
        else if (count > 1) yield { at, message: `MatchUpstream follows exactly one Stage, got ${count}` };
      }
    },
  },
  'soak-ignored': {
    severity: 'warning',
    description:
      'A soak time stands beside direct: Freight that comes straight from the Warehouse does not wait.',
    source: 'practice',
    hint: 'Remove one of the two. Kargo has no delay since discovery: soak time counts in a Stage before this one only.',
    kinds: ['Stage'],
    *check(resource) {
      for (const { sources } of resource.requests) {
        const at = child(sources, 'requiredSoakTime');
        if (isThere(at) && child(sources, 'direct').value === true)
          yield { at, message: 'with direct: true the soak time is ignored' };
      }
    },
  },
  'reference-invalid': {
    severity: 'error',
    description: 'The name of a Warehouse, Stage, task or template can be nobody’s name.',
    source: 'practice',
    hint: 'Write the name of the resource, in lower case.',
    kinds: ['Stage', 'Promotion'],
    *check(resource) {
      const { spec } = resource;
      const places = [
        ...resource.requests.flatMap(({ warehouse, sources }) => [
          warehouse,
          ...items(child(sources, 'stages')),
        ]),
        ...resource.steps.map(({ task }) => child(task, 'name')),
        ...items(reach(spec, 'verification', 'analysisTemplates')).map((at) => child(at, 'name')),
        child(spec, 'stage'),
      ];
      for (const at of places) {
        const name = textOf(at) ?? '';
        if (name !== '' && !isDnsName(name)) yield { at, message: `nothing can be called ${quoted(name)}` };
      }
    },
  },
  'warehouse-unknown': {
    severity: 'error',
    description: 'A Stage requests Freight of a Warehouse that is not among the Warehouses of its namespace.',
    source: 'practice',
    hint: 'Mend the name, or add the Warehouse.',
    kinds: ['Stage'],
    *check(resource, set) {
      for (const { warehouse } of resource.requests) yield* unknown(resource, set, 'Warehouse', warehouse);
    },
  },
  'stage-unknown': {
    severity: 'error',
    description: 'A Stage takes Freight from a Stage that is not among the Stages of its namespace.',
    source: 'practice',
    hint: 'Mend the name, or add the Stage.',
    kinds: ['Stage'],
    *check(resource, set) {
      for (const { sources } of resource.requests) {
        const others = items(child(sources, 'stages'));
        // One Stage alone says nothing about those before it.
        if (set.of('Stage', resource.namespace).length < 2) continue;
        for (const at of others) yield* unknown(resource, set, 'Stage', at);
      }
    },
  },
  'stage-cycle': {
    severity: 'error',
    description: 'A Stage stands before itself: Freight never gets there.',
    source: 'practice',
    hint: 'Let one Stage of the circle take its Freight from elsewhere.',
    kinds: ['Stage'],
    *check(resource, set) {
      for (const { sources, warehouse } of resource.requests) {
        for (const at of items(child(sources, 'stages'))) {
          const onlyWay =
            child(sources, 'direct').value !== true && items(child(sources, 'stages')).length === 1;
          if (onlyWay && leadsTo(set, resource, textOf(at) ?? '', textOf(warehouse) ?? ''))
            yield {
              at,
              message: `${quoted(textOf(at) ?? '')} takes its Freight from ${quoted(resource.name)}`,
            };
        }
      }
    },
  },
  'variable-name': {
    severity: 'error',
    description:
      'The name of a variable is missing or has other characters than letters, digits and underscores.',
    source: 'schema',
    hint: 'Use letters, digits and "_", no dash, and no digit first.',
    kinds: ['Stage', 'Promotion', 'PromotionTask', 'ClusterPromotionTask'],
    *check(resource) {
      for (const { at: list } of variableLists(resource)) {
        for (const variable of items(list)) {
          const at = child(variable, 'name');
          const name = textOf(at);
          if (name === undefined || !isVariableName(name.slice(0, 1000)))
            yield {
              at,
              message: `expected the name of a variable, got ${name === undefined ? 'none' : quoted(name)}`,
            };
        }
      }
    },
  },
  'variable-value': {
    severity: 'error',
    description: 'The value of a variable is no text.',
    source: 'schema',
    hint: 'Put numbers, true and false in quotes.',
    kinds: ['Stage', 'Promotion', 'PromotionTask', 'ClusterPromotionTask'],
    *check(resource) {
      for (const { at: list } of variableLists(resource)) {
        for (const variable of items(list)) {
          const at = child(variable, 'value');
          if (isThere(at) && typeof at.value !== 'string')
            yield { at, message: 'expected text, got another type' };
        }
      }
    },
  },
  'freight-unsubscribed': {
    severity: 'error',
    description:
      'An expression takes an image or commit from a repository that no Warehouse of the Stage subscribes to in these very letters: it gets nothing.',
    source: 'promotion',
    hint: 'Write the repository as the subscription has it.',
    kinds: ['Stage', 'Warehouse'],
    *check(resource, set) {
      const references = bodiesOf(resource).flatMap(({ at, body }) =>
        freightReferences(body).map((reference) => ({ at, ...reference })),
      );
      if (references.length === 0) return;
      const subscriptions = subscriptionsFor(resource, set);
      if (!subscriptions) return;
      for (const [wanted, type] of [
        ['imageFrom', 'image'],
        ['commitFrom', 'git'],
      ] as const) {
        if (!references.some(({ call }) => call === wanted)) continue;
        const urls = new Set(
          subscriptions.flatMap((each) => each[type].map((at) => textOf(child(at, 'repoURL')))),
        );
        for (const { at, call, repoUrl } of references)
          if (call === wanted && !urls.has(repoUrl))
            yield { at, message: `${call} of ${quoted(repoUrl)}: no such subscription` };
      }
    },
  },
  'verification-argument': {
    severity: 'error',
    description: 'An argument of a verification has no name, or no value that is text.',
    source: 'schema',
    hint: 'Give both; put numbers and true in quotes.',
    kinds: ['Stage'],
    needs: 'verification',
    *check({ spec }) {
      for (const argument of items(reach(spec, 'verification', 'args'))) {
        for (const name of ['name', 'value']) {
          const at = child(argument, name);
          if (typeof at.value !== 'string' || (name === 'name' && at.value === ''))
            yield {
              at,
              message: `expected ${name} as text, got ${isThere(at) ? 'another value' : 'nothing'}`,
            };
        }
      }
    },
  },
  'verification-context': {
    severity: 'error',
    description:
      'An argument of a verification uses outputs, or what a promotion alone knows: a verification knows ctx.project, ctx.stage and the variables of the Stage.',
    source: 'verification',
    hint: 'Use ctx.project, ctx.stage, vars, and imageFrom or commitFrom.',
    kinds: ['Stage'],
    needs: 'verification',
    *check({ spec }) {
      for (const { at, body } of bodiesWithin(reach(spec, 'verification', 'args'))) {
        const context = /(?<![\w.$])ctx\.(?:promotion|targetFreight|uiBaseUrl|meta)\b/.exec(body)?.[0];
        const output = outputReferences(body)[0]?.alias;
        if (context !== undefined) yield { at, message: `a verification knows no ${context}` };
        else if (output !== undefined)
          yield { at, message: `a verification knows no outputs of ${quoted(output)}` };
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function* unknown(resource: Resource, set: ResourceSet, kind: string, at: At): Generator<Fault> {
  const name = textOf(at) ?? '';
  if (!isDnsName(name) || set.of(kind, resource.namespace).length === 0) return;
  if (!set.find(kind, resource.namespace, name))
    yield { at, message: `no ${kind} is called ${quoted(name)}` };
}

/** Whether the Freight of a Warehouse comes to `from` by way of `target` alone. */
function leadsTo(set: ResourceSet, target: Identity, from: string, warehouse: string): boolean {
  const seen = new Set<string>();
  for (let name = from; !seen.has(name);) {
    if (name === target.name) return true;
    seen.add(name);
    const stage = set.find('Stage', target.namespace, name);
    const request = stage && requestsOf(stage).find((each) => textOf(each.warehouse) === warehouse);
    const stages = request ? items(child(request.sources, 'stages')) : [];
    if (!request || child(request.sources, 'direct').value === true || stages.length !== 1) return false;
    name = textOf(reach(request.sources, 'stages', 0)) ?? '';
  }
  return false;
}

/** Of its Warehouses; undefined where not all of them are known. */
function subscriptionsFor(resource: Resource, set: ResourceSet): readonly Subscriptions[] | undefined {
  if (resource.kind === 'Warehouse') return [resource.subscriptions];
  const found = resource.requests.map(({ warehouse }) =>
    set.find('Warehouse', resource.namespace, textOf(warehouse) ?? ''),
  );
  const all = found.filter((each) => each !== undefined);
  return all.length === found.length && found.length > 0 ? all.map(subscriptionsOf) : undefined;
}

function bodiesOf(resource: Resource): readonly Body[] {
  const criteria = reach(resource.spec, 'freightCreationCriteria', 'expression');
  const bare = textOf(criteria);
  if (resource.kind === 'Warehouse')
    return bare === undefined ? [] : [{ at: criteria, body: bare.slice(0, 10_000) }];
  return resource.bodies;
}
