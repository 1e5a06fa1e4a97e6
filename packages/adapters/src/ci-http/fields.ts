type Path = readonly (string | number)[];

/** What stands at a place of an answer, whose form is not trusted; undefined where anything on the way is missing. */
export function at(value: unknown, ...path: Path): unknown {
  let inner = value;
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Readonly<Record<string | number, unknown>>)[key];
  }
  return inner;
}

/** Empty text counts as none. */
export function textAt(value: unknown, ...path: Path): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** A number or text of digits, as text: ids are longer than what a number holds exactly at some servers. */
export function idAt(value: unknown, ...path: Path): string | undefined {
  const found = at(value, ...path);
  if (typeof found === 'number' && Number.isSafeInteger(found) && found > 0) return String(found);
  return typeof found === 'string' && /^\d{1,20}$/.test(found) ? found : undefined;
}

export function listAt(value: unknown, ...path: Path): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

/** An address that may be shown to people as a link. */
export function linkAt(value: unknown, ...path: Path): string | undefined {
  const found = textAt(value, ...path);
  return found !== undefined && found.length <= 2000 && /^https?:\/\/[^\s\p{Cc}]+$/u.test(found)
    ? found
    : undefined;
}

/** Words of the server in a message of ours: one line, and not more than that. */
export function quoted(text: string | undefined, most = 300): string {
  const line = (text ?? '').replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > most ? `${line.slice(0, most)}...` : line;
}
