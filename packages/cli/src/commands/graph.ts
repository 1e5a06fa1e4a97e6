import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { managedGraph } from '@image-factory/core/graph/managed.ts';
import { drawingOf } from '@image-factory/core/graph/drawing.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { ProblemsError } from '../problems-error.ts';
import { loadConfig } from '../config-files.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { readState } from '../read-state.ts';
import { graphText } from '../render/graph.ts';

/** How images build on each other: bases on top, what is built on them below. */
export async function graph(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const config = await loadConfig(options.dir);
  if (!config.ok) throw new ProblemsError(config.error);
  const { state, problems } = await readState(options, io);
  const managed = config.value.images.filter((image): image is ManagedEnrolment => image.kind === 'managed');
  const drawing = drawingOf(managedGraph(managed, state.images, state.bases), config.value.images, state);
  const format = options.output === 'json' ? 'json' : String(flags['format']);
  return { value: drawing, text: (style) => graphText(drawing, format, style), problems };
}
