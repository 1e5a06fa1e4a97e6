import { dataEqual, isMap, ownValue } from './data-equal.ts';
import { alignLists } from './list-alignment.ts';
import { loadYaml } from './yaml-read.ts';
import {
  commentsBetween,
  lineEnd,
  lineStart,
  spansOf,
  type ListSpan,
  type MapEntry,
  type MapSpan,
  type Span,
  type SpannedText,
} from './yaml-spans.ts';
import {
  doubleQuoted,
  writeEntries,
  writeFlow,
  writeItems,
  writeItemTail,
  writeTail,
  writeYaml,
} from './yaml-write.ts';

type Data = Readonly<Record<string, unknown>>;

/**
 * Changes a YAML text so that it holds `after` instead of `before` (what it holds now), touching only what differs:
 * comments, blank lines, key order, quotes and the spelling of unchanged values stay as they are. Comments inside a
 * value that is replaced or removed are kept on lines of their own. Where a text is written in a way that cannot be
 * edited in place (flow style at the root, anchors that lose their target), it is written anew under its comments.
 */
export function editYaml(text: string, before: Data, after: Data): string {
  if (dataEqual(before, after)) return text;
  const spanned = spansOf(text);
  if (!spanned) return writeYaml(after);
  if (spanned.root.kind === 'map' && !spanned.root.flow) {
    const edit: Edit = { spanned, splices: [] };
    editMap(edit, spanned.root, before, after);
    const edited = applySplices(text, edit.splices);
    const read = loadYaml(edited);
    if (read.ok && dataEqual(read.value, after)) return edited;
  }
  const comments = commentsBetween(spanned, 0, text.length).map((comment) => comment + '\n');
  return writeYaml(after, comments.join(''));
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Edit {
  readonly spanned: SpannedText;
  readonly splices: Splice[];
}

function applySplices(text: string, splices: readonly Splice[]): string {
  const ordered = splices.map((splice, index) => ({ splice, index }));
  ordered.sort((left, right) => left.splice.start - right.splice.start || left.index - right.index);
  let result = '';
  let at = 0;
  for (const { splice } of ordered) {
    result += text.slice(at, splice.start) + splice.text;
    at = splice.end;
  }
  return result + text.slice(at);
}

/** The indentation that a line needs to stand beside what starts at the offset. */
function indentAt(edit: Edit, offset: number): string {
  return ' '.repeat(offset - lineStart(edit.spanned.text, offset));
}

function editMap(edit: Edit, span: MapSpan, before: Data, after: Data): void {
  const { text } = edit.spanned;
  const indent = indentAt(edit, span.entries[0]?.keyStart ?? 0);
  const present = new Map(span.entries.map((entry) => [entry.key, entry]));
  let previous: MapEntry | undefined;
  for (const [key, value] of Object.entries(after)) {
    const entry = present.get(key);
    if (entry) {
      previous = entry;
      const old = ownValue(before, key);
      if (!dataEqual(old, value)) editEntry(edit, entry, indent, old, value);
      continue;
    }
    if (value === undefined) continue;
    const lines = writeEntries({ [key]: value }, indent);
    insertLines(edit, previous?.value.end ?? lineStart(text, span.start) - 1, lines);
  }
  for (const entry of span.entries) {
    if (ownValue(after, entry.key) === undefined) removeLines(edit, entry.keyStart, entry.value.end, indent);
  }
}

/** Puts whole lines below the line in which the offset stands; -1 is the top of the text. */
function insertLines(edit: Edit, below: number, lines: string): void {
  const { text } = edit.spanned;
  if (below < 0) {
    edit.splices.push({ start: 0, end: 0, text: lines });
    return;
  }
  const end = lineEnd(text, below);
  edit.splices.push({ start: end, end, text: '\n' + lines.slice(0, -1) });
}

/** Removes the lines from `start` to the line end behind `end`; their comments stay. */
function removeLines(edit: Edit, start: number, end: number, indent: string): void {
  const { text } = edit.spanned;
  const first = lineStart(text, start);
  const last = lineEnd(text, end);
  const comments = commentsBetween(edit.spanned, start, last).map((comment) => `${indent}${comment}\n`);
  edit.splices.push({ start: first, end: Math.min(last + 1, text.length), text: comments.join('') });
}

function editEntry(edit: Edit, entry: MapEntry, indent: string, before: unknown, after: unknown): void {
  const { value, colonEnd } = entry;
  if (editInside(edit, value, before, after)) return;
  // An odd key spoils the edit on purpose: the check at the end then has the text written anew.
  replace(
    edit,
    entry.keyStart,
    colonEnd ?? entry.keyStart,
    value,
    indent,
    restyled(value, after) ?? writeTail(after, indent),
  );
}

/** Collections that stay collections are edited item by item; false where the value must be replaced as a whole. */
function editInside(edit: Edit, span: Span, before: unknown, after: unknown): boolean {
  if (span.flow) return false;
  if (span.kind === 'map' && isMap(before) && isMap(after)) {
    const kept = span.entries.some((entry) => ownValue(after, entry.key) !== undefined);
    const first = span.entries[0];
    // A mapping that begins behind a dash cannot lose its first line.
    const firstMovable =
      first && (ownValue(after, first.key) !== undefined || startsLine(edit, first.keyStart));
    if (!kept || !firstMovable) return false;
    editMap(edit, span, before, after);
    return true;
  }
  if (span.kind === 'list' && Array.isArray(before) && Array.isArray(after))
    return editList(edit, span, before, after);
  return false;
}

function startsLine(edit: Edit, offset: number): boolean {
  const { text } = edit.spanned;
  return text.slice(lineStart(text, offset), offset).trim() === '';
}

/** Replaces a value; comments inside it move to lines above the line on which its entry or item begins. */
function replace(edit: Edit, owner: number, from: number, span: Span, indent: string, tail: string): void {
  const { text } = edit.spanned;
  const comments = commentsBetween(edit.spanned, from, span.end);
  const above = lineStart(text, owner);
  if (comments.length > 0) {
    edit.splices.push({
      start: above,
      end: above,
      text: comments.map((comment) => `${indent}${comment}\n`).join(''),
    });
  }
  edit.splices.push({ start: from, end: span.end, text: tail.slice(0, -1) });
}

/** The new value in the style of the old one: quotes stay quotes, what was on one line in flow style stays so. */
function restyled(span: Span, after: unknown): string | undefined {
  if (span.flow && typeof after === 'object' && after !== null) return ` ${writeFlow(after)}\n`;
  if (span.kind !== 'scalar' || typeof after !== 'string') return undefined;
  if (span.quotes === "'" && /^[ -~]*$/.test(after)) return ` '${after.replaceAll("'", "''")}'\n`;
  return span.quotes === '"' ? ` ${doubleQuoted(after)}\n` : undefined;
}

function editList(
  edit: Edit,
  span: ListSpan,
  before: readonly unknown[],
  after: readonly unknown[],
): boolean {
  const dashes = span.items.map((item) => dashOf(edit, item));
  const first = dashes[0];
  if (first === undefined || dashes.includes(undefined) || before.length !== span.items.length) return false;
  const pairs = alignLists(before, after);
  if (after.length === 0 || pairs.every((pair) => pair === undefined)) return false;
  const indent = indentAt(edit, first);
  let below = lineStart(edit.spanned.text, first) - 1;
  for (const [index, item] of after.entries()) {
    const old = pairs[index];
    const itemSpan = old === undefined ? undefined : span.items[old];
    const dash = old === undefined ? undefined : dashes[old];
    if (old === undefined || !itemSpan || dash === undefined) {
      insertLines(edit, below, writeItems([item], indent));
      continue;
    }
    below = itemSpan.end;
    if (dataEqual(before[old], item) || editInside(edit, itemSpan, before[old], item)) continue;
    const tail = itemSpan.flow || itemSpan.kind === 'scalar' ? restyled(itemSpan, item) : undefined;
    replace(edit, dash, dash + 1, itemSpan, indent, tail ?? writeItemTail(item, indent));
  }
  const kept = new Set(pairs);
  for (const [index, item] of span.items.entries()) {
    if (!kept.has(index)) removeLines(edit, dashes[index] ?? 0, item.end, indent);
  }
  return true;
}

/** Offset of an item's dash; undefined unless the dash is the first thing on the line on which the item begins. */
function dashOf(edit: Edit, item: Span): number | undefined {
  const { text } = edit.spanned;
  const start = lineStart(text, item.start);
  const match = /^( *)-[ \t]+$/.exec(text.slice(start, item.start));
  return match?.[1] === undefined ? undefined : start + match[1].length;
}
