import type { ApiAnswer } from '../ci-http/api.ts';

const longest = 300;

/** What a server said, for a message: one line, cut, and without any secret that it may have repeated. */
export function said(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
      shown = shown.replaceAll(form, '***');
  }
  const line = shown
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, longest);
  return line === '' ? 'nothing' : line;
}

/** The words in an error answer: every text under `message`, `error`, `errors` and `error_description`, or the body itself. */
export function wordsOf(answer: ApiAnswer): string {
  let value: unknown;
  try {
    value = JSON.parse(answer.text) as unknown;
  } catch {
    return /^\s*</.test(answer.text) ? '' : answer.text.slice(0, 2000);
  }
  const words: string[] = [];
  collect(value, words, 0, true);
  return words.join('; ').slice(0, 2000);
}

const wanted = /^(?:message|error|errors|error_description|base|detail|details)$/;

function collect(value: unknown, words: string[], depth: number, take: boolean): void {
  if (depth > 5 || words.length > 20) return;
  if (typeof value === 'string' && take) words.push(value);
  else if (Array.isArray(value)) for (const each of value) collect(each, words, depth + 1, take);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      const inside = depth > 0 && take;
      if (inside || wanted.test(key)) collect(each, words, depth + 1, true);
    }
  }
}
