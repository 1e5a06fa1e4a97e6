import type { SharedFields } from './fields.ts';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { entryShape, type EntryShape } from './images-schema.ts';
import { readHost, readImageName, splitHost, type ImageName } from './image-name.ts';
import type { EntryDraft } from './entry-draft.ts';
import { buildExternal } from './external-entry.ts';
import { buildManaged } from './managed-entry.ts';
import type { Memory } from './memory.ts';
import { hasOlderKeys, isMapping, liftOlderKeys } from './older-keys.ts';
import { readShared } from './read-shared.ts';
import { checkShape } from './shape-check.ts';
import type { Enrolment } from './types.ts';
import type { YamlMapping } from './yaml-compose.ts';
import { placeOf } from './yaml-file.ts';

/** What later checks over all files need, also of an entry that has other mistakes. */
export interface ReadEntry {
  readonly name: string | undefined;
  readonly managed: boolean;
  readonly enrolment: Enrolment | undefined;
  readonly scope: Scope;
}

export function readEntry(
  raw: unknown,
  fileScope: Scope,
  defaults: SharedFields,
  memory: Memory,
): ReadEntry | undefined {
  if (!isMapping(raw)) {
    addProblem(
      fileScope,
      'CONFIG_INVALID_VALUE',
      `an entry must be a mapping with name and repository; got ${shown(raw)}`,
      'Write "- name: ..." and the other keys below it, or remove the item.',
    );
    return undefined;
  }
  const named =
    typeof raw['name'] === 'string' && nameMistake(raw['name']) === undefined ? raw['name'] : undefined;
  const scope: Scope =
    named === undefined ? fileScope : { ...fileScope, subject: { kind: 'image', name: named } };
  const mapping = hasOlderKeys(raw) ? liftOlderKeys(raw, scope) : raw;
  const shape = checkShape(entryShape, mapping, scope) ?? {};
  const name = readName(shape.name, mapping, scope);
  const managed = Object.hasOwn(mapping, 'source') || Object.hasOwn(mapping, 'local');
  const own = readShared(shape, mapping, scope, memory);
  const draft: EntryDraft = {
    name: name ?? '',
    image: readImage(shape, mapping, own.registry, defaults.registry, managed, scope),
    shape,
    mapping,
    raw,
    own,
    defaults,
    scope,
    place: placeOf(scope.yaml, scope.path, 'value'),
    memory,
  };
  const enrolment = managed ? buildManaged(draft) : buildExternal(draft);
  return { name, managed, scope, enrolment: name === undefined ? undefined : enrolment };
}

/** A Kubernetes label of at most 50 characters (design brief, section 3.2). */
function nameMistake(name: string): string | undefined {
  if (name.length > 50) return `has ${name.length} characters; at most 50 are possible`;
  if (/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
  return 'must consist of lower-case letters, digits and dashes, and start and end with a letter or digit';
}

function readName(name: string | undefined, mapping: YamlMapping, scope: Scope): string | undefined {
  if (name === undefined) {
    if (!Object.hasOwn(mapping, 'name')) {
      addProblem(
        scope,
        'CONFIG_INVALID_VALUE',
        'the entry has no name',
        'Add name: lower-case letters, digits and dashes, unique.',
      );
    }
    return undefined;
  }
  const mistake = nameMistake(name);
  if (mistake === undefined) return name;
  const proposal = name
    .slice(0, 200)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replaceAll(/^-|-$/g, '');
  addProblem(
    within(scope, 'name'),
    'CONFIG_INVALID_VALUE',
    `the name ${shown(name)} ${mistake}`,
    proposal === '' ? 'Choose a name like backstage or node-22.' : `Write ${proposal}, for example.`,
  );
  return undefined;
}

/** Joins registry and repository; the registry comes from the entry, the repository itself, or the defaults. */
function readImage(
  shape: EntryShape,
  mapping: YamlMapping,
  ownRegistry: string | undefined,
  defaultRegistry: string | undefined,
  managed: boolean,
  scope: Scope,
): ImageName | undefined {
  if (shape.repository === undefined) {
    if (!Object.hasOwn(mapping, 'repository')) {
      addProblem(
        scope,
        'CONFIG_INVALID_VALUE',
        'the entry has no repository',
        'Add repository: acme/backstage, for example.',
      );
    }
    return undefined;
  }
  const { host, path } = splitHost(shape.repository);
  const written = host === undefined ? undefined : readHost(host);
  if (written?.ok === false) {
    addProblem(
      within(scope, 'repository'),
      'CONFIG_INVALID_VALUE',
      `repository: ${shown(host)} ${written.error}`,
      'Write host/path, or only the path.',
    );
    return undefined;
  }
  if (written && ownRegistry !== undefined && written.value !== ownRegistry) {
    addProblem(
      within(scope, 'repository'),
      'CONFIG_CONFLICT',
      `repository names the registry ${written.value}, but registry says ${ownRegistry}`,
      'Write the registry in one place only.',
    );
    return undefined;
  }
  const fallback = managed ? undefined : 'docker.io';
  const registry = written?.value ?? ownRegistry ?? defaultRegistry ?? fallback;
  // The path is checked also where the registry is missing: both mistakes are to be seen at once.
  const image = readImageName(registry ?? 'registry.invalid', path);
  if (!image.ok) {
    addProblem(
      within(scope, 'repository'),
      'CONFIG_INVALID_VALUE',
      `repository ${shown(shape.repository)} ${image.error}`,
      'Example: acme/backstage.',
    );
    return undefined;
  }
  if (registry !== undefined) return image.value;
  if (!Object.hasOwn(mapping, 'registry')) {
    addProblem(
      within(scope, 'repository'),
      'CONFIG_CONFLICT',
      'a managed image needs a registry: only external images default to docker.io',
      `Add registry: ghcr.io, for example, or write repository: ghcr.io/${image.value.repository}.`,
    );
  }
  return undefined;
}
