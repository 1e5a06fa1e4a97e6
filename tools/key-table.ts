/** The part of JSON Schema that our schemas use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** One Markdown row per key, nested keys with their path: `source.repo`, `registries.<host>.insecure`. */
export function keyTable(schema: JsonSchema): string {
  const rows = keyRows(schema, '');
  return ['| key | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** The page with the table between `<!-- table: name -->` and `<!-- end -->` replaced. */
export function withTable(page: string, name: string, table: string): string {
  const start = `<!-- table: ${name} -->\n`;
  const from = page.indexOf(start);
  const to = page.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) throw new Error(`the page has no place for the table "${name}"`);
  return `${page.slice(0, from + start.length)}\n${table}\n\n${page.slice(to)}`;
}

function keyRows(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = prefix + key;
    const required = schema.required?.includes(key) === true;
    const row = `| \`${path}\` | ${cell(typeText(inner))} | ${cell(defaultText(inner, required))} | ${cell(meaning(inner))} |`;
    return [row, ...nestedRows(inner, path)];
  });
}

function nestedRows(schema: JsonSchema, path: string): string[] {
  if (schema.properties) return keyRows(schema, `${path}.`);
  if (schema.items?.properties) return keyRows(schema.items, `${path}[].`);
  const object = schema.anyOf?.find((branch) => branch.properties);
  if (object) return keyRows(object, `${path}.`);
  const values = schema.additionalProperties;
  return typeof values === 'object' && values.properties ? keyRows(values, `${path}.<host>.`) : [];
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.title !== undefined) return schema.title;
  if (schema.type === 'array') return schema.items?.type === 'string' ? 'list of text' : 'list';
  const names: Record<string, string> = {
    string: 'text',
    integer: 'whole number',
    number: 'number',
    boolean: 'true or false',
    object: 'mapping',
  };
  return names[String(schema.type)] ?? 'any';
}

function defaultText(schema: JsonSchema, required: boolean): string {
  if (required) return 'required';
  if (schema.default === undefined) return '';
  if (typeof schema.default === 'string') return `\`${schema.default}\``;
  return `\`${yamlLike(schema.default)}\``;
}

function meaning(schema: JsonSchema): string {
  const [example] = schema.examples ?? [];
  const text = schema.description ?? '';
  return example === undefined ? text : `${text} Example: \`${yamlLike(example)}\``;
}

/** Flow YAML, as a person would write it. */
function yamlLike(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlLike).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, inner]) => `${scalar(key)}: ${yamlLike(inner)}`);
    return `{ ${pairs.join(', ')} }`;
  }
  return typeof value === 'string' ? scalar(value) : String(value);
}

function scalar(text: string): string {
  return /^[\d.]+$|^\d.*:|^$/.test(text) ? JSON.stringify(text) : text;
}

/** A bar would end the cell, also inside code. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
