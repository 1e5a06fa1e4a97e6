/** The fields of one CSV record, quotes removed; undefined for an empty or malformed one. */
export function parseCsvRecord(record: string): string[] | undefined {
  const line = record.endsWith('\n') ? record.slice(0, record.endsWith('\r\n') ? -2 : -1) : record;
  if (line === '') return undefined;
  const fields: string[] = [];
  let index = 0;
  for (;;) {
    const field = line.charAt(index) === '"' ? readQuoted(line, index + 1) : readBare(line, index);
    if (field === undefined) return undefined;
    fields.push(field.text);
    if (field.end === line.length) return fields;
    index = field.end + 1;
  }
}

function readBare(line: string, start: number): { text: string; end: number } | undefined {
  const comma = line.indexOf(',', start);
  const end = comma === -1 ? line.length : comma;
  const text = line.slice(start, end);
  return text.includes('"') ? undefined : { text, end };
}

/** `""` inside is one quote; behind the closing quote only a comma or the end may stand. */
function readQuoted(line: string, start: number): { text: string; end: number } | undefined {
  let text = '';
  let index = start;
  for (;;) {
    const quote = line.indexOf('"', index);
    if (quote === -1) return undefined;
    text += line.slice(index, quote);
    const next = line.charAt(quote + 1);
    if (next === '' || next === ',') return { text, end: quote + 1 };
    if (next !== '"') return undefined;
    text += '"';
    index = quote + 2;
  }
}
