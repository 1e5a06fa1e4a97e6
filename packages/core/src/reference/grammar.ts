/*
 * Scanners for the parts of a reference (distribution/reference). Every one looks at each character once:
 * the grammar as a backtracking regular expression takes exponential time on hostile names.
 */

/** `host[:port]`, where the host is dot-separated labels or a bracketed IPv6 address. */
export function isDomain(text: string): boolean {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 2) return false;
    for (let index = 1; index < close; index += 1) {
      const code = text.charCodeAt(index);
      if (!isHex(code) && code !== 0x3a) return false;
    }
    return isOptionalPort(text, close + 1);
  }
  const colon = text.indexOf(':');
  const end = colon === -1 ? text.length : colon;
  return areLabels(text, end) && isOptionalPort(text, end);
}

function areLabels(text: string, end: number): boolean {
  let previous = 0x2e;
  for (let index = 0; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x2e) {
      if (previous === 0x2e || previous === 0x2d) return false;
    } else if (code === 0x2d) {
      if (previous === 0x2e) return false;
    } else if (!isAlphanumeric(code)) {
      return false;
    }
    previous = code;
  }
  return previous !== 0x2e && previous !== 0x2d;
}

function isOptionalPort(text: string, start: number): boolean {
  if (start === text.length) return true;
  if (text.charCodeAt(start) !== 0x3a || start + 1 === text.length) return false;
  for (let index = start + 1; index < text.length; index += 1) {
    if (!isDigit(text.charCodeAt(index))) return false;
  }
  return true;
}

/** Components of lower-case letters and digits with `.`, `_`, `__` or hyphens inside, joined by `/`. */
export function isPath(text: string): boolean {
  let index = 0;
  while (index < text.length) {
    const start = index;
    while (index < text.length && isLowerAlphanumeric(text.charCodeAt(index))) index += 1;
    if (index === start) return false;
    if (index === text.length) return true;
    index = skipSeparator(text, index);
    if (index === -1) return false;
  }
  return false;
}

/** The index behind one separator, or -1 where there is none. */
function skipSeparator(text: string, start: number): number {
  const code = text.charCodeAt(start);
  if (code === 0x2f || code === 0x2e) return start + 1;
  if (code === 0x5f) return text.charCodeAt(start + 1) === 0x5f ? start + 2 : start + 1;
  if (code !== 0x2d) return -1;
  let index = start + 1;
  while (text.charCodeAt(index) === 0x2d) index += 1;
  return index;
}

/** A word character, then up to 127 of word characters, `.` and `-`. */
export function isTag(text: string): boolean {
  if (text.length === 0 || text.length > 128 || !isWordCharacter(text.charCodeAt(0))) return false;
  for (let index = 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (!isWordCharacter(code) && code !== 0x2e && code !== 0x2d) return false;
  }
  return true;
}

function isWordCharacter(code: number): boolean {
  return isAlphanumeric(code) || code === 0x5f;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLowerAlphanumeric(code: number): boolean {
  return isDigit(code) || (code >= 0x61 && code <= 0x7a);
}

function isAlphanumeric(code: number): boolean {
  return isLowerAlphanumeric(code) || (code >= 0x41 && code <= 0x5a);
}

function isHex(code: number): boolean {
  return isDigit(code) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
}
