import type { z } from 'zod';

type Fits = (value: unknown) => boolean;
type Definition = { readonly type: string; readonly [key: string]: unknown };

const compiled = new WeakMap<z.ZodType, Fits>();

/**
 * Says quickly whether a value has the schema's keys and types, so that the many correct entries need not be parsed
 * and copied. Made from the schema itself; kinds of schema that it does not know fit nothing, and are left to zod.
 */
export function fitsShape(schema: z.ZodType, value: unknown): boolean {
  let fits = compiled.get(schema);
  if (!fits) {
    fits = compile(schema);
    compiled.set(schema, fits);
  }
  return fits(value);
}

function compile(schema: unknown): Fits {
  const { def } = schema as { readonly def: Definition };
  // Limits of numbers are checks; they are few, and zod knows them.
  if (Array.isArray(def['checks']) && def['checks'].length > 0) {
    return (value) => (schema as z.ZodType).safeParse(value).success;
  }
  switch (def.type) {
    case 'string':
      return (value) => typeof value === 'string';
    case 'number':
      return (value) => typeof value === 'number' && Number.isFinite(value);
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'unknown':
      return () => true;
    case 'optional': {
      const inner = compile(def['innerType']);
      return (value) => value === undefined || inner(value);
    }
    case 'enum': {
      const values = new Set(Object.values(def['entries'] as object));
      return (value) => values.has(value);
    }
    case 'literal': {
      const values = new Set(def['values'] as unknown[]);
      return (value) => values.has(value);
    }
    case 'union': {
      const options = (def['options'] as unknown[]).map(compile);
      return (value) => options.some((option) => option(value));
    }
    case 'array': {
      const element = compile(def['element']);
      return (value) => Array.isArray(value) && value.every(element);
    }
    case 'record':
      return recordFits(compile(def['valueType']));
    case 'object':
      return objectFits(def['shape'] as Record<string, unknown>);
    default:
      return () => false;
  }
}

function recordFits(inner: Fits): Fits {
  return (value) => isPlain(value) && Object.values(value).every(inner);
}

/** Strict objects whose keys are all optional: those of this folder. */
function objectFits(shape: Record<string, unknown>): Fits {
  const keys = new Map(Object.entries(shape).map(([key, inner]) => [key, compile(inner)]));
  return (value) => {
    if (!isPlain(value)) return false;
    for (const key of Object.keys(value)) {
      const inner = keys.get(key);
      if (inner ? !inner(value[key]) : !key.startsWith('x-')) return false;
    }
    return true;
  };
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
