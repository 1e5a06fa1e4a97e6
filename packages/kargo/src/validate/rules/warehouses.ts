import { minute } from '@image-factory/core/time.ts';
import { readKargoDuration } from '../../manifests/duration.ts';
import { child, isThere, quoted, reach, textOf, items } from '../at.ts';
import { isVersionRange } from '../constraint.ts';
import { hasExpression } from '../expressions.ts';
import { gitUrlKind } from '../forms.ts';
import type { Resource } from '../resource.ts';
import type { Rule } from '../rule.ts';

const shortestInterval = 5 * minute;
/** What promotions may use in expressions, and Warehouses may not. */
const promotionWords =
  /(?<![\w.$])(?:(?:secret|sharedSecret|configMap|sharedConfigMap|freightMetadata|stageMetadata|warehouse|always|success|failure|status|quote|unsafeQuote|asYAML|asJSON)\s*\(|(?:ctx|vars|outputs|task)\s*(?:\.|\?\.|\[))/;

/** Where the git repositories of a Warehouse's subscriptions are; the kind is undefined for what Kargo does not take. */
function gitUrls({ subscriptions }: Resource) {
  return subscriptions.git.map((subscription) => {
    const at = child(subscription, 'repoURL');
    const url = textOf(at) ?? '';
    return { at, url, kind: gitUrlKind(url) };
  });
}

/** Rules for Warehouses and for subscriptions to git. */
export const warehouseRules = {
  'interval-short': {
    severity: 'warning',
    description:
      'An interval is shorter than the five minutes that a default install of Kargo waits at least.',
    source: 'practice',
    hint: 'Use 5m0s or more; use a webhook receiver to be faster.',
    kinds: ['Warehouse'],
    *check({ spec }) {
      const at = child(spec, 'interval');
      const interval = readKargoDuration(textOf(at) ?? '');
      if (interval !== undefined && interval < shortestInterval)
        yield { at, message: `expected 5m0s or more, got ${String(at.value)}` };
    },
  },
  'bare-expression': {
    severity: 'error',
    description: 'An expression stands in ${{ }} where Kargo expects it bare: it does not compile.',
    source: 'discovery',
    hint: 'Remove the ${{ and }} around it.',
    kinds: ['Warehouse', 'ProjectConfig', 'ClusterConfig'],
    *check(resource) {
      const { spec } = resource;
      const places = [
        reach(spec, 'freightCreationCriteria', 'expression'),
        ...resource.subscriptions.git.map((at) => child(at, 'expressionFilter')),
        ...items(child(spec, 'webhookReceivers')).flatMap((receiver) =>
          items(reach(receiver, 'generic', 'actions')).map((action) => child(action, 'whenExpression')),
        ),
      ];
      for (const at of places) {
        if (hasExpression(textOf(at) ?? ''))
          yield { at, message: 'expected a bare expression, got one in ${{ }}' };
      }
    },
  },
  'criteria-words': {
    severity: 'error',
    description: 'The criteria of a Warehouse use what only promotions have: then it makes no Freight.',
    source: 'discovery',
    hint: 'Use imageFrom, commitFrom, chartFrom and artifactFrom alone.',
    kinds: ['Warehouse'],
    *check({ spec }) {
      const at = reach(spec, 'freightCreationCriteria', 'expression');
      const text = (textOf(at) ?? '').slice(0, 10_000);
      const word = hasExpression(text) ? undefined : promotionWords.exec(text)?.[0];
      if (word !== undefined) yield { at, message: `a Warehouse knows no ${quoted(word)}` };
    },
  },
  'criteria-unused': {
    severity: 'warning',
    description: 'A Warehouse has criteria for its Freight, but people make it: they are not looked at.',
    source: 'practice',
    hint: 'Remove the criteria, or set freightCreationPolicy: Automatic.',
    kinds: ['Warehouse'],
    *check({ spec }) {
      const at = reach(spec, 'freightCreationCriteria', 'expression');
      if (isThere(at) && child(spec, 'freightCreationPolicy').value === 'Manual')
        yield { at, message: 'with freightCreationPolicy: Manual the criteria are ignored' };
    },
  },
  'git-repo-url': {
    severity: 'error',
    description: 'The repoURL of a git subscription is none that Kargo takes: no http(s) URL with a path.',
    source: 'admission',
    hint: 'Write https://github.com/acme/platform.git.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const { at, url, kind } of gitUrls(resource))
        if (url !== '' && kind === undefined)
          yield { at, message: `Kargo takes ${quoted(url)} for no git repository` };
    },
  },
  'git-ssh-url': {
    severity: 'warning',
    description: 'A git repository is reached by ssh, which Kargo removes in 1.13.',
    source: 'practice',
    hint: 'Use https and a token.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const { at, url, kind } of gitUrls(resource))
        if (kind === 'ssh') yield { at, message: `expected https, got ${quoted(url)}` };
    },
  },
  'git-http-url': {
    severity: 'warning',
    description: 'A git repository is reached by http: Kargo withholds credentials from it.',
    source: 'discovery',
    hint: 'Use https.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const { at, url, kind } of gitUrls(resource))
        if (kind === 'http') yield { at, message: `expected https, got ${quoted(url)}` };
    },
  },
  'git-branch': {
    severity: 'error',
    description: 'A branch has a name that Kargo refuses.',
    source: 'admission',
    hint: 'Write the name of the branch alone, without refs/heads/ wildcards or spaces.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const subscription of resource.subscriptions.git) {
        const at = child(subscription, 'branch');
        const branch = textOf(at) ?? '';
        if (
          branch !== '' &&
          branch.length <= 255 &&
          !/^[a-zA-Z0-9]([a-zA-Z0-9._/-]*[a-zA-Z0-9_-])?$/.test(branch)
        )
          yield { at, message: `Kargo takes ${quoted(branch)} for no branch` };
      }
    },
  },
  'git-constraint-range': {
    severity: 'error',
    description: 'The semverConstraint of a git or chart subscription is no range of versions.',
    source: 'admission',
    hint: 'Write a range such as ^1.2 or >=1.2 <2.',
    kinds: ['Warehouse'],
    *check(resource) {
      for (const subscription of [...resource.subscriptions.git, ...resource.subscriptions.chart]) {
        const at = child(subscription, 'semverConstraint');
        const text = textOf(at) ?? '';
        if (text !== '' && !isVersionRange(text))
          yield { at, message: `${quoted(text)} is no range of versions` };
      }
    },
  },
  'git-field-unused': {
    severity: 'warning',
    description: 'A git subscription has a field that its strategy does not look at.',
    source: 'practice',
    hint: 'Remove the field, or choose the strategy that uses it.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const at of resource.subscriptions.git) {
        const strategy = textOf(child(at, 'commitSelectionStrategy')) ?? 'NewestFromBranch';
        const ofTags = ['allowTagsRegexes', 'ignoreTagsRegexes'];
        const ofVersions = ['semverConstraint', 'strictSemvers'];
        const unused =
          strategy === 'NewestFromBranch'
            ? [...ofTags, ...ofVersions]
            : ['branch', 'since', ...(strategy === 'SemVer' ? [] : ofVersions)];
        for (const name of unused) {
          const field = child(at, name);
          if (isThere(field)) yield { at: field, message: `${strategy} does not look at ${name}` };
        }
      }
    },
  },
  'git-since': {
    severity: 'error',
    description: 'The since of a git subscription is no time as RFC 3339 has it.',
    source: 'admission',
    hint: 'Write 2026-01-31T00:00:00Z, in quotes.',
    kinds: ['Warehouse'],
    needs: 'git',
    *check(resource) {
      for (const subscription of resource.subscriptions.git) {
        const at = child(subscription, 'since');
        const text = textOf(at);
        if (
          text !== undefined &&
          !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(text)
        )
          yield { at, message: `expected a time with date and zone, got ${quoted(text)}` };
      }
    },
  },
  'chart-name': {
    severity: 'error',
    description: 'A chart of a classic repository has no name, or one in an OCI registry has one.',
    source: 'admission',
    hint: 'Give a name with https://, and none with oci://.',
    kinds: ['Warehouse'],
    needs: 'chart',
    *check(resource) {
      for (const at of resource.subscriptions.chart) {
        const url = textOf(child(at, 'repoURL')) ?? '';
        const name = child(at, 'name');
        const named = (textOf(name) ?? '') !== '';
        if (url.startsWith('http') && !named) yield { at: name, message: 'expected a name, got nothing' };
        if (url.startsWith('oci://') && named)
          yield { at: name, message: 'expected no name with oci://, got one' };
      }
    },
  },
} satisfies Readonly<Record<string, Rule>>;
