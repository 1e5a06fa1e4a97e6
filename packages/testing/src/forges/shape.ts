/** The form of a JSON value, written by hand from a server's documentation. Fields that are not named are mistakes. */
export type Shape =
  | 'text'
  | 'number'
  | 'flag'
  | 'text?'
  | 'number?'
  | 'flag?'
  | 'anything'
  | { readonly list: Shape; readonly optional?: true }
  /** Any names, one form of value. */
  | { readonly map: Shape; readonly optional?: true }
  | { readonly fields: Readonly<Record<string, Shape>> };

const primitives = { text: 'string', number: 'number', flag: 'boolean' } as const;

/** Where and how a value differs from its shape; undefined if it does not. `?`: may be absent or null. */
export function misfit(value: unknown, shape: Shape, path = '$'): string | undefined {
  if (shape === 'anything') return undefined;
  if (typeof shape === 'string') {
    const optional = shape.endsWith('?');
    if (optional && (value === undefined || value === null)) return undefined;
    const wanted = primitives[shape.replace('?', '') as keyof typeof primitives];
    return typeof value === wanted ? undefined : `${path}: expected ${shape}, got ${typeOf(value)}`;
  }
  if ('optional' in shape && shape.optional && value === undefined) return undefined;
  if ('list' in shape) {
    if (!Array.isArray(value)) return `${path}: expected a list, got ${typeOf(value)}`;
    return first(value, (each, index) => misfit(each, shape.list, `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${path}: expected an object, got ${typeOf(value)}`;
  const entries = Object.entries(value);
  if ('map' in shape) return first(entries, ([name, each]) => misfit(each, shape.map, `${path}.${name}`));
  const unknown = entries.find(([name]) => !Object.hasOwn(shape.fields, name));
  if (unknown) return `${path}.${unknown[0]}: no such field`;
  return first(Object.entries(shape.fields), ([name, inner]) =>
    misfit((value as Record<string, unknown>)[name], inner, `${path}.${name}`),
  );
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value;
}

function first<T>(
  values: readonly T[],
  look: (value: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, value] of values.entries()) {
    const found = look(value, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
