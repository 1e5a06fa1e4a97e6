/** A value within a manifest and the way to it. Manifests are anybody's, so every look is one that cannot fail. */
export interface At {
  readonly value: unknown;
  readonly parent?: At;
  readonly key?: string | number;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands under a key, by its own name only; null counts as absent, as for the API server. */
export function child(at: At, key: string | number): At {
  const { value } = at;
  const found =
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Readonly<Record<string | number, unknown>>)[key]
      : undefined;
  return { value: found ?? undefined, parent: at, key };
}

export function reach(at: At, ...keys: readonly (string | number)[]): At {
  return keys.reduce<At>(child, at);
}

export function isThere(at: At): boolean {
  return at.value !== undefined;
}

/** The elements of a list; none where there is no list. */
export function items(at: At): At[] {
  if (!Array.isArray(at.value)) return [];
  return at.value.map((_, index) => child(at, index));
}

/** The values of a mapping that are not null, in the order written; none where there is no mapping. */
export function fields(at: At): (At & { readonly key: string })[] {
  if (!isRecord(at.value)) return [];
  const found: (At & { readonly key: string })[] = [];
  for (const key of Object.keys(at.value)) {
    const value = at.value[key] ?? undefined;
    if (value !== undefined) found.push({ value, parent: at, key });
  }
  return found;
}

export function textOf(at: At): string | undefined {
  return typeof at.value === 'string' ? at.value : undefined;
}

export function keysOf(at: At): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let step: At | undefined = at; step?.key !== undefined; step = step.parent) keys.push(step.key);
  return keys.toReversed();
}

/** `spec.subscriptions[0].image.constraint`; a key that is no word stands in brackets and quotes. */
export function formatPath(keys: readonly (string | number)[]): string {
  let path = '';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(key)) path += path === '' ? key : `.${key}`;
    else path += `[${JSON.stringify(key.slice(0, 80))}]`;
  }
  return path;
}

/** A text as it may stand in a message: short, in quotes, and without the credentials of a URL. */
export function quoted(text: string): string {
  const masked = text.slice(0, 2000).replaceAll(/:\/\/[^/@\s]*@/g, '://***@');
  return JSON.stringify(masked.length > 80 ? `${masked.slice(0, 79)}…` : masked);
}

/** What kind of value it is, in the words of YAML. */
export function nameOfType(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return 'text';
  return typeof value === 'boolean' ? 'true or false' : 'a number';
}

type TextAt = At & { readonly value: string };

/** Every text within a value, however deep. */
export function textsWithin(at: At): readonly TextAt[] {
  const found: TextAt[] = [];
  collectTexts(at, found);
  return found;
}

function collectTexts(at: At, found: TextAt[]): void {
  const { value } = at;
  if (typeof value === 'string') found.push(at as TextAt);
  else if (Array.isArray(value))
    for (let index = 0; index < value.length; index += 1) collectTexts(child(at, index), found);
  else if (isRecord(value))
    for (const key of Object.keys(value))
      collectTexts({ value: value[key] ?? undefined, parent: at, key }, found);
}
