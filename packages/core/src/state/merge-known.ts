import { dataEqual, isMap, ownValue } from './data-equal.ts';
import { alignLists } from './list-alignment.ts';

/** Fields that the older format always has, with null where nothing is known. */
const nullable = new Set([
  'currentVersion',
  'currentDigest',
  'lastBuilt',
  'lastUpdated',
  'previousDigest',
  'default',
  'lastDiscovery',
]);

/**
 * The data of a file after a change of what we know of it: `raw` is what stands in the file, `before` what we understood
 * of it, `after` what we understand of it now. What did not change keeps its spelling, what we never understood stays.
 */
export function mergeKnown(raw: unknown, before: unknown, after: unknown): unknown {
  if (raw !== undefined && dataEqual(before, after)) return raw;
  if (isMap(raw) && isMap(after) && (before === undefined || isMap(before)))
    return mergeMaps(raw, before ?? {}, after);
  if (Array.isArray(raw) && Array.isArray(before) && Array.isArray(after) && raw.length === before.length) {
    return alignLists(before, after).map((old, index) =>
      old === undefined ? (after[index] as unknown) : mergeKnown(raw[old], before[old], after[index]),
    );
  }
  return after;
}

type Data = Readonly<Record<string, unknown>>;

function mergeMaps(raw: Data, before: Data, after: Data): Data {
  const entries: [string, unknown][] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (Object.hasOwn(after, key)) entries.push([key, mergeKnown(value, ownValue(before, key), after[key])]);
    else if (!Object.hasOwn(before, key)) entries.push([key, value]);
    else if (nullable.has(key)) entries.push([key, null]);
  }
  let previous = -1;
  for (const [key, value] of Object.entries(after)) {
    const present = entries.findIndex(([name]) => name === key);
    if (present !== -1) {
      previous = present;
    } else if (!Object.hasOwn(before, key) || !dataEqual(before[key], value)) {
      previous += 1;
      entries.splice(previous, 0, [key, value]);
    }
  }
  return Object.fromEntries(entries);
}
