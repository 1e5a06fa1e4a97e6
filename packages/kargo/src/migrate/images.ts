import { entryShape } from '@image-factory/core/enrolment/images-schema.ts';
import { isMap, isScalar, isSeq, parseDocument, type Document, type Pair, type YAMLMap } from 'yaml';
import type { Change } from './change.ts';

type Entry = YAMLMap<unknown, unknown>;

/** What the older state says of an image and images.yaml does not. */
interface Known {
  readonly registry: string | undefined;
}

/**
 * images.yaml with today's keys: comments, order and what nobody asked to change stay. What the older tool assumed and
 * we assume otherwise is written out.
 */
export function migrateImages(
  file: string,
  text: string,
  stateOf: (image: string) => Known | undefined,
): { readonly text: string; readonly names: readonly string[]; readonly changes: readonly Change[] } {
  const document = parseDocument(text, { keepSourceTokens: true });
  const changes: Change[] = [];
  const names: string[] = [];
  for (const entry of entriesOf(document)) {
    const name = textOf(entry.get('name', true)) ?? '';
    if (name !== '') names.push(name);
    changes.push(...migrateEntry(entry, name, stateOf(name)).map((change) => ({ ...change, file })));
  }
  return {
    text: changes.length === 0 ? text : document.toString({ lineWidth: 0 }),
    names,
    changes,
  };
}

function entriesOf(document: Document): readonly Entry[] {
  const root: unknown = document.contents;
  const list = isMap(root) ? root.get('images', true) : root;
  return isSeq(list) ? list.items.filter((item): item is Entry => isMap(item)) : [];
}

type Edit = Omit<Change, 'file'>;

function migrateEntry(entry: Entry, name: string, known: Known | undefined): readonly Edit[] {
  const edits: Edit[] = [];
  const note = (action: Change['action'], what: string, why: string): void => {
    edits.push({ action, subject: name, what, why });
  };
  const nested = entry.get('enrollment', true);
  if (isMap(nested)) {
    liftPairs(entry, nested);
    note('rewritten', 'the keys below enrollment: stand in the entry itself', 'an entry is the enrolment');
  }
  renameTag(entry, note);
  if (entry.has('repoURL')) {
    if (!entry.has('repository')) entry.set('repository', textOf(entry.get('repoURL', true)));
    entry.delete('repoURL');
    note('rewritten', 'repoURL: is registry and repository', 'one name for the same thing, for every image');
  }
  if (isManaged(entry)) completeManaged(entry, known, note);
  else completeExternal(entry, note);
  for (const key of unknownKeys(entry)) {
    keepAsComment(entry, key);
    note('dropped', `${key}: is a comment now`, 'no key of that name exists, and an unknown one is refused');
  }
  return edits;
}

type Note = (action: Change['action'], what: string, why: string) => void;

function liftPairs(entry: Entry, nested: Entry): void {
  const at = entry.items.findIndex((pair) => keyOf(pair) === 'enrollment');
  const own = new Set(entry.items.map(keyOf));
  const lifted = nested.items.filter((pair) => !own.has(keyOf(pair)));
  entry.items.splice(at, 1, ...lifted);
}

function renameTag(entry: Entry, note: Note): void {
  if (!entry.has('tag')) return;
  const tag = textOf(entry.get('tag', true)) ?? '';
  const has = entry.has('tags');
  entry.delete('tag');
  if (has) {
    note('dropped', `tag: ${tag}`, 'the entry has tags: already');
    return;
  }
  entry.set('tags', [tag]);
  note('rewritten', `tag: ${tag} is tags: ["${tag}"]`, 'a build may move several tags');
}

function isManaged(entry: Entry): boolean {
  const source: unknown = entry.get('source', true);
  return entry.has('local') || (isMap(source) && source.has('repo'));
}

function completeManaged(entry: Entry, known: Known | undefined, note: Note): void {
  for (const key of ['allowTags', 'imageSelectionStrategy']) {
    if (!entry.has(key)) continue;
    entry.delete(key);
    note(
      'dropped',
      `${key}:`,
      'an image that you build is followed by what its builds push, not by a tag expression',
    );
  }
  const repository = textOf(entry.get('repository', true)) ?? '';
  if (entry.has('registry') || repository.split('/')[0]?.includes('.') === true) return;
  const registry = known?.registry ?? 'ghcr.io';
  entry.set('registry', registry);
  note(
    'rewritten',
    `registry: ${registry}`,
    known?.registry === undefined
      ? 'the older tool watched ghcr.io where none was named'
      : 'that is what the state of the image says; it has to be named',
  );
}

function completeExternal(entry: Entry, note: Note): void {
  if (isMap(entry.get('source', true))) {
    entry.delete('source');
    note(
      'dropped',
      'source: without a repository',
      'the older tool took such an image for one that others build',
    );
  }
  if (!entry.has('allowTags') && !entry.has('tags')) {
    entry.set('allowTags', '^.*$');
    note(
      'rewritten',
      'allowTags: ^.*$',
      'what the older tool assumed; narrow it to the versions that you want',
    );
  }
  if (entry.has('allowTags') && !entry.has('imageSelectionStrategy')) {
    entry.set('imageSelectionStrategy', 'Lexical');
    note(
      'rewritten',
      'imageSelectionStrategy: Lexical',
      'what the older tool assumed; without it SemVer counts now',
    );
  }
  if (entry.has('autoRebuild')) {
    entry.delete('autoRebuild');
    note('dropped', 'autoRebuild:', 'an image that others build is never rebuilt');
  }
}

const knownKeys = new Set(Object.keys(entryShape.shape));

function unknownKeys(entry: Entry): readonly string[] {
  return entry.items.map(keyOf).filter((key) => !knownKeys.has(key));
}

/** Nothing that people wrote is lost. */
function keepAsComment(entry: Entry, key: string): void {
  const value: unknown = entry.get(key, true);
  const pair = JSON.stringify(
    isScalar(value) ? value.value : (value as { toJSON?: () => unknown })?.toJSON?.(),
  );
  entry.delete(key);
  const line = ` ${key}: ${pair ?? ''}`;
  entry.comment = entry.comment ? `${entry.comment}\n${line}` : line;
}

function keyOf(pair: Pair<unknown, unknown>): string {
  return textOf(pair.key) ?? '';
}

/** As it is written: `3.10` is a version and no number. */
function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return typeof node === 'string' ? node : undefined;
  const { value, source } = node;
  if (typeof value === 'string') return value;
  if (source !== undefined && value !== null) return source;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
