import { counted } from '@image-factory/engine/wording.ts';
import { formatProblem } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import { ProblemsError } from '../problems-error.ts';
import { loadConfig } from '../config-files.ts';
import type { GlobalOptions } from '../global-options.ts';

export async function validate(options: GlobalOptions): Promise<Answer> {
  const config = await loadConfig(options.dir);
  if (!config.ok) throw new ProblemsError(config.error);
  const { images } = config.value;
  const managed = images.filter(({ kind }) => kind === 'managed').length;
  return {
    value: {
      valid: true,
      images: images.length,
      managed,
      external: images.length - managed,
      warnings: config.warnings,
    },
    text: (style) =>
      config.warnings
        .map(
          (problem) =>
            `${style.warn('warning')} ${formatProblem(problem)}\n      ${style.dim(problem.hint)}\n`,
        )
        .join('') +
      `valid: ${counted(images.length, 'image')}, ${managed} managed, ${images.length - managed} external\n`,
  };
}
