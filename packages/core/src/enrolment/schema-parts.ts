import { z } from 'zod';

/*
 * The schemas say which keys there are and what YAML type each has; what a text must look like is checked where
 * it is read, with better messages than a pattern can give. `pattern` and `title` are for editors and the docs.
 */

interface Note {
  readonly description: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** Type name in the documentation where it says more than the YAML type. */
  readonly title?: string;
  readonly pattern?: string;
}

export const providers = ['github', 'gitlab', 'gitea', 'forgejo', 'local', 'webhook'] as const;

export function text(note: Note): z.ZodOptional<z.ZodString> {
  return z.string().meta(meta(note)).optional();
}

export function flag(note: Note): z.ZodOptional<z.ZodBoolean> {
  return z.boolean().meta(meta(note)).optional();
}

export function count(note: Note, least: number, most: number): z.ZodOptional<z.ZodNumber> {
  return z.number().int().min(least).max(most).meta(meta(note)).optional();
}

export function ratio(note: Note): z.ZodOptional<z.ZodNumber> {
  return z.number().min(0).max(1).meta(meta(note)).optional();
}

/** Text, or the number 0: people write `rebuildDelay: 0`. */
export function duration(note: Note): z.ZodOptional<z.ZodUnion<readonly [z.ZodString, z.ZodLiteral<0>]>> {
  const pattern = '^(0|(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?)$';
  const written = z.string().meta({ pattern });
  return z
    .union([written, z.literal(0)])
    .meta(meta({ title: 'duration', ...note }))
    .optional();
}

export function texts(note: Note): z.ZodOptional<z.ZodArray<z.ZodString>> {
  return z.array(z.string()).meta(meta(note)).optional();
}

export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
  note: Note,
): z.ZodOptional<z.ZodEnum<{ [K in T[number]]: K }>> {
  return z.enum(values).meta(meta(note)).optional();
}

function meta(note: Note): Record<string, unknown> {
  return { ...note };
}
