import { dataEqual, isMap } from './data-equal.ts';

/**
 * For every item of `after` the index of the item of `before` that it continues, or undefined where it is new. Pairs
 * keep their order. Equal items at both ends are paired first; between them mappings that are about the same thing.
 */
export function alignLists(before: readonly unknown[], after: readonly unknown[]): (number | undefined)[] {
  const pairs: (number | undefined)[] = after.map(() => undefined);
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && dataEqual(before[head], after[head])) {
    pairs[head] = head;
    head += 1;
  }
  let tail = 0;
  while (
    tail < shorter - head &&
    dataEqual(before[before.length - 1 - tail], after[after.length - 1 - tail])
  ) {
    pairs[after.length - 1 - tail] = before.length - 1 - tail;
    tail += 1;
  }
  let old = head;
  for (let index = head; index < after.length - tail; index += 1) {
    for (let candidate = old; candidate < before.length - tail; candidate += 1) {
      if (!sameThing(before[candidate], after[index])) continue;
      pairs[index] = candidate;
      old = candidate + 1;
      break;
    }
  }
  return pairs;
}

/** The fields that say what an item is about, by list: a ledger entry, a rebuild, a pin, a dependency, a hold. */
const identities = [
  ['digest', 'tag', 'firstSeen'],
  ['key', 'attempt'],
  ['base'],
  ['reference', 'stage'],
  ['name'],
  ['reason'],
];

function sameThing(left: unknown, right: unknown): boolean {
  if (!isMap(left) || !isMap(right)) return dataEqual(left, right);
  const identity = identities.find(
    (fields) => fields[0] !== undefined && Object.hasOwn(left, fields[0]) && Object.hasOwn(right, fields[0]),
  );
  return identity === undefined
    ? dataEqual(left, right)
    : identity.every((field) => dataEqual(left[field], right[field]));
}
