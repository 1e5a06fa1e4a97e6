import { formatReference, parseNamed, withDefaultTag } from '../reference/parse.ts';
import type { PlatformName } from '../reference/types.ts';
import { findContext, loadContext } from './contexts.ts';
import type { BaseDependency, SyntaxImage } from './dependency.ts';
import { detectSyntax } from './directives.ts';
import { at, Refusal } from './refusal.ts';

/** The image that reads the file, where the file or a build argument names one. */
export interface Frontend {
  readonly dependency: BaseDependency;
  readonly syntax: SyntaxImage;
  /** Does it read another language than Dockerfile? */
  readonly foreign: boolean;
}

/** The image that `BUILDKIT_SYNTAX` or a directive names; it is resolved before anything else is read. */
export function frontendOf(
  text: string,
  override: string | undefined,
  buildPlatform: PlatformName,
  contexts: ReadonlyMap<string, string>,
): Frontend | undefined {
  const detected = override === undefined ? detectSyntax(text) : undefined;
  if (override === undefined && detected === undefined) return undefined;
  const commandLine = override?.trim() ?? detected?.commandLine ?? '';
  const written = override === undefined ? (detected?.reference ?? '') : (commandLine.split(' ', 1)[0] ?? '');
  const { line, column } = detected ?? {};
  const parsed = parseNamed(written);
  if (!parsed.ok)
    throw new Refusal(
      'INVALID_REFERENCE',
      `frontend ${JSON.stringify(written)}: ${parsed.error}`,
      line,
      column,
    );

  const context = contexts.size === 0 ? undefined : findContext(written, buildPlatform, contexts);
  const loaded = context && at(line ?? 1, () => loadContext(context));
  const normalized = loaded ? loaded.reference : formatReference(withDefaultTag(parsed.value));
  const dependency: BaseDependency = {
    ref: written,
    normalized,
    kind: 'syntax',
    stage: '',
    platform: buildPlatform,
    final: false,
    written,
    args: [],
    ...(loaded ? { context: loaded.value } : {}),
    ...(line === undefined || column === undefined
      ? {}
      : {
          range: { startLine: line, startColumn: column, endLine: line, endColumn: column + written.length },
        }),
  };
  return {
    dependency,
    syntax: { reference: normalized, commandLine },
    foreign: !readsDockerfiles(normalized),
  };
}

/** docker/dockerfile and docker/dockerfile-upstream, on whichever registry or mirror. */
function readsDockerfiles(reference: string | null): boolean {
  return reference !== null && /\/docker\/dockerfile(?:-upstream)?(?:[:@]|$)/.test(reference);
}
