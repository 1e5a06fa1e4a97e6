import { second } from '@image-factory/core/time.ts';
import { readKargoDuration } from '../../manifests/duration.ts';
import { child, isRecord, isThere, items, quoted, reach, textOf, textsWithin, type At } from '../at.ts';
import { hasExpression } from '../expressions.ts';
import { gitUrlKind } from '../forms.ts';
import type { Resource } from '../resource.ts';
import type { Fault, Rule } from '../rule.ts';
import type { ShapeFault } from '../shape.ts';
import type { Step } from '../steps.ts';

const kinds = ['Stage', 'Promotion', 'PromotionTask', 'ClusterPromotionTask'];
const shortestPoll = 10 * second;

function configsOf(resource: Resource, ...uses: readonly string[]): Step[] {
  return resource.steps.filter(
    (step) => step.uses !== undefined && uses.includes(step.uses) && isRecord(step.config.value),
  );
}

function given(at: At): boolean {
  return isThere(at) && at.value !== '' && at.value !== false;
}

/** Rules for what steps take. The CRD and admission see none of it: every mistake ends a promotion. */
export const stepConfigRules = {
  'config-unknown-key': {
    severity: 'error',
    description: 'The configuration of a step has a key that the step does not know: it fails for good.',
    source: 'promotion',
    hint: 'Remove it.',
    kinds,
    needs: 'configuration faults',
    check: (resource) => ofConfig(resource, ['unknown']),
  },
  'config-missing-key': {
    severity: 'error',
    description: 'The configuration of a step lacks a key that the step needs.',
    source: 'promotion',
    hint: 'Add it.',
    kinds,
    needs: 'configuration faults',
    check: (resource) => ofConfig(resource, ['missing']),
  },
  'config-invalid': {
    severity: 'error',
    description:
      'A value in the configuration of a step has another type or another value than the step takes. Expressions may stand for any value.',
    source: 'promotion',
    hint: 'Mind the quotes: text that looks like a number needs them, a number may not have them.',
    kinds,
    needs: 'configuration faults',
    check: (resource) => ofConfig(resource, ['type', 'value', 'duration']),
  },
  'config-exclusive': {
    severity: 'error',
    description:
      'The configuration of a step has two keys that exclude each other, or none where one is needed: tag and digest, branch, commit and tag, path and paths.',
    source: 'promotion',
    hint: 'Keep exactly one of those named.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'git-push', 'github-push')) {
        yield* exclusive(config, ['targetBranch', 'generateTargetBranch', 'tag'], 'at most one');
        if (given(child(config, 'tag')) && given(child(config, 'force')))
          yield { at: child(config, 'force'), message: 'expected no force beside tag' };
      }
      for (const { config } of configsOf(resource, 'git-clone'))
        for (const at of items(child(config, 'checkout')))
          yield* exclusive(at, ['branch', 'commit', 'tag'], 'at most one');
      for (const { config } of configsOf(resource, 'kustomize-set-image'))
        for (const at of items(child(config, 'images')))
          yield* exclusive(at, ['tag', 'digest'], 'exactly one');
      for (const { config } of configsOf(resource, 'delete'))
        yield* exclusive(config, ['path', 'paths'], 'exactly one');
      for (const { config } of configsOf(resource, 'argocd-update', 'argocd-wait'))
        for (const at of items(child(config, 'apps')))
          yield* exclusive(at, ['name', 'selector'], 'exactly one');
    },
  },
  'config-due': {
    severity: 'warning',
    description: 'A key goes away in Kargo 1.12: author of git-commit, createTargetBranch of git-open-pr.',
    source: 'practice',
    hint: 'Set author in git-clone; make the branch with git-push.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const [uses, key] of [
        ['git-commit', 'author'],
        ['git-open-pr', 'createTargetBranch'],
      ] as const) {
        for (const { config } of configsOf(resource, uses)) {
          const at = child(config, key);
          if (isThere(at)) yield { at, message: `${key} of ${uses} goes away in Kargo 1.12` };
        }
      }
    },
  },
  'step-git-ssh': {
    severity: 'warning',
    description: 'A step reaches a git repository by ssh, which Kargo removes in 1.13.',
    source: 'practice',
    hint: 'Use https and a token.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { at, url } of gitUrls(resource))
        if (gitUrlKind(url) === 'ssh') yield { at, message: `expected https, got ${quoted(url)}` };
    },
  },
  'step-git-url': {
    severity: 'error',
    description: 'A step names a git repository in a form that Kargo cannot use, such as a path or file://.',
    source: 'promotion',
    hint: 'Write https://github.com/acme/platform.git.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { at, url } of gitUrls(resource))
        if (gitUrlKind(url) === undefined) yield { at, message: `${quoted(url)} is no git repository` };
    },
  },
  'step-git-http': {
    severity: 'warning',
    description: 'A step reaches a git repository by http: Kargo withholds credentials from it.',
    source: 'promotion',
    hint: 'Use https.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { at, url } of gitUrls(resource))
        if (gitUrlKind(url) === 'http') yield { at, message: `expected https, got ${quoted(url)}` };
    },
  },
  'http-repeats': {
    severity: 'error',
    description:
      'An http step has no retry.timeout, and not both a successExpression and a failureExpression: an answer that is neither success nor failure makes it send its request again, for ever. With a failureExpression alone every answer that is no failure is such a one.',
    source: 'promotion',
    hint: 'Set both expressions, and retry.timeout besides where the step waits.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { at, config } of configsOf(resource, 'http')) {
        const both = ['successExpression', 'failureExpression'].every((name) => given(child(config, name)));
        if (!both && !isThere(reach(at, 'retry', 'timeout')))
          yield {
            at: config,
            message: 'expected successExpression with failureExpression, or retry.timeout; got neither',
          };
      }
    },
  },
  'http-post-repeats': {
    severity: 'error',
    description:
      'An http step with POST or PATCH does not end with every answer: it sends the same request again at each poll. Only a failureExpression that is the opposite of its successExpression ends it always. PUT and DELETE are made to be repeated.',
    source: 'promotion',
    hint: 'Set failureExpression to !( ) around the successExpression, and wait in a second step with GET.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'http')) {
        const method = textOf(child(config, 'method')) ?? 'GET';
        if (!['POST', 'PATCH'].includes(method)) continue;
        const success = textOf(child(config, 'successExpression')) ?? '';
        const failure = textOf(child(config, 'failureExpression')) ?? '';
        if (success === '' && failure === '') continue;
        if (success === '')
          yield {
            at: child(config, 'failureExpression'),
            message: `expected successExpression beside it with ${method}: without one every answer that is no failure is polled`,
          };
        else if (failure.trim() !== `!(${success.trim()})`)
          yield {
            at: child(config, 'successExpression'),
            message: `expected failureExpression: !(${success.slice(0, 200)}) beside it with ${method}, got ${failure === '' ? 'none' : quoted(failure.slice(0, 200))}`,
          };
      }
    },
  },
  'http-no-key': {
    severity: 'warning',
    description:
      'A POST holds nothing of the promotion: steps run at least once, and a repeated request cannot be told from a new one.',
    source: 'practice',
    hint: 'Send ${{ ctx.promotion }} or another key that stays the same, and let the receiver look at it.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'http')) {
        if (textOf(child(config, 'method')) !== 'POST') continue;
        const parts = ['url', 'headers', 'queryParams', 'body'].map((name) => child(config, name));
        const keyed = parts.some((part) => [...textsWithin(part)].some(({ value }) => hasExpression(value)));
        if (!keyed)
          yield {
            at: config,
            message: 'expected a key such as ${{ ctx.promotion }} in the request, got none',
          };
      }
    },
  },
  'http-body-coerced': {
    severity: 'warning',
    description:
      'The body of a request is one expression: if what it gives looks like JSON it is no text any more, and the step fails.',
    source: 'promotion',
    hint: 'Put quotation marks around it, which Kargo takes off: body: \'"${{ vars.body }}"\'. Use quote( ) only for mappings: it escapes the quotes within a text.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'http')) {
        const at = child(config, 'body');
        const text = textOf(at)?.trim() ?? '';
        const alone = /^\$(?:\{\{|\{%)(.*)(?:\}\}|%\})$/s.exec(text)?.[1]?.trim();
        if (alone !== undefined && !hasExpression(alone) && !/^(?:quote|unsafeQuote)\(/.test(alone))
          yield { at, message: 'expected quotation marks around the only expression, got none' };
      }
    },
  },
  'http-poll-short': {
    severity: 'warning',
    description: 'A pollInterval is below the ten seconds that Kargo waits at least.',
    source: 'practice',
    hint: 'Use 10s or more.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'http', 'git-wait-for-pr', 'git-merge-pr')) {
        const at = child(config, 'pollInterval');
        const interval = readKargoDuration(textOf(at) ?? '');
        if (interval !== undefined && interval < shortestPoll)
          yield { at, message: `expected 10s or more, got ${String(at.value)}` };
      }
    },
  },
  'http-link-local': {
    severity: 'error',
    description: 'A request goes to a link-local address, which Kargo refuses.',
    source: 'promotion',
    hint: 'Use the name of a service.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'http', 'http-download')) {
        const at = child(config, 'url');
        if (
          /^https?:\/\/(?:[^/@]*@)?(?:169\.254\.|\[fe[89ab][0-9a-f]:)/i.test((textOf(at) ?? '').slice(0, 300))
        )
          yield { at, message: `Kargo refuses ${quoted(textOf(at) ?? '')}` };
      }
    },
  },
  'kustomize-new-name': {
    severity: 'warning',
    description:
      'An entry of kustomize-set-image has no newName: the step replaces entries as a whole, so that a newName in the kustomization is lost, and the image comes from elsewhere.',
    source: 'practice',
    hint: 'Write newName: "*", which keeps what stands there, or the name that the image has in its registry.',
    kinds,
    needs: 'steps',
    *check(resource) {
      for (const { config } of configsOf(resource, 'kustomize-set-image'))
        for (const at of items(child(config, 'images')))
          if (isRecord(at.value) && !given(child(at, 'newName')))
            yield { at, message: 'expected newName, got none' };
    },
  },
} satisfies Readonly<Record<string, Rule>>;

function* ofConfig(resource: Resource, about: readonly ShapeFault['about'][]): Generator<Fault> {
  for (const { configFaults } of resource.steps)
    for (const fault of configFaults) if (about.includes(fault.about)) yield fault;
}

function* exclusive(
  at: At,
  names: readonly string[],
  wanted: 'at most one' | 'exactly one',
): Generator<Fault> {
  if (!isRecord(at.value)) return;
  const present = names.filter((name) => given(child(at, name)));
  if (present.length > 1)
    yield { at, message: `expected ${wanted} of ${names.join(', ')}, got ${present.join(', ')}` };
  if (present.length === 0 && wanted === 'exactly one')
    yield { at, message: `expected ${wanted} of ${names.join(', ')}, got none` };
}

/** Those that are written out: what an expression gives is known later. */
function* gitUrls(resource: Resource): Generator<{ at: At; url: string }> {
  const uses = ['git-clone', 'git-open-pr', 'git-wait-for-pr', 'git-merge-pr'];
  for (const { config } of configsOf(resource, ...uses)) {
    const at = child(config, 'repoURL');
    const url = textOf(at) ?? '';
    if (url !== '' && !hasExpression(url)) yield { at, url };
  }
}
