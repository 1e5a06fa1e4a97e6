import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** The log of one build: a file that is never larger than its cap, and the last lines for the error text. */
export interface BuildLog {
  readonly path: string;
  /** Output of a process, cut anywhere. */
  write(chunk: string): void;
  /** A word of ours: it stands in the file, and not among the last lines. */
  line(text: string): void;
  /** The last lines of output, secrets masked. */
  tail(): readonly string[];
  close(): void;
}

const longestLine = 16_384;
const tailLength = 200;

/** Values in `secrets` never reach the file; nor do passwords in URLs and authorization headers. */
export function openBuildLog(
  path: string,
  options: { readonly maxBytes: number; readonly secrets: readonly string[] },
): BuildLog {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a', 0o640);
  // The longest first: one secret may hold another.
  const secrets = options.secrets
    .filter((secret) => secret.length >= 4)
    .toSorted((a, b) => b.length - a.length);
  const last: string[] = [];
  let written = 0;
  let dropped = 0;
  let partial = '';
  let open = true;

  function put(raw: string, isOutput: boolean): void {
    const text = mask(raw, secrets).slice(0, longestLine);
    if (isOutput) last.push(text);
    if (last.length > tailLength) last.shift();
    if (!open) return;
    const bytes = Buffer.byteLength(text) + 1;
    if (dropped > 0 || written + bytes > options.maxBytes) {
      dropped += 1;
      return;
    }
    written += bytes;
    writeSync(file, `${text}\n`);
  }

  return {
    path,
    write(chunk) {
      const parts = (partial + chunk).split(/\r?\n/);
      partial = parts.pop() ?? '';
      for (const part of parts) put(part, true);
      if (partial.length > 4 * longestLine) {
        put(partial, true);
        partial = '';
      }
    },
    line: (text) => put(text, false),
    tail: () => (partial === '' ? last : [...last, mask(partial, secrets).slice(0, longestLine)]),
    close() {
      if (!open) return;
      if (partial !== '') put(partial, true);
      partial = '';
      open = false;
      // What ends a build is worth more than its middle, so the last lines are kept although the cap was reached.
      if (dropped > 0)
        writeSync(
          file,
          `[${dropped} lines left out: the log reached its cap]\n${last.slice(-50).join('\n')}\n`,
        );
      closeSync(file);
    },
  };
}

/** Its patterns begin with fixed text: output is hostile, and a line may be long. */
function mask(text: string, secrets: readonly string[]): string {
  let masked = text;
  for (const secret of secrets) masked = masked.replaceAll(secret, '***');
  return masked
    .replace(/:\/\/[^\s/@]{1,1000}@/g, '://***@')
    .replace(/(authorization: (?:basic|bearer) )\S+/gi, '$1***');
}

const noise =
  /^(?:\s*|Getting image source signatures|Copying (?:blob|config) .*|Writing manifest to image destination|Storing signatures|exit status \d+|Trying to pull .*)$/;

/** The lines that tell a person why a build failed: the last that are not progress, at most ten. */
export function errorText(tail: readonly string[]): string {
  const lines = tail.map((line) => line.trimEnd()).filter((line) => !noise.test(line));
  return lines.slice(-10).join('\n').slice(-2000);
}
