import type { EntryPlace, ManagedEnrolment, Settings } from './types.ts';
import { addProblem, addWarning, shortPlace, shown, within, type Findings, type Scope } from './findings.ts';
import { nearest } from '../nearest.ts';
import type { ReadEntry } from './read-entry.ts';
import { placeOf } from './yaml-file.ts';

/** What only all files together show: names and tags that are taken twice, canaries that nobody enrolled. */
export function checkAcrossFiles(
  entries: readonly ReadEntry[],
  settings: Settings,
  factory: Scope | undefined,
  findings: Findings,
): void {
  checkNames(entries);
  checkTags(entries);
  checkProviders(entries, settings);
  if (factory) checkCanaries(entries, settings.waves.canaries, { ...factory, findings });
}

function checkNames(entries: readonly ReadEntry[]): void {
  const firsts = new Map<string, ReadEntry>();
  for (const entry of entries) {
    if (entry.name === undefined) continue;
    const first = firsts.get(entry.name);
    if (!first) {
      firsts.set(entry.name, entry);
      continue;
    }
    addProblem(
      within(entry.scope, 'name'),
      'CONFIG_DUPLICATE_NAME',
      `the name ${shown(entry.name)} is taken by the entry at ${shortPlace(placeOfEntry(first))}`,
      'Rename or remove one of the two.',
    );
  }
}

/** Two builds that move one tag would overwrite each other for ever. */
function checkTags(entries: readonly ReadEntry[]): void {
  const byRepository = new Map<string, ManagedEntry[]>();
  for (const { enrolment, scope } of entries) {
    if (enrolment?.kind !== 'managed') continue;
    const repository = `${enrolment.registry}/${enrolment.repository}`;
    const same = byRepository.get(repository);
    if (same) same.push({ enrolment, scope });
    else byRepository.set(repository, [{ enrolment, scope }]);
  }
  for (const [repository, same] of byRepository) if (same.length > 1) checkTagsOf(repository, same);
}

/** Providers without a public address can start nothing before factory.yaml says where they are. */
function checkProviders(entries: readonly ReadEntry[], { providers }: Settings): void {
  for (const { enrolment, scope } of entries) {
    if (enrolment?.kind !== 'managed') continue;
    const { provider } = enrolment.source;
    if (provider !== 'gitea' && provider !== 'forgejo' && provider !== 'webhook') continue;
    if (providers[provider]) continue;
    addWarning(
      within(scope, 'source', 'provider'),
      'CONFIG_CONFLICT',
      `factory.yaml has no providers.${provider}: builds of this image cannot be started`,
      provider === 'webhook'
        ? 'Say there which request starts a build: docs/providers/webhook.md.'
        : `Add providers.${provider}.url to factory.yaml: docs/providers/${provider}.md.`,
    );
  }
}

interface ManagedEntry {
  readonly enrolment: ManagedEnrolment;
  readonly scope: Scope;
}

function checkTagsOf(repository: string, entries: readonly ManagedEntry[]): void {
  const firsts = new Map<string, ManagedEntry>();
  for (const entry of entries) {
    for (const tag of entry.enrolment.tags) {
      const first = firsts.get(tag);
      if (!first) {
        firsts.set(tag, entry);
        continue;
      }
      addProblem(
        within(entry.scope, 'tags'),
        'CONFIG_CONFLICT',
        `${repository}:${tag} is built by the entry at ${shortPlace(first.enrolment.place)} too`,
        'Give each entry tags of its own, or remove one of the two.',
      );
    }
  }
}

function placeOfEntry(entry: ReadEntry): EntryPlace {
  return placeOf(entry.scope.yaml, entry.scope.path, 'value');
}

function checkCanaries(entries: readonly ReadEntry[], canaries: readonly string[], factory: Scope): void {
  const managed = new Set(entries.filter((entry) => entry.managed).map((entry) => entry.name));
  const names = [...managed].filter((name) => name !== undefined);
  for (const [index, canary] of canaries.entries()) {
    if (managed.has(canary)) continue;
    const near = nearest(canary, names);
    addProblem(
      within(factory, 'waves', 'canaries', index),
      'CONFIG_INVALID_VALUE',
      `canary ${shown(canary)} is not the name of a managed image${near === undefined ? '' : `; did you mean "${near}"?`}`,
      near === undefined ? 'Write the name of an enrolled image that is built here.' : `Write ${near}.`,
    );
  }
}
