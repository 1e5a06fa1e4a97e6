import { Struct, text, type Callable, type Value } from './expression-values.ts';
import type { Freight } from './freight.ts';
import type { Outside } from './outside.ts';
import { outputsOfTask, type InflatedStep, type Promotion } from './promotion.ts';
import { render } from './template.ts';

/** Names that expressions over Freight may use. Source: kargo.md section 2, "Functions". */
export function freightFunctions(collection: readonly Freight[], outside: Outside): Map<string, Value> {
  const of = (origin: Value): readonly Freight[] =>
    origin === undefined ? collection : collection.filter((freight) => freight.origin === originOf(origin));
  return new Map<string, Callable>([
    ['warehouse', (name) => new Struct({ Kind: 'Warehouse', Name: text(name) })],
    [
      'imageFrom',
      (repoUrl, origin) => {
        const found = of(origin)
          .flatMap(({ images }) => images)
          .find((image) => image.repoUrl === text(repoUrl));
        if (!found) return undefined;
        const { repoUrl: RepoURL, tag: Tag, digest: Digest, annotations: Annotations } = found;
        return new Struct({ RepoURL, Tag, Digest, Annotations });
      },
    ],
    [
      'commitFrom',
      (repoUrl, origin) => {
        const found = of(origin)
          .flatMap(({ commits }) => commits)
          .find((commit) => commit.repoUrl === text(repoUrl));
        if (!found) return undefined;
        return new Struct({
          RepoURL: found.repoUrl,
          ID: found.id,
          Branch: found.branch,
          Tag: '',
          Message: found.message,
          Author: found.author,
          Committer: found.committer,
        });
      },
    ],
    ['secret', (name) => outside.secret(text(name)) ?? {}],
  ]);
}

function originOf(value: Value): string {
  if (!(value instanceof Struct)) throw new Error('expected warehouse(...)');
  return text(value.fields.get('Name'));
}

/** What a step's expressions may use: variables first, which see what came before them. */
export function stepEnvironment(
  promotion: Promotion,
  { alias, task, vars }: InflatedStep,
  project: string,
  outside: Outside,
): Map<string, Value> {
  const { freight, stage } = promotion;
  const values: Record<string, Value> = {};
  const names = freightFunctions(promotion.collection, outside);
  names.set('ctx', {
    project,
    promotion: promotion.name,
    stage,
    targetFreight: { name: freight.name, origin: { name: freight.origin } },
    meta: { promotion: { actor: 'controller', rollback: false }, step: { alias } },
  });
  names.set('vars', values);
  for (const { name, value } of promotion.vars) values[name] = render(value, names);
  names.set('outputs', Object.fromEntries(promotion.outputs));
  if (task !== undefined) names.set('task', { outputs: outputsOfTask(promotion, task) });
  for (const { name, value } of vars) values[name] = render(value, names);
  for (const [name, call] of statusFunctions(promotion, task)) names.set(name, call);
  return names;
}

function statusFunctions(promotion: Promotion, task: string | undefined): [string, Callable][] {
  return [
    ['always', () => true],
    ['failure', () => hasFailed(promotion)],
    ['success', () => !hasFailed(promotion)],
    [
      'status',
      (alias) => {
        const name = text(alias);
        const inner = task === undefined ? undefined : promotion.records.get(`${task}::${name}`);
        return (inner ?? promotion.records.get(name))?.status ?? '';
      },
    ],
  ];
}

/** Steps that may fail do not count. */
export function hasFailed({ steps, records }: Promotion): boolean {
  return steps.some(({ alias, step }) => {
    const status = records.get(alias)?.status;
    return !step.continueOnError && (status === 'Failed' || status === 'Errored');
  });
}
