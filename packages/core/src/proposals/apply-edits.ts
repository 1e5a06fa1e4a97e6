import { err, ok, type Result } from '../result.ts';

/** One word, or part of it, at an offset of the text. */
export interface TextEdit {
  readonly offset: number;
  readonly from: string;
  readonly to: string;
}

/** Each verified against what should stand there. The same edit twice (one ARG of two words) is one. */
export function applyEdits(text: string, edits: readonly TextEdit[]): Result<string, string> {
  let edited = '';
  let done = 0;
  let last: TextEdit | undefined;
  for (const edit of edits.toSorted((a, b) => a.offset - b.offset)) {
    const { offset, from, to } = edit;
    if (last && last.offset === offset && last.from === from && last.to === to) continue;
    if (offset < done) return err(`two changes meet at one place: ${last?.from ?? ''} and ${from}`);
    if (!text.startsWith(from, offset)) return err(`expected ${from} at offset ${offset}`);
    edited += text.slice(done, offset) + to;
    done = offset + from.length;
    last = edit;
  }
  return ok(edited + text.slice(done));
}
