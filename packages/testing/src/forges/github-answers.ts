import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatInstant, type Instant } from '@image-factory/core/time.ts';
import type { GithubRun } from './github-state.ts';

/** The part of GitHub's published description that the fake serves. */
export interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, { readonly name: string }>>;
  };
}

export interface Operation {
  readonly parameters?: readonly { readonly $ref?: string; readonly name?: string; readonly in?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

let loaded: Description | undefined;

export function githubDescription(): Description {
  const file = join(import.meta.dirname, 'testdata/github-openapi.json');
  loaded ??= JSON.parse(readFileSync(file, 'utf8')) as Description;
  return loaded;
}

/** The least that the description asks of a thing: what a test means is written over it. */
function least(schema: Schema, depth = 0): unknown {
  const { schemas } = githubDescription().components;
  if (schema.$ref) return least(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, depth);
  if (schema.nullable) return null;
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((each) => least(each, depth)));
  const variant = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (variant) return least(variant, depth);
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case 'string':
      return schema.format === 'uri'
        ? 'https://github.test/x'
        : schema.format === 'date-time'
          ? '2026-01-01T00:00:00Z'
          : 'x';
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default:
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, least(schema.properties?.[name] ?? {}, depth + 1)]),
      );
  }
}

const templates = new Map<string, Readonly<Record<string, unknown>>>();

export function thing(
  schema: string,
  known: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let template = templates.get(schema);
  if (!template) {
    template = least({ $ref: `#/components/schemas/${schema}` }) as Readonly<Record<string, unknown>>;
    templates.set(schema, template);
  }
  return { ...template, ...known };
}

const web = 'https://github.test';

export function runUrl({ id, repo }: GithubRun): string {
  return `${web}/${repo}/actions/runs/${id}`;
}

export function runAnswer(run: GithubRun): Readonly<Record<string, unknown>> {
  const { id, repo, title, event, branch, workflow, createdAt, startsAt, endsAt, state, tries } = run;
  return thing('workflow-run', {
    id: Number(id),
    name: 'Rebuild',
    display_title: title,
    event,
    head_branch: branch,
    path: `.github/workflows/${workflow}`,
    status: run.status ?? { queued: 'queued', running: 'in_progress', ended: 'completed' }[state],
    conclusion: state === 'ended' ? conclusionOf(run) : null,
    run_attempt: tries,
    html_url: runUrl(run),
    url: `${web}/api/v3/repos/${repo}/actions/runs/${id}`,
    created_at: iso(createdAt),
    run_started_at: iso(startsAt),
    updated_at: iso(state === 'ended' ? endsAt : createdAt),
  });
}

/** A run that left because its key was taken has done what its workflow says, so GitHub calls it a success. */
function conclusionOf({ conclusion, outcome }: GithubRun): string {
  return conclusion ?? (outcome === 'superseded' ? 'success' : (outcome ?? 'success'));
}

/** The jobs of the ready-made workflow: the claim, and the build that goes on only with it. */
export function jobsAnswer(run: GithubRun): readonly unknown[] {
  const { outcome, state, built } = run;
  if (state === 'queued' || run.conclusion === 'startup_failure') return [];
  const step = (name: string, conclusion: string | null, number: number): unknown => ({
    name,
    status: conclusion === null ? 'in_progress' : 'completed',
    conclusion,
    number,
  });
  const job = (name: string, conclusion: string | null, steps: readonly unknown[]): unknown =>
    thing('job', {
      id: Number(run.id) * 10 + (name.endsWith('claim') ? 1 : 2),
      run_id: Number(run.id),
      run_attempt: run.tries,
      name,
      status: conclusion === null ? 'in_progress' : 'completed',
      conclusion,
      html_url: `${runUrl(run)}/job/${Number(run.id) * 10 + (name.endsWith('claim') ? 1 : 2)}`,
      steps,
    });
  const left = outcome === 'superseded';
  const end = state === 'ended' ? (run.conclusion ?? outcome ?? 'success') : null;
  return [
    job('rebuild / factory-claim', 'success', [
      step('Claim the build key', 'success', 1),
      step('factory-superseded', left ? 'success' : 'skipped', 2),
    ]),
    left || !built
      ? job('rebuild / build', left ? 'skipped' : end, [])
      : job('rebuild / build', end, [step('Check out', 'success', 1), step('Build and push', end, 2)]),
  ];
}

export function artifactsAnswer(run: GithubRun): readonly unknown[] {
  const { digest, endsAt, id } = run;
  if (!digest || run.silent) return [];
  const artifact = (name: string, number: number): unknown =>
    thing('artifact', {
      id: Number(id) * 10 + number,
      name,
      expired: false,
      created_at: iso(endsAt),
      updated_at: iso(endsAt),
      expires_at: iso(endsAt),
      size_in_bytes: 71,
    });
  return [artifact('build-record', 1), artifact(`factory-digest-${digest.replace(':', '-')}`, 2)];
}

function iso(at: Instant): string {
  return formatInstant(Math.floor(at / 1000) * 1000);
}
