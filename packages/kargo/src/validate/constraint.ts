const longest = 1000;
const operators = ['!=', '>=', '=>', '<=', '=<', '~>', '>', '<', '=', '~', '^', ''] as const;
const version =
  /^v?(?:\d{1,19}|[xX*])(?:\.(?:\d{1,19}|[xX*])){0,2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/**
 * Whether a text is a range of versions as Kargo reads it: `^1.2`, `>=1.2 <2, !=1.5.1`, `1.2 - 1.4`, alternatives with `||`.
 * Source: the grammar of Masterminds/semver, which Kargo uses.
 */
export function isVersionRange(text: string): boolean {
  if (text.length > longest) return false;
  return text.split('||').every((alternative) => isAlternative(alternative.trim()));
}

function isAlternative(text: string): boolean {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) return false;
  const [from, dash, to, ...rest] = words;
  if (dash === '-') return rest.length === 0 && isVersion(from ?? '') && isVersion(to ?? '');
  return joinOperators(words).every(isComparison);
}

/** `>= 1.2` is written with a space as often as without. */
function joinOperators(words: readonly string[]): string[] {
  const joined: string[] = [];
  let before = '';
  for (const word of words) {
    if (before === '' && /^[!=<>~^]+$/.test(word)) before = word;
    else {
      joined.push(before + word);
      before = '';
    }
  }
  return before === '' ? joined : [...joined, before];
}

function isComparison(text: string): boolean {
  const operator = operators.find((each) => text.startsWith(each)) ?? '';
  return isVersion(text.slice(operator.length));
}

function isVersion(text: string): boolean {
  return version.test(text);
}
