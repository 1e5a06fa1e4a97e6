import { kargoDuration, readKargoDuration } from '../../manifests/duration.ts';
import { child, reach, textOf, type At } from '../at.ts';
import { remembered } from '../remember.ts';
import type { Resource } from '../resource.ts';
import type { Fault, Rule } from '../rule.ts';
import type { ShapeFault } from '../shape.ts';

/** What the CRDs refuse, by the kind of mistake. */
export const shapeRules = {
  'unknown-field': {
    severity: 'error',
    description: 'A field does not exist: the API server drops it, and what it was to do does not happen.',
    source: 'schema',
    hint: 'Remove it, or look for its name in the reference of Kargo 1.11.',
    needs: 'shape faults',
    check: (resource) => ofShape(resource, 'unknown'),
  },
  'missing-field': {
    severity: 'error',
    description: 'A required field is missing.',
    source: 'schema',
    hint: 'Add it.',
    needs: 'shape faults',
    check: (resource) => ofShape(resource, 'missing'),
  },
  'wrong-type': {
    severity: 'error',
    description: 'A value has another type than its field.',
    source: 'schema',
    hint: 'Mind the quotes: "1" is text, 1 a number, and true no text either.',
    needs: 'shape faults',
    check: (resource) => ofShape(resource, 'type'),
  },
  'invalid-value': {
    severity: 'error',
    description:
      'A value is none of those that its field may have, too short, too long, or a list has too few elements.',
    source: 'schema',
    hint: 'Use one of the values named.',
    needs: 'shape faults',
    check: (resource) => ofShape(resource, 'value'),
  },
  'duration-invalid': {
    severity: 'error',
    description:
      'A duration is not in the form that the CRDs accept: numbers with h, m or s, no days, no milliseconds.',
    source: 'schema',
    hint: 'Write 168h0m0s for seven days, 5m0s for five minutes.',
    needs: 'shape faults',
    check: (resource) => ofShape(resource, 'duration'),
  },
  'duration-not-canonical': {
    severity: 'warning',
    description:
      'A duration is accepted, but written back in another form: GitOps sees a difference for ever.',
    source: 'practice',
    hint: 'Write it as named.',
    kinds: ['Warehouse', 'Stage', 'PromotionTask', 'ClusterPromotionTask'],
    *check(resource) {
      for (const at of durationsOf(resource)) {
        const written = textOf(at);
        const canonical = written === undefined ? undefined : canonicalText(written);
        if (canonical !== undefined && canonical !== written)
          yield { at, message: `expected ${canonical}, got ${written}` };
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function* ofShape(resource: Resource, about: ShapeFault['about']): Generator<Fault> {
  for (const fault of resource.shapeFaults) if (fault.about === about) yield fault;
}

function durationsOf(resource: Resource): At[] {
  return [
    child(resource.spec, 'interval'),
    ...resource.requests.map(({ sources }) => child(sources, 'requiredSoakTime')),
    ...resource.steps.map(({ at }) => reach(at, 'retry', 'timeout')),
  ];
}

/** Fractions of a second below milliseconds are nobody's business here. */
const canonicalText = remembered((written): string | undefined => {
  const duration = readKargoDuration(written);
  return duration !== undefined && Number.isSafeInteger(duration) && (duration === 0 || duration >= 1000)
    ? kargoDuration(duration)
    : undefined;
});
