import { scripts, type ScriptName } from './scripts.ts';

/** What one `run:` may hold: GitHub reads no longer text in one place (docs, "Expression and text limits": 21,000). */
const longest = 20_000;

/**
 * A script of `ci/` as the lines of a YAML block, indented. The scripts stand in the workflows themselves, because a
 * workflow that is called from another repository sees only that one, and may not read its own where that is private.
 */
export function embedScript(name: ScriptName, indent: number): string {
  const text = scripts[name];
  // Values reach scripts by the environment alone: what a CI system would fill in here, a person could have written.
  if (text.includes('${{') || text.includes('$[[') || text.length > longest)
    throw new Error(`ci/${name}.sh cannot stand in a workflow`);
  return block(text, indent);
}

/** Lines with the same indent; empty ones stay empty. */
export function block(text: string, indent: number): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : ' '.repeat(indent) + line))
    .join('\n');
}
