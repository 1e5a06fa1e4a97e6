/**
 * Cuts GitHub's published API description down to what the fake GitHub serves, for its tests.
 *
 *   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
 *   node tools/prune-github-openapi.ts package
 *
 * The package has 385 MB and is no dependency; what is kept of it stands under its licence (MIT), which goes along.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Two levels of names over whatever stands below. */
type Tree = Record<string, Record<string, unknown>>;

const kept = [
  'get /repos/{owner}/{repo}',
  'get /repos/{owner}/{repo}/installation',
  'post /app/installations/{installation_id}/access_tokens',
  'get /repos/{owner}/{repo}/actions/workflows/{workflow_id}',
  'post /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches',
  'get /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs',
  'get /repos/{owner}/{repo}/actions/runs/{run_id}',
  'get /repos/{owner}/{repo}/actions/runs/{run_id}/jobs',
  'get /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts',
  'post /repos/{owner}/{repo}/actions/runs/{run_id}/cancel',
  'post /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs',
  'post /repos/{owner}/{repo}/dispatches',
  'post /repos/{owner}/{repo}/git/blobs',
  'get /repos/{owner}/{repo}/git/blobs/{file_sha}',
  'post /repos/{owner}/{repo}/git/refs',
  'get /repos/{owner}/{repo}/git/ref/{ref}',
  'get /repos/{owner}/{repo}/pulls',
  'post /repos/{owner}/{repo}/pulls',
  'patch /repos/{owner}/{repo}/pulls/{pull_number}',
  'post /repos/{owner}/{repo}/issues/{issue_number}/comments',
];
const target = join(import.meta.dirname, '../packages/testing/src/forges/testdata/github-openapi.json');

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node tools/prune-github-openapi.ts <folder of the unpacked package>');
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
  readonly version: string;
};
const whole = JSON.parse(readFileSync(join(folder, 'generated/api.github.com.json'), 'utf8')) as {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Tree;
  readonly components: Tree;
};

/** Words and examples for people, and what is GitHub's own bookkeeping. */
const dropped = new Set(['description', 'summary', 'example', 'examples', 'externalDocs', 'tags', 'title']);

function slim(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((each) => slim(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => inProperties || (!dropped.has(key) && !key.startsWith('x-')))
      .map(([key, each]) => [key, slim(each, !inProperties && key === 'properties')]),
  );
}

const paths: Tree = {};
for (const name of kept) {
  const [method = '', path = ''] = name.split(' ');
  const operation = whole.paths[path]?.[method];
  if (!operation) throw new Error(`the description has no ${name}`);
  (paths[path] ??= {})[method] = slim(operation);
}

const components: Tree = {};
function take(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (key !== '$ref' || typeof each !== 'string') take(each);
    else {
      const [kind = '', name = ''] = each.slice('#/components/'.length).split('/');
      if (components[kind]?.[name]) continue;
      const found = slim(whole.components[kind]?.[name]);
      (components[kind] ??= {})[name] = found;
      take(found);
    }
  }
}
take(paths);
for (const kind of Object.keys(components)) {
  components[kind] = Object.fromEntries(
    Object.entries(components[kind] ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const pruned = {
  openapi: whole.openapi,
  info: {
    title: "A part of GitHub's REST API description",
    version: whole.info.version,
    license: { name: 'MIT', 'x-text': readFileSync(join(folder, 'LICENSE'), 'utf8').trim() },
    'x-source': `@octokit/openapi ${version}, made by tools/prune-github-openapi`,
  },
  paths,
  components,
};
writeFileSync(target, `${JSON.stringify(pruned)}\n`);
console.log(
  `${kept.length} operations, ${Object.values(components).reduce((sum, kind) => sum + Object.keys(kind).length, 0)} components, ${Math.round(JSON.stringify(pruned).length / 1024)} KiB`,
);
