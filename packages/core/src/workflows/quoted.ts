/** A text as a YAML scalar in double quotes: JSON is YAML, but for what CI systems would fill in. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** What a CI system would read as an expression of its own, and not as text. */
export function isExpression(text: string): boolean {
  return text.includes('${{') || text.includes('$[[');
}
