import type { ManagedEnrolment } from '../enrolment/types.ts';
import { buildOptions } from './build-options.ts';
import { factoryInputs } from './factory-inputs.ts';
import { giteaJob } from './gitea-build.ts';
import { quoted } from './quoted.ts';
import { upstreamValues, type CallerPlaces } from './upstream-values.ts';
import { ok, type Result } from '../result.ts';

/** What the caller of a ready-made build hands on, by the names of the build options; left out where it is the default. */
export function valuesOf(
  image: ManagedEnrolment,
  places: CallerPlaces,
): Result<ReadonlyMap<string, string>, string> {
  const { source } = image;
  const upstream = upstreamValues(source, places);
  if (!upstream.ok) return upstream;
  const written: readonly (readonly [string, string])[] = [
    ['image', `${image.registry}/${image.repository}`],
    ['tags', image.tags.join(',')],
    ['dockerfile', source.ownDockerfile === true ? 'Dockerfile' : source.dockerfile],
    ['context', source.context],
    ['target', source.target ?? ''],
    ['platforms', image.platforms.join(',')],
    [
      'build_args',
      Object.entries(source.buildArgs)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    ],
    ...upstream.value,
  ];
  const usual = new Map(buildOptions.map((option) => [option.name, option.default]));
  return ok(new Map(written.filter(([name, value]) => value !== usual.get(name))));
}

/** An image and what its build is told, by the names of the build options. */
export interface CalledBuild {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

/** `uses`: where the reusable workflow is, `./.github/workflows/...` or `owner/name/.github/workflows/...@commit`. */
export function githubCaller(
  builds: readonly CalledBuild[],
  { uses, event }: { readonly uses: string; readonly event: StartEvent },
): string {
  const given = contextOf(event);
  const handed = factoryInputs
    .filter(({ name }) => name !== 'factory_image')
    .map(({ name }) => `      ${name}: \${{ ${given}.${name} }}`);
  const jobs = builds.map(
    ({ name, values }) => `  ${builds.length > 1 ? `rebuild-${name}` : 'rebuild'}:
${builds.length > 1 ? `    if: ${given}.factory_image == '${name}'\n` : ''}    permissions:
      # The claim is a ref of this repository.
      contents: write
      # For ghcr.io; other registries need none of it, but the called workflow asks.
      packages: write
      # Proves to Sigstore which workflow signs.
      id-token: write
    uses: ${uses}
    with:
      factory_image: ${quoted(name)}
${handed.join('\n')}
${optionLines(values)}
    # Those that are not set are empty; ghcr.io needs none of them.
    secrets:
      registry_user: \${{ secrets.REGISTRY_USER }}
      registry_token: \${{ secrets.REGISTRY_TOKEN }}
      build_secrets: \${{ secrets.BUILD_SECRETS }}
      factory_git_token: \${{ secrets.FACTORY_GIT_TOKEN }}
`,
  );
  return `${dispatchHead(builds, event)}
permissions: {}

jobs:
${jobs.join('\n')}`;
}

/** Gitea and Forgejo: the workflow is whole, there is nothing to call. */
export function giteaCaller(builds: readonly CalledBuild[]): string {
  const jobs = builds.map(({ name, values }) => giteaJob(values, builds.length > 1 ? name : undefined));
  return `${dispatchHead(builds, { kind: 'workflow_dispatch' })}
permissions:
  # The claim is a ref, the outcome a commit status, the image perhaps a package of this server.
  contents: write
  packages: write
  statuses: write

jobs:
${jobs.join('\n')}`;
}

/** How the factory starts it: `repository_dispatch` has a type, which is the name of the workflow's file. */
export type StartEvent =
  | { readonly kind: 'workflow_dispatch' }
  | { readonly kind: 'repository_dispatch'; readonly type: string };

/** Where a run finds what the factory gave. */
function contextOf({ kind }: StartEvent): string {
  return kind === 'workflow_dispatch' ? 'inputs' : 'github.event.client_payload';
}

function dispatchHead(builds: readonly CalledBuild[], event: StartEvent): string {
  const declared = factoryInputs.map(
    ({ name, about }) =>
      `      ${name}: { type: string, required: false, default: "", description: ${quoted(about)} }`,
  );
  const given = contextOf(event);
  const on =
    event.kind === 'workflow_dispatch'
      ? `  workflow_dispatch:\n    inputs:\n${declared.join('\n')}`
      : `  repository_dispatch:\n    types: [${quoted(event.type)}]`;
  return `# Written by image-factory workflows.
# The factory finds its run by the key and attempt in the name.
name: ${quoted(`Build ${builds.map(({ name }) => name).join(', ')}`)}
run-name: "Build \${{ ${given}.factory_image }} [\${{ ${given}.factory_key }}/\${{ ${given}.factory_attempt }}]"

on:
${on}

# By key: two runs for one key go one after the other, and builds of other keys do not wait.
concurrency:
  group: image-factory \${{ ${given}.factory_key || github.run_id }}
  cancel-in-progress: false
`;
}

function optionLines(values: ReadonlyMap<string, string>): string {
  return [...values].map(([name, value]) => `      ${name}: ${quoted(value)}`).join('\n');
}

/** A project at GitLab has one pipeline file, so that all of its images are in it. `include`: an entry's first line. */
export function gitlabCaller(
  builds: readonly CalledBuild[],
  { include, start }: { readonly include: string; readonly start: 'inputs' | 'variables' },
): string {
  const byInputs = start === 'inputs';
  const declared = factoryInputs.map(({ name }) => {
    const shape = name === 'factory_key' ? ', regex: "^[0-9A-Za-z-]*$"' : '';
    return `    ${name}: { type: string, default: ""${shape} }`;
  });
  // Started with variables, the jobs have them without being told: they win over what the jobs say of themselves.
  const handed = byInputs
    ? factoryInputs.map(({ name }) => `      ${name}: $[[ inputs.${name} ]]\n`).join('')
    : '';
  const given = (name: string): string => (byInputs ? `$[[ inputs.${name} ]]` : `$${name.toUpperCase()}`);
  const included = builds.map(({ name, values }) => {
    const image = byInputs ? `"${given('factory_image')}"` : given('factory_image');
    return `  - ${include}
    rules:
      - if: '${image} == "${name}"'
    inputs:
${handed}${optionLines(values)}`;
  });
  return `# Written by image-factory workflows.
# The factory finds its pipeline by this exact name. Only pipelines with a build key run: a project that builds other things
# too moves these rules to where it wants them.
${byInputs ? `spec:\n  inputs:\n${declared.join('\n')}\n---\n` : ''}workflow:
  name: "image-factory ${given('factory_image')} [${given('factory_key')}/${given('factory_attempt')}]"
  rules:
    - if: '${byInputs ? `"${given('factory_key')}" != ""` : given('factory_key')}'

stages: [build]

include:
${included.join('\n')}
`;
}
