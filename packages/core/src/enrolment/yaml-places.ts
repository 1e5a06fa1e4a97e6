import { EVENT_ID, getScalarValue, type Event } from 'js-yaml';
import type { Composed } from './yaml-compose.ts';

export interface ChildEvent {
  /** Undefined in a sequence. */
  readonly key: Event | undefined;
  readonly value: Event;
}

/** The events of a key and its value, or of an item: searched only when a message needs the place. */
export function childEvent(
  composed: Composed,
  container: object,
  step: string | number,
): ChildEvent | undefined {
  const start = composed.starts.get(container);
  if (start === undefined) return undefined;
  const own = typeof step === 'number' ? itemEvent(composed, start, step) : pairEvent(composed, start, step);
  if (own) return own;
  for (const source of composed.merged.get(container) ?? []) {
    if (Object.hasOwn(source, step)) return childEvent(composed, source, step);
  }
  return undefined;
}

function itemEvent(composed: Composed, start: number, wanted: number): ChildEvent | undefined {
  let index = start + 1;
  for (let item = 0; ; item += 1) {
    const value = composed.events[index];
    if (!value || value.type === EVENT_ID.POP) return undefined;
    if (item === wanted) return { key: undefined, value };
    index = afterNode(composed.events, index);
  }
}

function pairEvent(composed: Composed, start: number, wanted: string): ChildEvent | undefined {
  let index = start + 1;
  for (;;) {
    const key = composed.events[index];
    if (!key || key.type === EVENT_ID.POP) return undefined;
    const valueIndex = afterNode(composed.events, index);
    const value = composed.events[valueIndex];
    if (!value) return undefined;
    if (key.type === EVENT_ID.SCALAR && getScalarValue(composed.text, key) === wanted) return { key, value };
    index = afterNode(composed.events, valueIndex);
  }
}

/** The index of the event after a whole node. */
export function afterNode(events: readonly Event[], index: number): number {
  let open = 0;
  for (let at = index; at < events.length; at += 1) {
    const type = events[at]?.type;
    if (type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) open += 1;
    else if (type === EVENT_ID.POP) open -= 1;
    if (open <= 0) return at + 1;
  }
  return events.length;
}
