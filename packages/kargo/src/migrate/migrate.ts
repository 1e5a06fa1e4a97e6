import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { Change } from './change.ts';
import { migrateImages } from './images.ts';
import { readOlderManifests } from './manifests.ts';
import { generatorChanges, settingsChanges, settingsText } from './settings.ts';
import { migrateState } from './state.ts';

export interface Migration {
  /** The factory directory as it would be, by path. */
  readonly files: ReadonlyMap<string, string>;
  readonly changes: readonly Change[];
  /** Why it cannot be written as it is. */
  readonly problems: readonly Problem[];
  /** What the configuration would be warned of. */
  readonly warnings: readonly Problem[];
  readonly layout: 'state/images' | 'images' | 'both' | 'none';
}

/** Manifests: whatever lies in `dist`, there or below cdk8s. */
export function isOlderManifest(path: string): boolean {
  return /^(?:cdk8s\/|state\/)?dist\/.+\.ya?ml$/.test(path);
}

/**
 * The factory directory of the older Python tool as one of ours, and everything that is different. The files handed in
 * are left alone; no byte of a record is lost.
 *
 * @param older files by path, relative to the older factory directory
 */
export function migrate(older: ReadonlyMap<string, string>): Migration {
  const enrolled = older.get('images.yaml');
  const state = migrateState(older);
  const problems: Problem[] = [...state.problems];
  const changes: Change[] = [];
  const files = new Map<string, string>();
  let names: readonly string[] = [];
  if (enrolled === undefined) problems.push(noImages());
  else {
    const images = migrateImages('images.yaml', enrolled, (name) => {
      const registry = state.state.images.get(name)?.enrollment?.['registry'];
      return typeof registry === 'string' ? { registry } : undefined;
    });
    ({ names } = images);
    changes.push(...images.changes);
    files.set('images.yaml', images.text);
  }
  const manifests = [...older].filter(([path]) => isOlderManifest(path));
  const generated = readOlderManifests(new Map(manifests));
  files.set('factory.yaml', settingsText(generated.settings));
  changes.push(
    {
      action: 'rewritten',
      file: 'images.yaml',
      subject: '',
      what: 'factory.yaml is new',
      why: 'settings have a file of their own',
    },
    ...settingsChanges(generated.settings, manifests[0]?.[0] ?? ''),
    ...generatorChanges(older),
    ...state.changes,
    ...notEnrolled(older, [...state.state.images.keys()], names),
    ...ignored(older),
    ...generated.changes,
  );
  for (const [path, text] of state.files) files.set(`state/${path}`, text);
  const read = readConfig({
    images:
      enrolled === undefined ? undefined : { path: 'images.yaml', text: files.get('images.yaml') ?? '' },
    imagesDir: [],
    factory: { path: 'factory.yaml', text: files.get('factory.yaml') ?? '' },
  });
  return {
    files,
    changes,
    problems: [...problems, ...(enrolled === undefined ? [] : read.problems)],
    warnings: read.warnings,
    layout: layoutOf(older),
  };
}

function noImages(): Problem {
  return {
    code: 'CONFIG_MISSING',
    message: 'there is no images.yaml',
    hint: 'Name the folder that holds it with --from: the older tool keeps it beside state/, or at the root of the state repository.',
    subject: { kind: 'factory' },
  };
}

/** The older generator went by the state alone, too. */
function notEnrolled(
  older: ReadonlyMap<string, string>,
  recorded: readonly string[],
  names: readonly string[],
): readonly Change[] {
  const known = new Set(names);
  return recorded
    .filter((name) => !known.has(name))
    .map((name) => ({
      action: 'by-hand',
      file: [`state/images/${name}.yaml`, `images/${name}.yaml`].find((path) => older.has(path)) ?? '',
      subject: name,
      what: 'is recorded and not enrolled: the first run moves it to _archive',
      why: 'the older generator went on for what has a record; now images.yaml decides. Enrol it if it is still wanted',
    }));
}

function ignored(older: ReadonlyMap<string, string>): readonly Change[] {
  return [...older.keys()]
    .filter((path) => path.endsWith('.example.yaml'))
    .map((file) => ({
      action: 'kept',
      file,
      subject: '',
      what: 'stays where it is',
      why: 'examples are read by neither tool',
    }));
}

function layoutOf(older: ReadonlyMap<string, string>): Migration['layout'] {
  const has = (pattern: RegExp) => [...older.keys()].some((path) => pattern.test(path));
  const below = has(/^state\/(?:images|base-images)\//);
  const flat = has(/^(?:images|base-images)\//);
  return below && flat ? 'both' : below ? 'state/images' : flat ? 'images' : 'none';
}
