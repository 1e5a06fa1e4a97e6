import { parseReference } from '../reference/parse.ts';
import { uniqueSlug } from '../reference/slug.ts';
import type { Reference } from '../reference/types.ts';
import type { Instant } from '../time.ts';
import { archivedBases } from './archive.ts';
import { newBase } from './base-lifecycle.ts';
import { baseKey } from './base-reference.ts';
import { dataEqual } from './data-equal.ts';
import type { StateFiles } from './files.ts';
import { archivePath, basePath } from './state-paths.ts';
import type { BaseRecord, Dependency, FactoryState, ImageRecord } from './types.ts';

/** A dependency as the Dockerfile reader found it, before it has a base record. */
export interface FoundDependency extends Omit<Dependency, 'base'> {
  /** False where the Dockerfile wrote no tag and `latest` goes without saying; default true. */
  readonly tagWritten?: boolean;
}

export type Discovery =
  | {
      readonly ok: true;
      readonly dependencies: readonly FoundDependency[];
      /** Git object ids that they were read from. */
      readonly dockerfile: string | undefined;
    }
  | { readonly ok: false; readonly error: string };

const longestError = 1000;

/**
 * The image with what was found in its Dockerfile; the very same record where that is what it knew already. A failure
 * keeps the dependencies that were found before. `lastDiscovery` moves only with something that was found.
 */
export function applyDiscovery(
  record: ImageRecord,
  discovery: Discovery,
  baseOf: (dependency: FoundDependency) => string | undefined,
  now: Instant,
): ImageRecord {
  if (!discovery.ok) {
    const discoveryError = discovery.error.slice(0, longestError);
    if (record.discoveryStatus === 'failed' && record.discoveryError === discoveryError) return record;
    return { ...record, discoveryStatus: 'failed', discoveryError };
  }
  const dependencies = discovery.dependencies.map((found) => withBase(found, baseOf(found)));
  const { discoveryError: _, dockerfile: _before, ...rest } = record;
  const found: ImageRecord = {
    ...rest,
    discoveryStatus: 'success',
    baseImages: baseNames(dependencies),
    dependencies,
    ...(discovery.dockerfile === undefined ? {} : { dockerfile: discovery.dockerfile }),
  };
  return dataEqual(found, record) ? record : { ...found, lastDiscovery: now };
}

function withBase(found: FoundDependency, base: string | undefined): Dependency {
  const { tagWritten: _, ...dependency } = found;
  return base === undefined ? dependency : { ...dependency, base };
}

/** Names of the bases that a build takes content from; the frontend of a `# syntax=` line is none of them. */
function baseNames(dependencies: readonly Dependency[]): string[] {
  const names = dependencies.flatMap(({ kind, base }) =>
    kind === 'syntax' || base === undefined ? [] : [base],
  );
  return [...new Set(names)].toSorted();
}

export interface DiscoveryContext {
  readonly now: Instant;
  readonly files: StateFiles;
  readonly unreadable: ReadonlySet<string>;
}

/**
 * Enters what was found for many images: their records, new bases (out of the archive where they were known before),
 * and bases that no image uses any more, which leave the state.
 */
export function applyDiscoveries(
  state: FactoryState,
  discoveries: ReadonlyMap<string, Discovery>,
  context: DiscoveryContext,
): FactoryState {
  const names = new BaseNames(state, context);
  let images: Map<string, ImageRecord> | undefined;
  for (const [name, discovery] of discoveries) {
    const record = state.images.get(name);
    if (!record || record.discoveryStatus === 'external') continue;
    const next = applyDiscovery(record, discovery, (found) => names.nameOf(found), context.now);
    if (next !== record) (images ??= new Map(state.images)).set(name, next);
  }
  const found =
    images || names.added.size > 0 ? { ...state, images: images ?? state.images, bases: names.all() } : state;
  return withoutUnusedBases(found, context.unreadable);
}

/** Finds or makes the base record of a reference. A name, once given, stays with its reference. */
class BaseNames {
  readonly added = new Map<string, BaseRecord>();
  readonly #state: FactoryState;
  readonly #context: DiscoveryContext;
  readonly #byKey = new Map<string, string>();
  readonly #byReference = new Map<string, string | undefined>();
  #archived: ReadonlyMap<string, BaseRecord> | undefined;

  constructor(state: FactoryState, context: DiscoveryContext) {
    this.#state = state;
    this.#context = context;
    for (const base of state.bases.values()) {
      const key = baseKey(base);
      // Two records of one tag come from older tools that named it in two ways; the first by name is taken.
      const other = this.#byKey.get(key);
      if (other === undefined || base.name < other) this.#byKey.set(key, base.name);
    }
  }

  /** Undefined: a digest without a tag, or no reference at all; nothing can be watched. */
  nameOf(found: FoundDependency): string | undefined {
    if (!this.#byReference.has(found.reference)) this.#byReference.set(found.reference, this.#find(found));
    return this.#byReference.get(found.reference);
  }

  all(): ReadonlyMap<string, BaseRecord> {
    return this.added.size === 0 ? this.#state.bases : new Map([...this.#state.bases, ...this.added]);
  }

  #find({ reference: text, tagWritten = true }: FoundDependency): string | undefined {
    const parsed = parseReference(text);
    if (!parsed.ok || parsed.value.tag === undefined) return undefined;
    const { domain, path, tag } = parsed.value;
    const reference = { domain, path, tag };
    const key = baseKey({ registry: domain, repository: path, tag });
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const base = this.#restore(key) ?? this.#create(reference, tagWritten);
    this.added.set(base.name, base);
    this.#byKey.set(key, base.name);
    return base.name;
  }

  #restore(key: string): BaseRecord | undefined {
    this.#archived ??= archivedBases(this.#context.files);
    const archived = this.#archived.get(key);
    return archived && !this.#taken(archived.name, false) ? archived : undefined;
  }

  #create(reference: Reference, tagWritten: boolean): BaseRecord {
    const name = uniqueSlug(reference, { tagWritten }, (candidate) => this.#taken(candidate, true));
    return newBase(reference, name, tagWritten, this.#context.now);
  }

  /** Files that cannot be read hold their names too, and archived bases may come back. */
  #taken(name: string, orArchived: boolean): boolean {
    const path = basePath(name);
    const { files } = this.#context;
    return (
      this.#state.bases.has(name) ||
      this.added.has(name) ||
      files.has(path) ||
      (orArchived && files.has(archivePath(path)))
    );
  }
}

/**
 * The state without bases that no image is built from and no open intent pins. Nothing is taken away while an image's
 * file cannot be read: nobody knows what it uses.
 */
function withoutUnusedBases(state: FactoryState, unreadable: ReadonlySet<string>): FactoryState {
  for (const path of unreadable) if (path.startsWith('images/') || path.startsWith('intents/')) return state;
  const used = new Set<string>();
  for (const image of state.images.values()) {
    for (const name of image.baseImages) used.add(name);
    for (const { base } of image.dependencies) if (base !== undefined) used.add(base);
  }
  for (const intent of state.intents.values()) for (const { base } of intent.pins) used.add(base);
  let bases: Map<string, BaseRecord> | undefined;
  for (const name of state.bases.keys()) {
    if (!used.has(name)) (bases ??= new Map(state.bases)).delete(name);
  }
  return bases ? { ...state, bases } : state;
}
