/** One challenge of a `WWW-Authenticate` field. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer fields are no honest challenge. */
const longestField = 16 * 1024;
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const token68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const blanks = /[ \t]*/y;
const separators = /[ \t,]*/y;

/** Reads `WWW-Authenticate` (RFC 9110, 11.6.1): several challenges in one field, several fields, quoted commas. */
export function parseChallenges(fields: string | readonly string[] | undefined): readonly Challenge[] {
  const all = fields === undefined ? [] : typeof fields === 'string' ? [fields] : fields;
  return all.slice(0, 16).flatMap(parseField);
}

class Cursor {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text)?.[0];
    if (match !== undefined) this.at += match.length;
    return match;
  }

  char(wanted: string): boolean {
    if (this.text[this.at] !== wanted) return false;
    this.at += 1;
    return true;
  }

  quoted(): string | undefined {
    if (!this.char('"')) return undefined;
    let value = '';
    while (this.at < this.text.length) {
      const char = this.text[this.at++];
      if (char === '"') return value;
      value += char === '\\' ? (this.text[this.at++] ?? '') : char;
    }
    return undefined;
  }
}

/** A field that breaks the grammar gives the challenges before the break. */
function parseField(field: string): Challenge[] {
  const cursor = new Cursor(field.slice(0, longestField));
  const challenges: Challenge[] = [];
  let open: Map<string, string> | undefined;
  for (;;) {
    cursor.take(separators);
    const word = cursor.take(token);
    if (!word) return challenges;
    const afterWord = cursor.at;
    cursor.take(blanks);
    if (open && cursor.char('=')) {
      cursor.take(blanks);
      const value = cursor.quoted() ?? cursor.take(token);
      if (value === undefined) return challenges;
      // The first of two equal names counts: the second may be an attempt to smuggle another realm.
      if (!open.has(word.toLowerCase())) open.set(word.toLowerCase(), value);
      continue;
    }
    open = new Map();
    challenges.push({ scheme: word.toLowerCase(), parameters: open });
    // `Negotiate YWJj==`: a value without a name is passed over.
    if (cursor.at > afterWord) cursor.take(token68);
  }
}
