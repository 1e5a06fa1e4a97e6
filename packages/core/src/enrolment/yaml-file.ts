import { EVENT_ID, parseEvents, YAMLException, type Event } from 'js-yaml';
import type { Place, Problem } from '../problem.ts';
import { composeYaml, deepestNesting, eventOffset, type Composed } from './yaml-compose.ts';
import { childEvent } from './yaml-places.ts';
import { quickYaml, type QuickYaml } from './yaml-quick.ts';

/** A file of the factory directory, as read. */
export interface ConfigFile {
  /** As it is to be named in messages: `images.yaml`, `images.d/team.yaml`. */
  readonly path: string;
  readonly text: string;
}

export type YamlPath = readonly (string | number)[];

/** A configuration file's value and the way back from a value to its place. */
export interface YamlFile {
  readonly path: string;
  readonly text: string;
  readonly root: unknown;
  /** The offset of a mapping or list. */
  readonly startOf: (container: object) => number | undefined;
  readonly lineStarts: readonly number[];
  /** How everything is written; made when it is first asked for. */
  readonly composed: Composed;
}

/** Larger files are refused unread: 10,000 enrolments take two to five MiB. */
const largestFile = 8 * 1024 * 1024;

/** Reads one YAML 1.2 document. Problems are all about the YAML itself; with any of them there is no file. */
export function readYaml(file: ConfigFile): { yaml: YamlFile | undefined; problems: Problem[] } {
  const refuse = (message: string, hint: string, place: Place): { yaml: undefined; problems: Problem[] } => ({
    yaml: undefined,
    problems: [{ code: 'CONFIG_SYNTAX', message, hint, place }],
  });
  if (file.text.length > largestFile) {
    return refuse(
      `the file has ${file.text.length} characters; at most ${largestFile} are read`,
      'Split it into several files under images.d/.',
      { file: file.path },
    );
  }
  const quick = quickYaml(file.text);
  if (quick) return { yaml: quickFile(file, quick), problems: [] };
  let events: Event[];
  try {
    events = parseEvents(file.text, { filename: file.path, maxDepth: deepestNesting });
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const at = thrown.mark ? { line: thrown.mark.line + 1, column: thrown.mark.column + 1 } : {};
    return refuse(
      `not valid YAML: ${thrown.reason}`,
      syntaxHint(thrown.reason, file.text, thrown.mark?.position ?? 0),
      { file: file.path, ...at },
    );
  }
  const lineStarts = startsOfLines(file.text);
  const second = secondDocument(events);
  if (second >= 0) {
    return refuse(
      'the file holds several YAML documents',
      'Keep one document: remove the line "---" between them.',
      {
        file: file.path,
        ...positionOf(lineStarts, contentOffset(events, second, file.text)),
      },
    );
  }
  const composed = composeYaml(file.text, events);
  if (composed.mistakes.length > 0) {
    const problems = composed.mistakes.map((mistake): Problem => ({
      code: 'CONFIG_SYNTAX',
      message: mistake.message,
      hint: mistake.hint,
      place: { file: file.path, ...positionOf(lineStarts, mistake.offset) },
    }));
    return { yaml: undefined, problems };
  }
  const { root } = composed;
  const startOf = (container: object): number | undefined => {
    const event = events[composed.starts.get(container) ?? -1];
    return event && eventOffset(event);
  };
  return { yaml: { path: file.path, text: file.text, root, startOf, lineStarts, composed }, problems: [] };
}

/** Nearly always all that is to be known of a file is its value, and where its entries start. */
function quickFile({ path, text }: ConfigFile, { root, starts }: QuickYaml): YamlFile {
  let composed: Composed | undefined;
  return {
    path,
    text,
    root,
    startOf: (container) => starts.get(container),
    lineStarts: startsOfLines(text),
    get composed() {
      composed ??= composedAs(root, composeYaml(text, parseEvents(text, { filename: path })));
      return composed;
    },
  };
}

/** What was composed of the same text, with the places of its values known by those of `root`. */
function composedAs(root: unknown, composed: Composed): Composed {
  const starts = new Map<object, number>();
  function pair(ours: unknown, theirs: unknown): void {
    if (typeof ours !== 'object' || ours === null || typeof theirs !== 'object' || theirs === null) return;
    const start = composed.starts.get(theirs);
    if (start !== undefined) starts.set(ours, start);
    for (const [key, inner] of Object.entries(ours)) pair(inner, (theirs as Record<string, unknown>)[key]);
  }
  pair(root, composed.root);
  return { ...composed, root, starts };
}

/** The place of a value, or of its key; of the nearest thing around it where it is not written in the file. */
export function placeOf(yaml: YamlFile, path: YamlPath, on: 'key' | 'value'): Required<Place> {
  let container = yaml.root;
  let offset = containerOffset(yaml, container) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (typeof container !== 'object' || container === null) break;
    const last = depth === path.length - 1;
    const value = (container as Record<string | number, unknown>)[step];
    // A mapping or list knows its own start: only keys and scalars are searched for.
    const known = last && on === 'key' ? undefined : containerOffset(yaml, value);
    const found = known ?? searchedOffset(yaml, container, step, last ? on : 'value');
    if (found === undefined) break;
    offset = found;
    container = value;
  }
  return { file: yaml.path, ...positionOf(yaml.lineStarts, offset) };
}

/** The characters of a scalar as written, before YAML makes a number or a boolean of them. */
export function writtenText(yaml: YamlFile, container: object, key: string | number): string | undefined {
  const event = childEvent(yaml.composed, container, key)?.value;
  if (event?.type !== EVENT_ID.SCALAR || event.valueStart < 0) return undefined;
  return yaml.text.slice(event.valueStart, event.valueEnd);
}

function containerOffset(yaml: YamlFile, value: unknown): number | undefined {
  return typeof value === 'object' && value !== null ? yaml.startOf(value) : undefined;
}

function searchedOffset(
  yaml: YamlFile,
  container: object,
  step: string | number,
  on: 'key' | 'value',
): number | undefined {
  const child = childEvent(yaml.composed, container, step);
  if (!child) return undefined;
  const value = eventOffset(child.value);
  const key = child.key && eventOffset(child.key);
  if (on === 'key' && key !== undefined) return key;
  return value >= 0 ? value : (key ?? dashOf(yaml, child.value));
}

/** An empty item has no text of its own: its dash is the next one after whatever stands before it. */
function dashOf(yaml: YamlFile, item: Event): number | undefined {
  const { events } = yaml.composed;
  let before = 0;
  for (let at = events.indexOf(item) - 1; at > 0 && before === 0; at -= 1) {
    const event = events[at];
    if (event?.type === EVENT_ID.SCALAR) before = Math.max(0, event.valueEnd);
    else if (event?.type === EVENT_ID.ALIAS) before = event.anchorEnd;
    else if (event?.type === EVENT_ID.SEQUENCE) before = event.start;
  }
  const dash = yaml.text.indexOf('-', before);
  return dash < 0 ? undefined : dash;
}

function syntaxHint(reason: string, text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  if (reason.includes('tab') || /^ *\t/.test(text.slice(lineStart, lineStart + 200)))
    return 'Indent with spaces, not tabs.';
  if (reason.includes('deficient')) {
    return 'Indent this line deeper than the key above: it belongs to a bracket, brace or quote that is still open.';
  }
  if (reason.includes('nesting')) return `Nest at most ${deepestNesting} levels deep.`;
  return 'Look at the line above too: a missing quote, bracket or colon often shows only later.';
}

function secondDocument(events: readonly Event[]): number {
  return events.findIndex((event, index) => index > 0 && event.type === EVENT_ID.DOCUMENT);
}

function contentOffset(events: readonly Event[], from: number, text: string): number {
  const first = events[from + 1];
  const offset = first ? eventOffset(first) : -1;
  return offset >= 0 ? offset : text.length;
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column, from 1, of an offset. */
function positionOf(lineStarts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
}
