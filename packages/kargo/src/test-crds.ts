import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

/** The CRDs lie beside the project, where somebody has put them: they are not part of it. */
const folders = ['kargo-crds', 'argo-rollouts-crds'].map(
  (name) => new URL(`../../../../shared/data/${name}/`, import.meta.url),
);

/** Why tests with CRDs are skipped; undefined where they are there. */
export const crdsMissing = folders.every((folder) => existsSync(folder))
  ? undefined
  : `no CRDs in ${folders.map(({ pathname }) => pathname).join(' or ')}`;

interface Schema {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/**
 * A CRD's schema as JSON Schema that refuses what the API server drops: fields without a schema, but for those under
 * `x-kubernetes-preserve-unknown-fields`. What only the server understands (CEL, defaults, formats) is left out.
 */
function strict(schema: Schema): Schema {
  if (schema['x-kubernetes-int-or-string'] === true)
    return { anyOf: [{ type: 'integer' }, { type: 'string' }] };
  const kept = [
    'type',
    'enum',
    'pattern',
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
    'minimum',
    'maximum',
    'required',
  ];
  const plain = Object.fromEntries(Object.entries(schema).filter(([key]) => kept.includes(key)));
  const { properties, items, additionalProperties } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const inner =
    typeof additionalProperties === 'object' ? strict(additionalProperties) : (additionalProperties ?? open);
  return {
    ...plain,
    ...(items ? { items: strict(items) } : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, each]) => [key, strict(each)]),
          ),
        }
      : {}),
    ...(schema.type === 'object' ? { additionalProperties: inner } : {}),
  };
}

/** Kubernetes has a schema of its own for these. */
const metadata: Schema = { type: 'object', required: ['name'] };

/** By `apiVersion/kind`. */
export function crdValidators(): ReadonlyMap<string, ValidateFunction> {
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
  const validators = new Map<string, ValidateFunction>();
  for (const folder of folders) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
      const { spec } = parse(readFileSync(new URL(file, folder), 'utf8')) as Crd;
      for (const { name, schema } of spec.versions) {
        const whole = strict(schema.openAPIV3Schema);
        const closed = { ...whole, properties: { ...whole.properties, metadata } };
        validators.set(`${spec.group}/${name}/${spec.names.kind}`, ajv.compile(closed));
      }
    }
  }
  return validators;
}

/** What the schema of its kind says against a manifest; undefined where there is none for the kind. */
export function crdMistakes(
  validators: ReadonlyMap<string, ValidateFunction>,
  manifest: { readonly apiVersion: string; readonly kind: string },
): readonly string[] | undefined {
  const validate = validators.get(`${manifest.apiVersion}/${manifest.kind}`);
  if (!validate) return undefined;
  return validate(manifest) === true
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
      );
}
