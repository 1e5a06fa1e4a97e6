/** More candidates than this are not searched for a misspelling. */
const mostCandidates = 2000;

/** The candidates that the name is most likely a misspelling of, nearest first, three at most. */
export function nearest(name: string, candidates: readonly string[]): readonly string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  return candidates
    .slice(0, mostCandidates)
    .map((candidate) => ({
      candidate,
      distance: distance(name.toLowerCase(), candidate.toLowerCase(), limit),
    }))
    .filter((entry) => entry.distance <= limit)
    .toSorted((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map((entry) => entry.candidate);
}

/** Insertions, deletions and replacements from one text to the other; anything above `limit` may be reported as more. */
function distance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) > limit || from.length > 200) return limit + 1;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
