import type { z } from 'zod';
import { addProblem, looksSecret, pathText, shown, within, type Scope } from './findings.ts';
import { nearest } from '../nearest.ts';
import { fitsShape } from './shape-fits.ts';
import { writtenText, type YamlPath } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

/**
 * Checks keys and YAML types by the schema and reports every mistake. What is left of the value when the wrong
 * parts are taken out comes back, so that later checks still find what else is wrong.
 */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, scope: Scope): T | undefined {
  if (fitsShape(schema, value)) return value as T;
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const issues = checked.error.issues.map((issue) => ownBranch(issue));
  const wrong: YamlPath[] = [];
  for (const issue of issues.flat()) {
    const path = issue.path as YamlPath;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        wrong.push([...path, key]);
        if (!key.startsWith('x-')) reportUnknownKey(schema, value, within(scope, ...path), path, key);
      }
    } else {
      wrong.push(path);
      reportIssue(issue, at(value, path), scope, path, isAboutSecret(schema, path));
    }
  }
  const rest = schema.safeParse(without(value, wrong));
  return rest.success ? rest.data : undefined;
}

/** Of a union's branches only that which fits the value's own type says something useful. */
function ownBranch(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const fitting = issue.errors.find(
    (branch) =>
      branch.length > 0 &&
      branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  if (!fitting) return [issue];
  return fitting.flatMap((inner) => ownBranch({ ...inner, path: [...issue.path, ...inner.path] }));
}

function reportIssue(issue: Issue, got: unknown, scope: Scope, path: YamlPath, aboutSecret: boolean): void {
  const what = pathText(path) || lastKey(scope.path);
  const here = within(scope, ...path);
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const near = typeof got === 'string' ? nearest(got, values) : undefined;
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `${what} must be one of ${values.join(', ')}; got ${shown(got)}${near === undefined ? '' : `; did you mean "${near}"?`}`,
      near === undefined ? `Write one of: ${values.join(', ')}.` : `Write ${near}.`,
    );
    return;
  }
  if (got === null || got === undefined) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `${what} is empty; expected ${expected(issue)}`,
      'Write a value, or remove the key.',
    );
    return;
  }
  if (aboutSecret) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `${what} must be ${expected(issue)}; what stands there is not shown, because it may be a secret`,
      'Name the place of a secret, as in token: { env: FACTORY_TOKEN }; replace the secret if it was committed here.',
    );
    return;
  }
  addProblem(
    here,
    'CONFIG_INVALID_VALUE',
    `${what} must be ${expected(issue)}; got ${shown(got)}`,
    hintFor(issue, got, here),
  );
}

/** A secret, its place, or a mapping that says more about it: what stands there may be the secret itself. */
function isAboutSecret(schema: z.ZodType, path: YamlPath): boolean {
  return [path, path.slice(0, -1), [...path, 'secret']].some((place) =>
    knownKeys(schema, place).includes('gitCredential'),
  );
}

function lastKey(path: YamlPath): string {
  const last = path.at(-1);
  return typeof last === 'string' ? last : 'the file';
}

function hintFor(issue: Issue, got: unknown, scope: Scope): string {
  const isScalar = typeof got === 'number' || typeof got === 'boolean';
  if (issue.code === 'invalid_type' && issue.expected === 'string' && isScalar) {
    return `Put quotes around it: "${writtenScalar(scope) ?? String(got)}".`;
  }
  if (issue.code === 'invalid_union' && typeof got === 'number' && expected(issue) === 'text or 0') {
    return `Write a number with a unit: ${got > 0 && Number.isInteger(got) ? got : 7}d, for example.`;
  }
  if (issue.code === 'invalid_type' && issue.expected === 'boolean') {
    return 'Write true or false, without quotes: in YAML 1.2 yes, no, on and off are text.';
  }
  if (issue.code === 'invalid_type' && issue.expected === 'number' && typeof got === 'string') {
    return 'Write the number without quotes.';
  }
  if (issue.code === 'invalid_type' && issue.expected === 'array' && typeof got !== 'object') {
    return 'Write a list: [a, b], or one "- item" per line.';
  }
  return 'See docs/configuration.md, or run "image-factory schema" for the JSON Schema.';
}

function writtenScalar(scope: Scope): string | undefined {
  const container = at(scope.yaml.root, scope.path.slice(0, -1));
  const last = scope.path.at(-1);
  if (typeof container !== 'object' || container === null || last === undefined) return undefined;
  return writtenText(scope.yaml, container, last);
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? `a ${issue.expected}`;
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'invalid_union':
      return issue.errors
        .flatMap((branch) => branch[0])
        .map((inner) => (inner ? expected(inner) : ''))
        .join(' or ');
    default:
      return 'another value';
  }
}

const typeNames: Partial<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

const secretKey = /token|passw|passphrase|secret|api_?key|credential|private_?key|^auth$/i;

function reportUnknownKey(
  schema: z.ZodType,
  value: unknown,
  scope: Scope,
  path: YamlPath,
  key: string,
): void {
  const where = path.length > 0 ? ` in ${pathText(path)}` : '';
  const here = within(scope, key);
  const known = knownKeys(schema, path);
  if (secretKey.test(key) && !known.includes(key)) {
    addProblem(
      here,
      'CONFIG_UNKNOWN_KEY',
      `unknown key ${shown(key)}${where}: secrets are never kept in configuration files`,
      'Remove it, and replace the secret if the file was committed. Give the secret to the process by its environment (state.tokenEnv names a variable) or by the credential helper of docker or git.',
      'key',
    );
    return;
  }
  const present = at(value, path);
  const free = known.filter(
    (name) => typeof present !== 'object' || present === null || !Object.hasOwn(present, name),
  );
  const near = looksSecret(key) ? undefined : nearest(key, free);
  addProblem(
    here,
    'CONFIG_UNKNOWN_KEY',
    `unknown key ${shown(key)}${where}${near === undefined ? '' : `; did you mean "${near}"?`}`,
    near === undefined
      ? `Known keys here: ${known.join(', ')}. Keys that start with "x-" are your own.`
      : `Write ${near}. Keys that start with "x-" are your own.`,
    'key',
  );
}

/** Keys of the object schema at a path. */
function knownKeys(schema: z.ZodType, path: YamlPath): string[] {
  let found = objectsOf(schema);
  for (const step of path) found = found.flatMap((inner) => stepInto(inner, step));
  return found.flatMap((inner) => (inner.def.type === 'object' ? Object.keys(shapeOf(inner)) : []));
}

type Definition = { readonly def: { readonly type: string; readonly [key: string]: unknown } };

function stepInto(schema: Definition, step: string | number): Definition[] {
  if (schema.def.type === 'object') return objectsOf(shapeOf(schema)[step]);
  if (schema.def.type === 'array') return objectsOf(schema.def['element']);
  if (schema.def.type === 'record') return objectsOf(schema.def['valueType']);
  return [];
}

/** The schemas under optional and union wrappers. */
function objectsOf(schema: unknown): Definition[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const definition = schema as Definition;
  if (definition.def.type === 'optional') return objectsOf(definition.def['innerType']);
  if (definition.def.type === 'union') return (definition.def['options'] as unknown[]).flatMap(objectsOf);
  return [definition];
}

function shapeOf(schema: Definition): Record<string, unknown> {
  return schema.def['shape'] as Record<string, unknown>;
}

function at(value: unknown, path: YamlPath): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

/** A copy without the values at the paths; a list with a wrong item goes as a whole, so that indices stay true. */
function without(value: unknown, paths: readonly YamlPath[]): unknown {
  if (paths.some((path) => path.length === 0)) return undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const steps = new Map<string, YamlPath[]>();
  for (const [first, ...rest] of paths) {
    const below = steps.get(String(first));
    if (below) below.push(rest);
    else steps.set(String(first), [rest]);
  }
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const below = steps.get(key);
    return [key, below ? without(inner, below) : inner];
  });
  if (Array.isArray(value)) {
    return entries.some(([, inner]) => inner === undefined) ? undefined : entries.map(([, inner]) => inner);
  }
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}
