/**
 * The candidate that a typing mistake most likely meant, or undefined if none is near: case, dashes and
 * underscores do not count, and about a third of the letters may differ.
 */
export function nearest(wrong: string, candidates: Iterable<string>): string | undefined {
  return nearestOf(wrong, candidates, 1)[0];
}

/** The candidates that it most likely meant, nearest first; of those equally near, those that came first. */
export function nearestOf(wrong: string, candidates: Iterable<string>, most: number): readonly string[] {
  const given = plain(wrong.slice(0, 64));
  let limit = Math.max(1, Math.floor(given.length / 3)) + 1;
  let found: readonly { readonly candidate: string; readonly distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = editDistance(given, plain(candidate), limit);
    if (distance >= limit) continue;
    found = [...found, { candidate, distance }].toSorted((a, b) => a.distance - b.distance).slice(0, most);
    if (found.length === most) limit = found.at(-1)?.distance ?? limit;
  }
  return found.map(({ candidate }) => candidate);
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** Optimal string alignment distance (a swap of neighbours is one step), given up at `limit`. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
      least = Math.min(least, cost);
    }
    if (least >= limit) return limit;
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? limit;
}
