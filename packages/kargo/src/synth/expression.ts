import type { Expression } from '../manifests/manifest.ts';

/**
 * An expression whose answer stays text: without `quote` Kargo makes a number of the tag 1.10. Only for answers without
 * quotes and backslashes, which `quote` would write with a backslash before each.
 */
export function quoted(body: string): Expression {
  return `\${{ quote(${body}) }}`;
}

/** A literal of the expression language. */
export function literal(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A part of the image in the Freight, or empty text where that Freight has not come yet. */
export function imagePart(repoUrl: string, part: 'Tag' | 'Digest'): Expression {
  return quoted(`imageFrom(${literal(repoUrl)})?.${part} ?? ""`);
}
