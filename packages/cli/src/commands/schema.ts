import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';

export async function schema(_options: GlobalOptions, _io: Io, args: readonly string[]): Promise<Answer> {
  const { factorySchema, imagesSchema } = await import('@image-factory/core/enrolment/json-schema.ts');
  const name = (args[0] ?? 'images').replace(/\.yaml$/, '');
  if (name !== 'images' && name !== 'factory') {
    throw new FactoryError({
      code: 'USAGE',
      message: `there is no schema "${name}"`,
      hint: 'Write image-factory schema images or image-factory schema factory.',
    });
  }
  const value = name === 'images' ? imagesSchema() : factorySchema();
  return { value, text: () => `${JSON.stringify(value, undefined, 2)}\n` };
}
