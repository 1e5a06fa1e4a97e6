/** Key and attempt of a run. */
export interface RunMark {
  readonly key: string;
  readonly attempt: number;
}

/** What the title of a run has to carry, so that it is found whatever became of the answer to its create. */
export function markOf(key: string, attempt: number): string {
  return `[${key}/${attempt}]`;
}

/** The last mark in a title: what comes before it may be anybody's words. */
export function markIn(title: string | undefined): RunMark | undefined {
  const found = [...(title ?? '').slice(0, 2000).matchAll(/\[([0-9A-Za-z-]{1,100})\/(\d{1,6})\]/g)].at(-1);
  return found?.[1] === undefined ? undefined : { key: found[1], attempt: Number(found[2]) };
}

export function isMarked(title: string | undefined, key: string, attempt: number): boolean {
  const mark = markIn(title);
  return mark !== undefined && mark.key === key && mark.attempt === attempt;
}
