/** Text from outside on one line, without what a terminal or a reader could be misled with, and cut. */
export function oneLine(text: string, most: number): string {
  return cut(text.replaceAll(invisible, ' ').replaceAll(/\s+/g, ' ').trim(), most);
}

/** The same with its lines; of a long text its beginning and its end, where logs say what went wrong. */
export function someLines(text: string, most: number): string {
  const clean = text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.replaceAll(invisible, ' ').trimEnd())
    .join('\n')
    .trim();
  if (clean.length <= most) return clean;
  const half = Math.floor((most - 5) / 2);
  return `${whole(clean.slice(0, half))}\n...\n${whole(clean.slice(-half))}`;
}

/** Control and formatting characters, among them those that turn the direction of text. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function cut(text: string, most: number): string {
  return text.length > most ? `${whole(text.slice(0, most - 3))}...` : text;
}

/** Without the halves of characters at its ends. */
function whole(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, '').replace(/^[\udc00-\udfff]/, '');
}
