import { child, isThere, items, quoted, reach, textOf, textsWithin, type At } from '../at.ts';
import { hasExpression } from '../expressions.ts';
import { namesIn, type Identity, type Resource } from '../resource.ts';
import type { ResourceSet } from '../resource-set.ts';
import type { Rule } from '../rule.ts';

const kinds = ['AnalysisTemplate', 'ClusterAnalysisTemplate'];
const longestMetric = 23;

function metrics({ spec }: Resource): At[] {
  return items(child(spec, 'metrics'));
}

function referenced(
  stage: Resource,
  set: ResourceSet,
): { at: At; template: Identity | undefined; searched: boolean }[] {
  return items(reach(stage.spec, 'verification', 'analysisTemplates')).map((reference) => {
    const ofCluster = child(reference, 'kind').value === 'ClusterAnalysisTemplate';
    const kind = ofCluster ? 'ClusterAnalysisTemplate' : 'AnalysisTemplate';
    const namespace = ofCluster ? '' : stage.namespace;
    const at = child(reference, 'name');
    return {
      at,
      template: set.find(kind, namespace, textOf(at) ?? ''),
      searched: set.of(kind, namespace).length > 0,
    };
  });
}

/** Rules for analyses, and for what Stages hand to them. */
export const analysisRules = {
  'metric-name': {
    severity: 'error',
    description: `A metric that runs a Job has a name of more than ${longestMetric} characters, or one that does not begin and end with a letter or digit: with the run's id it becomes the Job's name and a label.`,
    source: 'verification',
    hint: `Use at most ${longestMetric} lower-case letters, digits and "-".`,
    kinds,
    *check(resource) {
      for (const metric of metrics(resource)) {
        const at = child(metric, 'name');
        const name = textOf(at);
        if (name === undefined || !isThere(reach(metric, 'provider', 'job'))) continue;
        if (name.length > longestMetric)
          yield { at, message: `expected at most ${longestMetric} characters, got ${name.length}` };
        else if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
          yield { at, message: `no Job can have ${quoted(name)} in its name` };
      }
    },
  },
  'metric-name-duplicate': {
    severity: 'error',
    description: 'Two metrics have the same name: their Jobs collide.',
    source: 'verification',
    hint: 'Give each its own name.',
    kinds,
    *check(resource) {
      const seen = new Set<string>();
      for (const metric of metrics(resource)) {
        const at = child(metric, 'name');
        const name = textOf(at);
        if (name !== undefined && seen.has(name))
          yield { at, message: `another metric is called ${quoted(name)}` };
        if (name !== undefined) seen.add(name);
      }
    },
  },
  'metric-collision': {
    severity: 'error',
    description:
      'Two templates of one verification have a metric of the same name: Kargo puts them together, and the run is refused.',
    source: 'verification',
    hint: 'Give each metric its own name.',
    kinds: ['Stage'],
    needs: 'verification',
    *check(stage, set) {
      const seen = new Map<string, string>();
      for (const { at, template } of referenced(stage, set)) {
        if (!template) continue;
        for (const name of namesIn(reach(template.root, 'spec', 'metrics'))) {
          const other = seen.get(name);
          if (other !== undefined && other !== template.name)
            yield { at, message: `${quoted(other)} has a metric ${quoted(name)} too` };
          seen.set(name, template.name);
        }
      }
    },
  },
  'metric-interval': {
    severity: 'error',
    description: 'A metric has an interval and no count: the verification never ends.',
    source: 'verification',
    hint: 'Add count, or remove interval.',
    kinds,
    *check(resource) {
      for (const metric of metrics(resource)) {
        const at = child(metric, 'interval');
        if (isThere(at) && !isThere(child(metric, 'count')))
          yield { at, message: 'expected count beside interval, got none' };
      }
    },
  },
  'analysis-expression': {
    severity: 'error',
    description: 'A template of an analysis has ${{ }}: that is for Stages; Argo Rollouts takes it as text.',
    source: 'verification',
    hint: 'Declare an argument, use {{args.name}} here, and give it in the verification of the Stage.',
    kinds,
    *check({ root }) {
      for (const at of textsWithin(child(root, 'spec')))
        if (hasExpression(at.value)) yield { at, message: 'expected {{args.name}}, got ${{ }}' };
    },
  },
  'analysis-argument': {
    severity: 'error',
    description: 'A template uses an argument that it does not declare: the run fails.',
    source: 'verification',
    hint: 'Add it to spec.args.',
    kinds,
    *check({ root }) {
      const declared = new Set(namesIn(reach(root, 'spec', 'args')));
      for (const at of textsWithin(reach(root, 'spec', 'metrics'))) {
        for (const [, name = ''] of at.value
          .slice(0, 200_000)
          .matchAll(/(?<!\$)\{\{\s{0,5}args\.([\w.-]{1,253})\s{0,5}\}\}/g))
          if (!declared.has(name)) yield { at, message: `no argument is called ${quoted(name)}` };
      }
    },
  },
  'template-unknown': {
    severity: 'error',
    description: 'A verification names a template that is not among the templates of its namespace.',
    source: 'verification',
    hint: 'Mend the name, or add the template.',
    kinds: ['Stage'],
    needs: 'verification',
    *check(stage, set) {
      for (const { at, template, searched } of referenced(stage, set))
        if (searched && !template && (textOf(at) ?? '') !== '')
          yield { at, message: `no template is called ${quoted(textOf(at) ?? '')}` };
    },
  },
  'verification-undeclared': {
    severity: 'error',
    description:
      'A verification gives an argument that one of its templates does not declare: all of them must.',
    source: 'verification',
    hint: 'Declare the argument in every template that is named.',
    kinds: ['Stage'],
    needs: 'verification',
    *check(stage, set) {
      const templates = referenced(stage, set).flatMap(({ template }) =>
        template ? [{ template, declared: new Set(namesIn(reach(template.root, 'spec', 'args'))) }] : [],
      );
      for (const argument of items(reach(stage.spec, 'verification', 'args'))) {
        const at = child(argument, 'name');
        const name = textOf(at) ?? '';
        for (const { template, declared } of templates)
          if (name !== '' && !declared.has(name))
            yield { at, message: `${quoted(template.name)} declares no argument ${quoted(name)}` };
      }
    },
  },
  'verification-missing': {
    severity: 'error',
    description: 'A verification does not give an argument that a template needs: the run fails.',
    source: 'verification',
    hint: 'Add it to the args of the verification, or give it a value in the template.',
    kinds: ['Stage'],
    needs: 'verification',
    *check(stage, set) {
      const list = reach(stage.spec, 'verification', 'args');
      const given = new Set(namesIn(list));
      for (const { at, template } of referenced(stage, set)) {
        if (!template) continue;
        for (const argument of items(reach(template.root, 'spec', 'args'))) {
          const name = textOf(child(argument, 'name')) ?? '';
          const needed = !isThere(child(argument, 'value')) && !isThere(child(argument, 'valueFrom'));
          if (name !== '' && needed && !given.has(name))
            yield { at, message: `${quoted(template.name)} needs the argument ${quoted(name)}, got none` };
        }
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;
