import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event, type ScalarEvent } from 'js-yaml';
import { resolvePlain } from './yaml-scalar.ts';

/** Nesting deeper than this, aliases followed, is refused. */
export const deepestNesting = 64;
/** Values that aliases and merge keys may add to what is written; more is refused as a YAML bomb. */
const mostAliasedValues = 250_000;
/** A file with more mistakes than this has a cause that the first ones show. */
const mostMistakes = 200;

export type YamlMapping = Record<string, unknown>;

/** A mistake of the YAML itself, by its offset in the text. */
export interface YamlMistake {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/** Values composed from parser events, with what is needed to find each of them in the text again. */
export interface Composed {
  readonly text: string;
  readonly root: unknown;
  readonly events: readonly Event[];
  /** Where each mapping and sequence starts, as an index into the events. */
  readonly starts: ReadonlyMap<object, number>;
  /** What a mapping took over by merge keys, nearest first. */
  readonly merged: ReadonlyMap<object, readonly object[]>;
  readonly mistakes: readonly YamlMistake[];
}

interface Anchored {
  readonly value: unknown;
  readonly size: number;
  readonly height: number;
}

interface Composer {
  readonly text: string;
  readonly events: readonly Event[];
  readonly starts: Map<object, number>;
  readonly merged: Map<object, object[]>;
  /** Undefined while the anchored node is still open: an alias to it would be endless. */
  readonly anchors: Map<string, Anchored | undefined>;
  readonly mistakes: YamlMistake[];
  index: number;
  size: number;
  aliased: number;
  deepest: number;
}

/**
 * Builds the value of the first document. We compose ourselves because one pass then gives values, places and
 * every duplicate key, and because aliases can be weighed before they are followed.
 */
export function composeYaml(text: string, events: readonly Event[]): Composed {
  const composer: Composer = {
    text,
    events,
    starts: new Map(),
    merged: new Map(),
    anchors: new Map(),
    mistakes: [],
    index: 1,
    size: 0,
    aliased: 0,
    deepest: 0,
  };
  const root = events.length > 1 ? compose(composer, 0) : null;
  if (composer.aliased > mostAliasedValues) {
    note(
      composer,
      0,
      `aliases repeat more than ${mostAliasedValues} values`,
      'Write the values out, or put what entries share under "defaults".',
    );
  }
  return {
    text,
    root,
    events,
    starts: composer.starts,
    merged: composer.merged,
    mistakes: composer.mistakes,
  };
}

function compose(composer: Composer, depth: number): unknown {
  const event = composer.events[composer.index];
  if (!event || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return null;
  if (event.type === EVENT_ID.ALIAS) return composeAlias(composer, event.anchorStart, event.anchorEnd, depth);
  const anchor = event.anchorStart >= 0 ? composer.text.slice(event.anchorStart, event.anchorEnd) : undefined;
  if (anchor === undefined) return composeNode(composer, event, depth);

  const sizeBefore = composer.size;
  const deepestBefore = composer.deepest;
  composer.deepest = depth;
  composer.anchors.set(anchor, undefined);
  const value = composeNode(composer, event, depth);
  const size = composer.size - sizeBefore;
  composer.anchors.set(anchor, { value, size, height: composer.deepest - depth });
  composer.deepest = Math.max(composer.deepest, deepestBefore);
  return value;
}

function composeNode(composer: Composer, event: Event, depth: number): unknown {
  composer.size += 1;
  if (depth > composer.deepest) composer.deepest = depth;
  if (event.type === EVENT_ID.SCALAR) {
    composer.index += 1;
    return scalarValue(composer, event);
  }
  if (event.type === EVENT_ID.SEQUENCE) {
    checkTag(composer, event, '!!seq');
    return composeSequence(composer, depth);
  }
  if (event.type === EVENT_ID.MAPPING) {
    checkTag(composer, event, '!!map');
    return composeMapping(composer, depth);
  }
  composer.index += 1;
  return null;
}

function composeAlias(composer: Composer, start: number, end: number, depth: number): unknown {
  composer.index += 1;
  const name = composer.text.slice(start, end);
  const anchored = composer.anchors.get(name);
  if (!anchored) {
    note(
      composer,
      start,
      composer.anchors.has(name)
        ? `the alias "*${shortened(name)}" contains itself`
        : `the alias "*${shortened(name)}" has no anchor`,
      'An alias repeats a value that is complete and stands above it, marked with "&name".',
    );
    return null;
  }
  if (depth + anchored.height > deepestNesting) {
    note(
      composer,
      start,
      `nested more than ${deepestNesting} levels deep`,
      'Write the value out with less nesting.',
    );
    return null;
  }
  composer.size += anchored.size;
  composer.aliased += anchored.size;
  composer.deepest = Math.max(composer.deepest, depth + anchored.height);
  return composer.aliased > mostAliasedValues ? null : anchored.value;
}

function composeSequence(composer: Composer, depth: number): unknown[] {
  const items: unknown[] = [];
  composer.starts.set(items, composer.index);
  composer.index += 1;
  while (inContainer(composer)) items.push(compose(composer, depth + 1));
  composer.index += 1;
  return items;
}

function composeMapping(composer: Composer, depth: number): YamlMapping {
  const mapping: YamlMapping = {};
  composer.starts.set(mapping, composer.index);
  const own = composer.events[composer.index];
  const start = own ? eventOffset(own) : 0;
  composer.index += 1;
  let merges: { readonly value: unknown; readonly offset: number }[] | undefined;
  while (inContainer(composer)) {
    const keyEvent = composer.events[composer.index];
    // An empty key stands nowhere: its mapping does.
    const offset = Math.max(keyEvent ? eventOffset(keyEvent) : 0, start);
    const key = composeKey(composer, keyEvent, offset, depth);
    const value = compose(composer, depth + 1);
    if (key === undefined) continue;
    if (key === '<<') {
      merges ??= [];
      merges.push({ value, offset });
    } else if (Object.hasOwn(mapping, key)) {
      note(composer, offset, `the key "${shortened(key)}" is written twice`, 'Keep one of the two.');
    } else {
      mapping[key] = value;
    }
  }
  composer.index += 1;
  for (const merge of merges ?? []) applyMerge(composer, mapping, merge.value, merge.offset);
  return mapping;
}

function inContainer(composer: Composer): boolean {
  const event = composer.events[composer.index];
  return event !== undefined && event.type !== EVENT_ID.POP;
}

/** The key as written, so that `22:` and `1.10:` are the keys "22" and "1.10". */
function composeKey(
  composer: Composer,
  event: Event | undefined,
  offset: number,
  depth: number,
): string | undefined {
  if (event?.type === EVENT_ID.SCALAR && event.valueStart >= 0) {
    composer.index += 1;
    composer.size += 1;
    const key = getScalarValue(composer.text, event);
    if (event.anchorStart >= 0) {
      const anchor = composer.text.slice(event.anchorStart, event.anchorEnd);
      composer.anchors.set(anchor, { value: key, size: 1, height: 0 });
    }
    if (key !== '__proto__') return key;
    note(composer, offset, 'the key "__proto__" is not accepted', 'Choose another key.');
    return undefined;
  }
  const value = compose(composer, depth + 1);
  if (event?.type === EVENT_ID.ALIAS && typeof value === 'string' && value !== '__proto__') return value;
  note(
    composer,
    offset,
    'a key must be text',
    'If this was meant as text in braces or brackets, put quotes around it.',
  );
  return undefined;
}

/** Merge keys are YAML 1.1 (yaml.org/type/merge): written keys win, then the first source that has the key. */
function applyMerge(composer: Composer, mapping: YamlMapping, value: unknown, offset: number): void {
  if (composer.aliased > mostAliasedValues) return;
  const sources: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const source of sources) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) {
      note(
        composer,
        offset,
        'a merge key "<<" takes a mapping or a list of mappings',
        'Write "<<: *name", where "&name" marks a mapping above it.',
      );
      continue;
    }
    const keys = Object.keys(source);
    composer.aliased += keys.length;
    if (composer.aliased > mostAliasedValues) return;
    for (const key of keys) {
      if (!Object.hasOwn(mapping, key)) mapping[key] = (source as YamlMapping)[key];
    }
    const merged = composer.merged.get(mapping);
    if (merged) merged.push(source);
    else composer.merged.set(mapping, [source]);
  }
}

function scalarValue(composer: Composer, event: ScalarEvent): unknown {
  const text = event.valueStart < 0 ? '' : getScalarValue(composer.text, event);
  if (event.tagStart >= 0) {
    checkTag(composer, event, '!!str');
    return text;
  }
  return event.style === SCALAR_STYLE.PLAIN ? resolvePlain(text) : text;
}

function note(composer: Composer, offset: number, message: string, hint: string): void {
  if (composer.mistakes.length < mostMistakes) composer.mistakes.push({ offset, message, hint });
}

function checkTag(composer: Composer, event: Exclude<Event, { type: 1 | 5 | 6 }>, accepted: string): void {
  if (event.tagStart < 0) return;
  const tag = composer.text.slice(event.tagStart, event.tagEnd);
  if (tag === accepted || tag === '!') return;
  note(
    composer,
    event.tagStart,
    `the tag "${shortened(tag)}" is not accepted`,
    'Leave the tag away; put quotes around what is meant as text.',
  );
}

/** Where the node of an event stands in the text; -1 for an empty value. */
export function eventOffset(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      if (event.valueStart < 0) return -1;
      return event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED
        ? event.valueStart - 1
        : event.valueStart;
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start;
    default:
      return -1;
  }
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
