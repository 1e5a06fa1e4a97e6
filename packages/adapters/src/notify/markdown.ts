import type { Message } from '@image-factory/core/ports/notifier.ts';
import { linesOf } from '@image-factory/core/notify/messages.ts';
import { oneLine, someLines } from './plain-text.ts';

/** Behind `@`, so that nobody is called by a text from outside. */
const noCall = '\u200b';

/** Words of others in Markdown: as they are, without links, headings, calls or commands. */
export function escapeMarkdown(text: string, most = 500): string {
  return oneLine(text, most)
    .replaceAll(/[\\`*_{}[\]()<>#|~!&$]/g, (character) => `\\${character}`)
    .replaceAll('@', `@${noCall}`)
    .replaceAll(/^([+=/-]|\d+\.)/g, `${noCall}$1`);
}

/** In a fence that is longer than any within. */
export function fenced(text: string, most = 2000): string {
  const inner = someLines(text, most);
  const longest = Math.max(2, ...[...inner.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${inner}\n${fence}`;
}

/** A message as the body of an issue or a comment. */
export function markdownOf(message: Message): string {
  const parts = [escapeMarkdown(message.title)];
  for (const [name, text] of linesOf(message)) {
    if (name === 'last error') parts.push(`- ${name}:\n\n${fenced(text)}\n`);
    else parts.push(`- ${name}: ${link(text) ?? escapeMarkdown(text)}`);
  }
  return parts.join('\n');
}

function link(text: string): string | undefined {
  return /^https?:\/\/[\w.:[\]-]+(?:\/[\w./%~:=&?+,;-]*)?$/.test(text) && text.length <= 1000
    ? text
    : undefined;
}
