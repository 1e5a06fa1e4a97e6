import { COLLECTION_STYLE, EVENT_ID, type Event } from 'js-yaml';
import { isMapping } from './older-keys.ts';
import type { YamlFile } from './yaml-file.ts';
import { afterNode, childEvent } from './yaml-places.ts';

/** A last entry may end lines below its last word, in brackets or quotes: so many lines are tried. */
const mostLinesTried = 20;

/**
 * Texts of the file with the item (`- name: ...` lines) behind the last entry, the likeliest first; the caller reads
 * them back to see which is right. None where the list has no place for lines of its own (`images: [{...}]`).
 */
export function* insertEntry(yaml: YamlFile, item: string): Generator<string, void> {
  const { root, composed, text } = yaml;
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = item.trimEnd().split('\n');
  if (Array.isArray(root)) return yield* extendList(yaml, 1, lines, lineBreak);
  if (root === null) {
    yield insertLines(text, endOfContent(text), lines, lineBreak);
    return;
  }
  if (!isMapping(root)) return;

  const images = childEvent(composed, root, 'images');
  if (!images) {
    yield insertLines(text, endOfContent(text), ['images:', ...indented(lines, '  ')], lineBreak);
  } else if (Array.isArray(root['images'])) {
    yield* extendList(yaml, composed.events.indexOf(images.value), lines, lineBreak);
  } else if (images.key?.type === EVENT_ID.SCALAR) {
    // "images:" with nothing behind it: the lines go below the key.
    yield insertLines(text, endOfLine(text, images.key.valueEnd), indented(lines, '  '), lineBreak);
  }
}

function* extendList(
  yaml: YamlFile,
  index: number,
  lines: readonly string[],
  lineBreak: string,
): Generator<string, void> {
  const { text } = yaml;
  const { events } = yaml.composed;
  const event = events[index];
  if (event?.type !== EVENT_ID.SEQUENCE) return;
  if (event.style === COLLECTION_STYLE.FLOW) return yield* replaceEmpty(yaml, event.start, lines, lineBreak);

  const indent = text.slice(text.lastIndexOf('\n', event.start - 1) + 1, event.start).replace('\uFEFF', '');
  if (indent.trim() !== '') return;
  const item = indented(spaced(yaml, index) ? ['', ...lines] : lines, indent);
  let at = endOfLine(text, lastOffset(events, index));
  // Comments that are indented deeper than the dash belong to the last entry.
  while (commentIndent(text, at) > indent.length) at = endOfLine(text, at);
  for (let tried = 0; tried < mostLinesTried; tried += 1) {
    yield insertLines(text, at, item, lineBreak);
    if (at >= text.length) return;
    at = endOfLine(text, at);
  }
}

/** `[]` and `images: []` give way to lines; a comment behind them stays in its line. */
function* replaceEmpty(
  yaml: YamlFile,
  start: number,
  lines: readonly string[],
  lineBreak: string,
): Generator<string, void> {
  const close = yaml.text.indexOf(']', start);
  if (yaml.text.slice(start + 1, close).trim() !== '') return;
  const head = yaml.text.slice(0, start).replace(/ +$/, '');
  const tail = yaml.text.slice(close + 1);
  const text =
    head === '' || head.endsWith('\n') ? head + tail.replace(/^[ \t]*(?:\r?\n)?/, '') : head + tail;
  const item = Array.isArray(yaml.root) ? lines : indented(lines, '  ');
  const at =
    head === '' || head.endsWith('\n') ? endOfComments(text, head.length) : endOfLine(text, head.length);
  yield insertLines(text, at, item, lineBreak);
}

/** Stands an empty line before the last of several entries? Then the new one gets one too. */
function spaced(yaml: YamlFile, index: number): boolean {
  const { events } = yaml.composed;
  let last = index + 1;
  for (let at = last; events[at] && events[at]?.type !== EVENT_ID.POP; at = afterNode(events, at)) last = at;
  const event = events[last];
  if (last === index + 1 || event?.type !== EVENT_ID.MAPPING) return false;
  return /\n[ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*[ \t]*-[ \t]*$/.test(
    yaml.text.slice(Math.max(0, event.start - 2000), event.start),
  );
}

/** The last character of a node's last word. */
function lastOffset(events: readonly Event[], index: number): number {
  const end = afterNode(events, index);
  let last = 0;
  for (let at = index; at < end; at += 1) last = Math.max(last, endOffset(events[at]));
  return Math.max(0, last - 1);
}

function endOffset(event: Event | undefined): number {
  if (event?.type === EVENT_ID.SCALAR) return Math.max(event.valueEnd, event.anchorEnd, event.tagEnd);
  if (event?.type === EVENT_ID.ALIAS) return event.anchorEnd;
  if (event?.type === EVENT_ID.SEQUENCE || event?.type === EVENT_ID.MAPPING) return event.start + 1;
  return 0;
}

/** Indentation of a comment line that starts here; -1 where none does. */
function commentIndent(text: string, at: number): number {
  const found = /^[ \t]*#/.exec(text.slice(at, at + 200));
  return found ? found[0].length - 1 : -1;
}

function endOfComments(text: string, from: number): number {
  let at = from;
  while (commentIndent(text, at) >= 0 && at < text.length) at = endOfLine(text, at);
  return at;
}

/** Before an end-of-document mark, if there is one. */
function endOfContent(text: string): number {
  const end = /^\.\.\.\s*$/m.exec(text);
  return end ? end.index : text.length;
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at + 1;
}

function indented(lines: readonly string[], indent: string): string[] {
  return lines.map((line) => (line === '' ? '' : indent + line));
}

function insertLines(text: string, at: number, lines: readonly string[], lineBreak: string): string {
  const before = text.slice(0, at);
  const glue = before === '' || before === '\uFEFF' || before.endsWith('\n') ? '' : lineBreak;
  return before + glue + lines.join(lineBreak) + lineBreak + text.slice(at);
}
