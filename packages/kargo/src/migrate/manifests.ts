import { parseAllDocuments } from 'yaml';
import { validateManifests, type Finding } from '../validate/validate-manifests.ts';
import type { Change } from './change.ts';

/** What generated manifests tell of the settings that they were generated with. */
export interface OlderSettings {
  readonly namespace: string | undefined;
  readonly repository: string | undefined;
  readonly branch: string | undefined;
  readonly directory: string | undefined;
  readonly gitSecret: string | undefined;
  readonly githubSecret: string | undefined;
  readonly pullSecrets: readonly string[];
}

type Loose = Readonly<Record<string, unknown>>;

interface Manifest {
  readonly file: string;
  readonly value: Loose;
  readonly kind: string;
  readonly name: string;
}

/** Reads the manifests that the older generator wrote: what of them Kargo ignores or refuses, and what takes their place. */
export function readOlderManifests(files: ReadonlyMap<string, string>): {
  readonly settings: OlderSettings;
  readonly changes: readonly Change[];
} {
  const manifests: Manifest[] = [];
  const changes: Change[] = [];
  for (const [file, text] of files) {
    const documents = parseAllDocuments(text);
    if (!Array.isArray(documents)) continue;
    for (const document of documents) {
      if (document.errors.length > 0) {
        changes.push({
          action: 'by-hand',
          file,
          subject: '',
          what: 'cannot be read',
          why: document.errors[0]?.message ?? '',
        });
        break;
      }
      const value: unknown = document.toJS({ maxAliasCount: 1000 });
      if (!isLoose(value) || typeof value['kind'] !== 'string') continue;
      manifests.push({ file, value, kind: value['kind'], name: textAt(value, 'metadata', 'name') ?? '' });
    }
  }
  return {
    settings: settingsOf(manifests),
    changes: [...changes, ...mistakes(manifests), ...replacements(manifests)],
  };
}

/** What today's Kargo makes of them, each kind of mistake once. */
function mistakes(manifests: readonly Manifest[]): readonly Change[] {
  const byRule = new Map<string, { first: Finding; resources: Set<string>; file: string }>();
  for (const finding of validateManifests(manifests.map(({ value }) => value))) {
    const key = `${finding.rule}\n${finding.path.replaceAll(/\d+/g, '')}`;
    const resource = `${finding.resource.kind} ${finding.resource.name}`;
    const known = byRule.get(key);
    if (known) known.resources.add(resource);
    else
      byRule.set(key, {
        first: finding,
        resources: new Set([resource]),
        file: manifests[finding.manifest]?.file ?? '',
      });
  }
  return [...byRule.values()].map(({ first, resources, file }) => {
    const [one = '', ...others] = resources;
    return {
      action: 'replaced',
      file,
      subject: others.length === 0 ? one : `${one} and ${others.length} more`,
      what: `${first.path === '' ? '' : `${first.path}: `}${first.message}`,
      why: `${first.severity === 'error' ? 'Kargo refuses or fails at it' : 'Kargo takes it for something else'} (${first.rule}); ${first.hint}`,
    };
  });
}

interface Replacement {
  readonly is: (manifest: Manifest) => boolean;
  readonly what: string;
  readonly why: string;
}

const table: readonly Replacement[] = [
  {
    is: ({ kind, value }) => kind === 'Warehouse' && subscriptionKinds(value).length > 1,
    what: 'image and git in one Warehouse are two Warehouses',
    why: 'Freight came into being only when both had something: an image that was never built was never analysed',
  },
  {
    is: ({ kind, value }) => kind === 'Warehouse' && subscriptionKinds(value).length === 1,
    what: 'is a Warehouse with anchored expressions, a discovery limit of 1 and an hour of its own',
    why: 'every tag that is looked at costs a pull, and Kargo looks at twenty unless it is told otherwise',
  },
  {
    is: ({ kind, name }) => kind === 'Stage' && name.startsWith('rebuild-trigger-'),
    what: 'is one Stage rebuild-<image> that is fed by intents',
    why: 'one Stage for each pair of base and image started a build for every base, at once, as often as a push came; now the plan decides, once',
  },
  {
    is: ({ kind, name }) => kind === 'Stage' && name.startsWith('analyze-dockerfile-'),
    what: 'keeps its name; its Job runs Image Factory',
    why: 'the Job ran a script from a ConfigMap with packages that it fetched at every start',
  },
  {
    is: ({ kind }) => kind === 'AnalysisTemplate',
    what: 'is one with a Job that is not root and writes nothing but /tmp',
    why: 'its init container cloned with the token in its environment, as root',
  },
  {
    is: ({ kind }) => kind === 'ConfigMap',
    what: 'goes: the program is in the container image',
    why: 'a program in a ConfigMap has no version and no signature',
  },
  {
    is: ({ kind }) => kind === 'Namespace' || kind === 'ServiceAccount',
    what: 'is in kustomize/image-factory',
    why: 'who may do what is not generated with every image',
  },
];

function replacements(manifests: readonly Manifest[]): readonly Change[] {
  return table.flatMap(({ is, what, why }) => {
    const found = manifests.filter(is);
    const [first] = found;
    if (!first) return [];
    const subject = `${first.kind} ${first.name}${found.length > 1 ? ` and ${found.length - 1} more` : ''}`;
    return [{ action: 'replaced', file: first.file, subject, what, why } as const];
  });
}

function settingsOf(manifests: readonly Manifest[]): OlderSettings {
  const namespaces = manifests
    .filter(({ kind }) => kind === 'Project' || kind === 'Namespace')
    .map(({ name }) => name);
  const args = manifests.flatMap(({ value }) => listAt(value, 'spec', 'verification', 'args'));
  const argument = (name: string) =>
    args.filter((each) => each['name'] === name).map((each) => String(each['value']));
  const pods = manifests
    .flatMap(({ value }) => listAt(value, 'spec', 'metrics'))
    .map((metric) => at(metric, 'provider', 'job', 'spec', 'template', 'spec'))
    .filter((pod) => pod !== undefined);
  const containers = pods.flatMap((pod) => [...listAt(pod, 'containers'), ...listAt(pod, 'initContainers')]);
  const secrets = containers.flatMap((container) =>
    listAt(container, 'env').flatMap((each) => textAt(each, 'valueFrom', 'secretKeyRef', 'name') ?? []),
  );
  const flags = containers.flatMap((container) =>
    Array.isArray(container['args']) ? container['args'].map(String) : [],
  );
  const folder = flags[flags.indexOf('--image-factory-dir') + 1];
  const texts = manifests.map(({ value }) => JSON.stringify(value)).join('\n');
  return {
    namespace: only(namespaces),
    repository: only(argument('gitRepo')),
    branch: only(argument('gitBranch')),
    directory: flags.includes('--image-factory-dir')
      ? folder?.replace(/^\/workspace\/repo\/?/, '')
      : undefined,
    gitSecret: only(secrets),
    githubSecret: only([...texts.matchAll(/secret\('([a-z0-9.-]+)'\)\.token/g)].map(([, name = '']) => name)),
    pullSecrets: [
      ...new Set(
        pods.flatMap((pod) => listAt(pod, 'imagePullSecrets').flatMap((each) => textAt(each, 'name') ?? [])),
      ),
    ],
  };
}

/** The value that all agree on. */
function only(values: readonly string[]): string | undefined {
  const distinct = new Set(values);
  return distinct.size === 1 ? [...distinct][0] : undefined;
}

function subscriptionKinds(warehouse: Loose): readonly string[] {
  return listAt(warehouse, 'spec', 'subscriptions').flatMap((each) => Object.keys(each));
}

function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: Loose, ...keys: readonly string[]): Loose | undefined {
  let here: unknown = value;
  for (const key of keys) here = isLoose(here) ? here[key] : undefined;
  return isLoose(here) ? here : undefined;
}

function listAt(value: Loose, ...keys: readonly string[]): readonly Loose[] {
  const parent = keys.length > 1 ? at(value, ...keys.slice(0, -1)) : value;
  const list = parent?.[keys.at(-1) ?? ''];
  return Array.isArray(list) ? list.filter(isLoose) : [];
}

function textAt(value: Loose, ...keys: readonly string[]): string | undefined {
  const parent = keys.length > 1 ? at(value, ...keys.slice(0, -1)) : value;
  const found = parent?.[keys.at(-1) ?? ''];
  return typeof found === 'string' ? found : undefined;
}
