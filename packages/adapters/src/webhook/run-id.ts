import { markIn, markOf, type RunMark } from '../ci-runs/run-mark.ts';

/** Stands between the mark and the provider's own id, which `get` needs both of. */
const mostIdLength = 400;

/** `[key/attempt] id`: a run is asked about by both. */
export function idOf(mark: RunMark, own: string): string {
  return `${markOf(mark.key, mark.attempt)} ${own}`;
}

/** The id of a run that has none of its own, or whose own nobody said. */
export function usualId({ key, attempt }: RunMark): string {
  return `${key}-${attempt}`;
}

export function readId(id: string): { readonly mark: RunMark; readonly own: string } | undefined {
  const space = id.indexOf(' ');
  const mark = markIn(id.slice(0, space));
  return mark && id.length <= mostIdLength && space > 0 ? { mark, own: id.slice(space + 1) } : undefined;
}
