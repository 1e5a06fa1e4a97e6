import { z } from 'zod';
import { factoryShape } from './factory-schema.ts';
import { entryShape, imagesObjectShape } from './images-schema.ts';

/** JSON Schema (draft 2020-12) of `images.yaml` and `images.d/*.yaml`, both forms. */
export function imagesSchema(): Record<string, unknown> {
  return jsonSchema(
    z.union([z.array(entryShape), imagesObjectShape]),
    'Image Factory: images.yaml',
    'Enrolment: a list of images, or an object with `defaults` and `images`.',
  );
}

/** JSON Schema (draft 2020-12) of `factory.yaml`. */
export function factorySchema(): Record<string, unknown> {
  return jsonSchema(
    factoryShape,
    'Image Factory: factory.yaml',
    'Settings of the factory. Secrets are never kept here.',
  );
}

function jsonSchema(shape: z.ZodType, title: string, description: string): Record<string, unknown> {
  const schema = z.toJSONSchema(shape, {
    io: 'input',
    override: ({ jsonSchema: node }) => {
      // Keys that start with x- are the user's own: they are accepted, and ignored, in every object.
      if (node.additionalProperties === false) node.patternProperties = { '^x-': {} };
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title, description, ...rest };
}
