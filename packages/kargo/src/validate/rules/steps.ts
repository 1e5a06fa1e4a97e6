import { nearest } from '@image-factory/core/nearest.ts';
import { child, fields, isThere, items, quoted, reach, textOf, textsWithin } from '../at.ts';
import { expressionsIn, hasExpression, outputReferences } from '../expressions.ts';
import { isReservedAlias } from '../forms.ts';
import { namesIn, type Resource } from '../resource.ts';
import type { Rule } from '../rule.ts';
import { isAkuityStep, removedSteps, stepConfigShapes } from '../shapes/step-configs.ts';
import { aliasOf, isTaskKind } from '../steps.ts';

const kinds = ['Stage', 'Promotion', 'PromotionTask', 'ClusterPromotionTask'];

/** Rules for steps, but for what each takes. */
export const stepRules = {
  'step-uses-or-task': {
    severity: 'error',
    description: 'A step has both uses and task, or neither.',
    source: 'schema',
    hint: 'Give it one of the two.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, task } of steps) {
        const uses = child(at, 'uses');
        if (typeof at.value === 'object' && isThere(uses) === isThere(task))
          yield { at, message: `expected uses or task, got ${isThere(uses) ? 'both' : 'neither'}` };
      }
    },
  },
  'step-task-fields': {
    severity: 'error',
    description:
      'A step that stands for a task has a field that only other steps may have: retry, continueOnError, if or config.',
    source: 'admission',
    hint: 'Put it on the steps of the task.',
    kinds: ['Stage'],
    needs: 'steps',
    *check({ steps }) {
      for (const { at, task } of steps) {
        if (!isThere(task) || isThere(child(at, 'uses'))) continue;
        for (const name of ['retry', 'continueOnError', 'if', 'config']) {
          const field = child(at, name);
          if (isThere(field) && field.value !== '')
            yield { at: field, message: `a step of a task may not have ${name}` };
        }
      }
    },
  },
  'task-in-task': {
    severity: 'error',
    description: 'A step of a task or Promotion stands for a task itself: only those of a Stage may.',
    source: 'schema',
    hint: 'Write the steps of the other task here.',
    kinds: ['Promotion', 'PromotionTask', 'ClusterPromotionTask'],
    needs: 'steps',
    *check({ steps, kind }) {
      for (const { at, task } of steps)
        if (isThere(task) && !isThere(child(at, 'uses')))
          yield { at: task, message: `a step of a ${kind} may not name a task` };
    },
  },
  'step-unknown': {
    severity: 'error',
    description: 'Kargo has no step of this name: admission takes it, and the promotion fails.',
    source: 'promotion',
    hint: `The steps are ${Object.keys(stepConfigShapes).join(', ')}.`,
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, uses } of steps) {
        if (uses === undefined || Object.hasOwn(stepConfigShapes, uses)) continue;
        if (isAkuityStep(uses) || Object.hasOwn(removedSteps, uses)) continue;
        const meant = nearest(uses, Object.keys(stepConfigShapes));
        const fault = { at: child(at, 'uses'), message: `Kargo has no step ${quoted(uses)}` };
        yield meant === undefined ? fault : { ...fault, hint: `Write ${meant} if that is meant.` };
      }
    },
  },
  'step-akuity-only': {
    severity: 'error',
    description: 'A step exists on Akuity’s platform only: open-source Kargo fails at it.',
    source: 'promotion',
    hint: 'Start CI with an http step; everything else needs a Job in a verification.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, uses } of steps)
        if (uses !== undefined && isAkuityStep(uses))
          yield { at: child(at, 'uses'), message: `${quoted(uses)} is no step of open-source Kargo` };
    },
  },
  'step-removed': {
    severity: 'error',
    description: 'A step was removed from Kargo: the promotion fails.',
    source: 'promotion',
    hint: 'Use the step that took its place.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, uses } of steps) {
        const hint = uses !== undefined && Object.hasOwn(removedSteps, uses) ? removedSteps[uses] : undefined;
        if (hint !== undefined)
          yield { at: child(at, 'uses'), message: `${quoted(uses ?? '')} was removed`, hint };
      }
    },
  },
  'alias-duplicate': {
    severity: 'error',
    description: 'Two steps have the same alias.',
    source: 'admission',
    hint: 'Give each its own.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      const seen = new Set<string>();
      for (const { at, alias } of steps) {
        if (alias === undefined || alias === '') continue;
        if (seen.has(alias))
          yield { at: child(at, 'as'), message: `${quoted(alias)} is another step's alias` };
        seen.add(alias);
      }
    },
  },
  'alias-reserved': {
    severity: 'error',
    description: 'An alias is one that Kargo gives to steps itself, such as step-1.',
    source: 'admission',
    hint: 'Name it after what the step does.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, alias } of steps)
        if (alias !== undefined && isReservedAlias(alias))
          yield { at: child(at, 'as'), message: `${quoted(alias)} is reserved` };
    },
  },
  'output-unknown': {
    severity: 'error',
    description: 'An expression takes the output of a step that does not exist, or has not run yet.',
    source: 'promotion',
    hint: 'Name a step before this one by its alias.',
    kinds,
    needs: 'steps',
    *check(resource) {
      const inTask = isTaskKind(resource.kind);
      const before = new Set<string>();
      for (const step of resource.steps) {
        for (const { at, body } of step.bodies) {
          for (const { alias, ofTask } of outputReferences(body)) {
            if (ofTask === inTask && !before.has(alias) && !isReservedAlias(alias))
              yield { at, message: `no step before this one has the alias ${quoted(alias)}` };
          }
        }
        before.add(aliasOf(step));
      }
    },
  },
  'task-outputs-form': {
    severity: 'error',
    description:
      'Outputs of steps of a task are read as outputs[…] within it, or as task.outputs[…] outside one: both give nothing.',
    source: 'promotion',
    hint: "Write task.outputs['alias'] within a task, outputs['alias'] elsewhere; compose-output hands values out of a task.",
    kinds,
    needs: 'steps',
    *check(resource) {
      const inTask = isTaskKind(resource.kind);
      const own = new Set(resource.steps.map(aliasOf));
      for (const step of resource.steps) {
        for (const { at, body } of step.bodies) {
          for (const { alias, ofTask } of outputReferences(body)) {
            if (inTask && !ofTask && own.has(alias) && !/(?<![\w.])status\(/.test(body))
              yield { at, message: `expected task.outputs, got outputs of ${quoted(alias)}` };
            if (!inTask && ofTask)
              yield { at, message: `expected outputs, got task.outputs of ${quoted(alias)}` };
          }
        }
      }
    },
  },
  'expression-unclosed': {
    severity: 'error',
    description: 'An expression begins with ${{ and does not end: it stays text, or the step fails.',
    source: 'promotion',
    hint: 'Close it with }}.',
    kinds,
    *check({ spec }) {
      for (const at of textsWithin(spec))
        if (hasExpression(at.value) && expressionsIn(at.value).unclosed)
          yield { at, message: 'expected }} after ${{, got the end of the text' };
    },
  },
  'if-without-expression': {
    severity: 'error',
    description: 'An if is plain text, without ${{ }}: it is no truth value.',
    source: 'promotion',
    hint: 'Write ${{ … }} around it.',
    kinds,
    needs: 'steps',
    *check({ steps }) {
      for (const { at, task } of steps) {
        const condition = child(at, 'if');
        const text = textOf(condition)?.trim() ?? '';
        if (!isThere(task) && text !== '' && !hasExpression(text) && text !== 'true' && text !== 'false')
          yield { at: condition, message: `expected an expression in \${{ }}, got ${quoted(text)}` };
      }
    },
  },
  'metadata-arguments': {
    severity: 'error',
    description:
      'The function freightMetadata has two arguments: since Kargo 1.10 it takes a name and gives a map.',
    source: 'promotion',
    hint: "Write freightMetadata(name)['key'].",
    kinds,
    needs: 'expressions',
    *check({ bodies }) {
      for (const { at, body } of bodies)
        if (/(?<![\w.$])freightMetadata\([^(),]{1,500}(?:\([^()]{0,500}\)[^(),]{0,500})?,/.test(body))
          yield { at, message: 'expected one argument of freightMetadata, got two' };
    },
  },
  'task-unknown': {
    severity: 'error',
    description: 'A step names a task that is not among the tasks of its namespace.',
    source: 'promotion',
    hint: 'Mend the name, or add the task.',
    kinds: ['Stage'],
    needs: 'steps',
    *check(resource, set) {
      for (const { task } of resource.steps) {
        const at = child(task, 'name');
        const { kind, namespace } = taskPlace(task.value, resource);
        const name = textOf(at) ?? '';
        if (name !== '' && set.of(kind, namespace).length > 0 && !set.find(kind, namespace, name))
          yield { at, message: `no ${kind} is called ${quoted(name)}` };
      }
    },
  },
  'task-input-missing': {
    severity: 'error',
    description: 'A step does not give a variable that its task requires.',
    source: 'promotion',
    hint: 'Add it to the vars of the step.',
    kinds: ['Stage'],
    needs: 'steps',
    *check(resource, set) {
      for (const { at, task } of resource.steps) {
        const { kind, namespace } = taskPlace(task.value, resource);
        const found = set.find(kind, namespace, textOf(child(task, 'name')) ?? '');
        if (!found || !isThere(task)) continue;
        const given = new Set(namesIn(child(at, 'vars')));
        for (const input of items(reach(found.root, 'spec', 'vars'))) {
          const name = textOf(child(input, 'name'));
          const needed = (child(input, 'value').value ?? '') === '';
          if (name !== undefined && needed && !given.has(name))
            yield { at: child(at, 'vars'), message: `expected the variable ${quoted(name)}, got none` };
        }
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function taskPlace(task: unknown, { namespace }: Resource): { kind: string; namespace: string } {
  const kind = fields({ value: task }).find(({ key }) => key === 'kind')?.value;
  return kind === 'ClusterPromotionTask' ? { kind, namespace: '' } : { kind: 'PromotionTask', namespace };
}
