import * as jsYaml from 'js-yaml';

/** Where a value stands in the text; offsets count UTF-16 units, `end` is exclusive. */
export type Span = ScalarSpan | MapSpan | ListSpan;

interface SpanBase {
  /** Anchors and tags included; equal to `end` where nothing is written. */
  readonly start: number;
  readonly end: number;
  readonly flow: boolean;
}

export interface ScalarSpan extends SpanBase {
  readonly kind: 'scalar';
  readonly quotes: '' | "'" | '"' | '|' | '*';
}

export interface MapEntry {
  readonly key: string;
  readonly keyStart: number;
  /** Behind the colon. Undefined: written in a way that is not edited in place (explicit or odd keys). */
  readonly colonEnd: number | undefined;
  readonly value: Span;
}

export interface MapSpan extends SpanBase {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

export interface ListSpan extends SpanBase {
  readonly kind: 'list';
  readonly items: readonly Span[];
}

export interface SpannedText {
  readonly text: string;
  readonly root: Span;
  /** Ranges of keys, scalars, anchors and tags in order: a `#` between them starts a comment. */
  readonly tokens: readonly (readonly [start: number, end: number])[];
}

/** The tree of source ranges of a one-document text; undefined where the text has none or several. Throws on invalid YAML. */
export function spansOf(text: string): SpannedText | undefined {
  const events = jsYaml.parseEvents(text, {});
  const walk: Walk = { text, events, next: 0, end: 0, tokens: [] };
  if (take(walk).type !== jsYaml.EVENT_ID.DOCUMENT) return undefined;
  const root = readNode(walk);
  take(walk);
  return walk.next === events.length ? { text, root, tokens: walk.tokens } : undefined;
}

interface Walk {
  readonly text: string;
  readonly events: readonly jsYaml.Event[];
  readonly tokens: [number, number][];
  next: number;
  /** End of the last token: where an empty scalar stands. */
  end: number;
}

function take(walk: Walk): jsYaml.Event {
  const event = walk.events[walk.next];
  if (!event) throw new Error('the YAML event stream ended early');
  walk.next += 1;
  return event;
}

function atPop(walk: Walk): boolean {
  return walk.events[walk.next]?.type === jsYaml.EVENT_ID.POP;
}

function token(walk: Walk, start: number, end: number): void {
  walk.tokens.push([start, end]);
  walk.end = end;
}

function readNode(walk: Walk): Span {
  const event = take(walk);
  if (event.type === jsYaml.EVENT_ID.ALIAS) {
    token(walk, event.anchorStart - 1, event.anchorEnd);
    return { kind: 'scalar', quotes: '*', start: event.anchorStart - 1, end: event.anchorEnd, flow: false };
  }
  if (event.type === jsYaml.EVENT_ID.DOCUMENT || event.type === jsYaml.EVENT_ID.POP) {
    throw new Error('the YAML event stream has no node where one must be');
  }
  const properties = readProperties(walk, event);
  if (event.type === jsYaml.EVENT_ID.SCALAR) return readScalar(walk, event, properties);
  const start = Math.min(properties ?? event.start, event.start);
  const flow = event.style === jsYaml.COLLECTION_STYLE.FLOW;
  if (flow) walk.end = event.start + 1;
  const children = event.type === jsYaml.EVENT_ID.MAPPING ? readEntries(walk) : readItems(walk);
  take(walk);
  if (flow) walk.end = closingBracket(walk.text, walk.end);
  return { ...children, start, end: walk.end, flow };
}

/** Anchor and tag; gives the offset of the first. */
function readProperties(
  walk: Walk,
  event: jsYaml.ScalarEvent | jsYaml.MappingEvent | jsYaml.SequenceEvent,
): number | undefined {
  const ranges: [number, number][] = [];
  if (event.anchorStart >= 0) ranges.push([event.anchorStart - 1, event.anchorEnd]);
  if (event.tagStart >= 0) ranges.push([event.tagStart, event.tagEnd]);
  ranges.sort((left, right) => left[0] - right[0]);
  for (const [start, end] of ranges) token(walk, start, end);
  return ranges[0]?.[0];
}

function readScalar(walk: Walk, event: jsYaml.ScalarEvent, properties: number | undefined): ScalarSpan {
  if (event.valueStart < 0) {
    const at = walk.end;
    return { kind: 'scalar', quotes: '', start: properties ?? at, end: at, flow: false };
  }
  const { SINGLE_QUOTED, DOUBLE_QUOTED, PLAIN } = jsYaml.SCALAR_STYLE;
  if (event.style === PLAIN) {
    token(walk, event.valueStart, event.valueEnd);
    return {
      kind: 'scalar',
      quotes: '',
      start: properties ?? event.valueStart,
      end: event.valueEnd,
      flow: false,
    };
  }
  if (event.style === SINGLE_QUOTED || event.style === DOUBLE_QUOTED) {
    token(walk, event.valueStart - 1, event.valueEnd + 1);
    const quotes = event.style === SINGLE_QUOTED ? "'" : '"';
    return {
      kind: 'scalar',
      quotes,
      start: properties ?? event.valueStart - 1,
      end: event.valueEnd + 1,
      flow: false,
    };
  }
  // A block scalar's content ends with its line; the last newline is left to the line's end.
  const end = walk.text[event.valueEnd - 1] === '\n' ? event.valueEnd - 1 : event.valueEnd;
  const start = properties ?? walk.end;
  token(walk, event.valueStart, Math.max(end, event.valueStart));
  return { kind: 'scalar', quotes: '|', start, end: walk.end, flow: false };
}

function readEntries(walk: Walk): { kind: 'map'; entries: MapEntry[] } {
  const entries: MapEntry[] = [];
  while (!atPop(walk)) {
    const keyEvent = walk.events[walk.next];
    const keySpan = readNode(walk);
    const key =
      keyEvent?.type === jsYaml.EVENT_ID.SCALAR && keyEvent.valueStart >= 0
        ? jsYaml.getScalarValue(walk.text, keyEvent)
        : '';
    const colon = /^[ \t]*:/.exec(walk.text.slice(keySpan.end, keySpan.end + 20));
    const explicit = /\?[ \t]*$/.test(
      walk.text.slice(walk.text.lastIndexOf('\n', keySpan.start - 1) + 1, keySpan.start),
    );
    const colonEnd = colon && !explicit ? keySpan.end + colon[0].length : undefined;
    if (colonEnd !== undefined) walk.end = colonEnd;
    entries.push({ key, keyStart: keySpan.start, colonEnd, value: readNode(walk) });
  }
  return { kind: 'map', entries };
}

function readItems(walk: Walk): { kind: 'list'; items: Span[] } {
  const items: Span[] = [];
  while (!atPop(walk)) items.push(readNode(walk));
  return { kind: 'list', items };
}

/** Behind the bracket that closes a flow collection whose last token ends at `from`. */
function closingBracket(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const character = text[at];
    if (character === ']' || character === '}') return at + 1;
    if (character === '#') at = lineEnd(text, at);
    else at += 1;
  }
  return at;
}

/** Offset of the newline that ends the line, or of the end of the text. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

/** Offset of the first character of the line. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}

/** The comments between two offsets, each with its `#` and without line end. */
export function commentsBetween(spanned: SpannedText, start: number, end: number): string[] {
  const { text, tokens } = spanned;
  const comments: string[] = [];
  let index = firstTokenAfter(tokens, start);
  let at = start;
  while (at < end) {
    const range = tokens[index];
    if (range && at >= range[0]) {
      at = Math.max(at, range[1]);
      index += 1;
    } else if (text[at] === '#') {
      const stop = lineEnd(text, at);
      comments.push(text.slice(at, stop).trimEnd());
      at = stop;
    } else at += 1;
  }
  return comments;
}

/** Index of the first token that ends behind the offset. */
function firstTokenAfter(tokens: SpannedText['tokens'], offset: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.[1] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
