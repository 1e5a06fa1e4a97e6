/** What a unified diff says about itself, read before git is given it. */
export interface PatchLook {
  /** Files that it reads or writes, without the first folder (`a/`, `b/`). */
  readonly paths: ReadonlySet<string>;
  readonly hunks: readonly PatchHunk[];
  /** Why it is not applied at all, and in which line. */
  readonly refusal: { readonly why: string; readonly line: number } | undefined;
}

export interface PatchHunk {
  /** The file before the patch. */
  readonly path: string;
  /** Counted from 1 for each file. */
  readonly number: number;
  readonly oldStart: number;
  /** Line of the patch. */
  readonly line: number;
  readonly header: string;
}

const mostFiles = 1000;
const longestPath = 1024;

/** Never throws; git remains the judge of what a patch means. */
export function lookAtPatch(text: string): PatchLook {
  const lines = text.split('\n');
  const paths = new Set<string>();
  const hunks: PatchHunk[] = [];
  const counts = new Map<string, number>();
  let refusal: PatchLook['refusal'];
  let path = '';
  let left = { old: 0, new: 0 };
  for (const [index, written] of lines.entries()) {
    const line = written.replace(/\r$/, '');
    const refuse = (why: string): void => {
      refusal ??= { why, line: index + 1 };
    };
    // Within a hunk nothing is a header, whatever it looks like.
    if (left.old > 0 || left.new > 0) {
      const first = line[0] ?? ' ';
      if (first === '\\') continue;
      if (' -+'.includes(first)) {
        left = { old: left.old - (first === '+' ? 0 : 1), new: left.new - (first === '-' ? 0 : 1) };
        continue;
      }
      left = { old: 0, new: 0 };
    }
    const hunk = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@/.exec(line);
    if (hunk) {
      left = { old: Number(hunk[2] ?? 1), new: Number(hunk[3] ?? 1) };
      const number = (counts.get(path) ?? 0) + 1;
      counts.set(path, number);
      hunks.push({ path, number, oldStart: Number(hunk[1]), line: index + 1, header: hunk[0] });
      continue;
    }
    const mode = /^(?:new file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (\d{6})$/.exec(line)?.[1];
    if (mode === '120000') refuse('makes or changes a symbolic link');
    if (mode === '160000') refuse('makes or changes a submodule');
    if (/^GIT binary patch|^Binary files /.test(line)) refuse('is binary');
    if (/^copy (?:from|to) /.test(line)) refuse('copies a file');
    if (line.startsWith('--- ')) path = '';
    for (const named of pathsIn(line)) {
      const inside = insideOf(named);
      if (inside === undefined) refuse(`names "${named.slice(0, 200)}", which is not inside of the source`);
      else if (inside !== '') {
        paths.add(inside);
        // A file that is made has no name before.
        if (line.startsWith('--- ') || (line.startsWith('+++ ') && path === '')) path = inside;
      }
    }
    if (paths.size > mostFiles) refuse(`touches more than ${mostFiles} files`);
  }
  if (refusal === undefined && paths.size === 0) refusal = { why: 'has no diff in it', line: 1 };
  return { paths, hunks, refusal };
}

/** As written, with `a/` in front; empty: no file. */
function pathsIn(line: string): readonly string[] {
  const side = /^(?:---|\+\+\+) (.+)$/.exec(line)?.[1];
  if (side !== undefined) {
    const name = side.startsWith('"') ? unquoted(side) : side.replace(/\t.*$/, '');
    return name === '/dev/null' ? [] : [name];
  }
  // Without the first folder, unlike all other places.
  const renamed = /^rename (?:from|to) (.+)$/.exec(line)?.[1];
  if (renamed !== undefined) return [`a/${renamed.startsWith('"') ? unquoted(renamed) : renamed}`];
  const both = /^diff --git (.+)$/.exec(line)?.[1];
  if (both === undefined) return [];
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(both);
  if (quoted)
    return [quoted[1], quoted[2]].map((name = '') => (name.startsWith('"') ? unquoted(name) : name));
  // Names with spaces stand without quotes; where they are equal the middle is known, else other lines say them.
  const middle = (both.length - 1) / 2;
  return both.slice(0, middle).replace(/^[^/]*/, '') === both.slice(middle + 1).replace(/^[^/]*/, '')
    ? [both.slice(0, middle)]
    : [];
}

/** Without its first folder, as `git apply -p1` takes it; undefined where it leads out, or to git's own files. */
function insideOf(name: string): string | undefined {
  if (name.startsWith('/') || name.includes('\0') || name.length > longestPath) return undefined;
  const parts = name.split('/').slice(1);
  if (parts.length === 0) return '';
  return parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git')
    ? undefined
    : parts.join('/');
}

/** Git quotes like C: `"a/caf\303\251"`. */
function unquoted(text: string): string {
  const inner = /^"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? '';
  const simple: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  const bytes: number[] = [];
  for (const [piece] of inner.matchAll(/\\[0-7]{1,3}|\\.|[^\\]/gsu)) {
    if (!piece.startsWith('\\')) bytes.push(...Buffer.from(piece, 'utf8'));
    else if (/^\\[0-7]/.test(piece)) bytes.push(Number.parseInt(piece.slice(1), 8) & 255);
    else bytes.push(simple[piece[1] ?? ''] ?? piece.charCodeAt(1));
  }
  return Buffer.from(bytes).toString('utf8');
}
