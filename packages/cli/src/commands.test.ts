import { join } from 'node:path';
import { day, hour } from '@image-factory/core/time.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { masked } from './testing/test-mask.ts';
import { makePlace, managed, type Place } from './testing/test-place.ts';

/*
 * One factory from its first file to an emergency rebuild, every command in text and as JSON: each step stands on the
 * ones before it. After a wanted change run with -u and read the difference.
 */
let place: Place;
beforeAll(async () => {
  place = await makePlace();
  const { registry, remote } = place;
  const { host } = registry;
  await registry.pushImage('base/os', '1', { layers: ['os 1'] });
  await registry.pushImage('base/tools', '3', { layers: [{ 'bin/lint': 'lint 3' }] });
  for (const tag of ['16.3', '16.4', '17.0', 'latest'])
    await registry.pushImage('base/db', tag, { layers: [`db ${tag}`] });
  await remote.commit({
    'platform/Dockerfile': `FROM ${host}/base/os:1\nCOPY app.txt /app.txt\n`,
    'platform/app.txt': 'platform\n',
    'web/Dockerfile': `FROM ${host}/base/tools:3 AS tools\nFROM ${host}/acme/platform:1\nCOPY --from=tools /bin/lint /lint\nCOPY app.txt /web.txt\n`,
    'web/app.txt': 'web\n',
  });
});
afterAll(() => place.leave());

async function enrolAll(): Promise<void> {
  const { host } = place.registry;
  const external = `- name: db\n  repository: ${host}/base/db\n  allowTags: ^16[.0-9]*$\n  imageSelectionStrategy: SemVer\n`;
  await place.enrol(managed(place, 'platform') + managed(place, 'web', 'criticality: high\n') + external);
}

async function pushBase(): Promise<void> {
  place.pass(day);
  await place.registry.pushImage('base/os', '1', { layers: ['os 2'] });
}

interface Step {
  readonly file: string;
  readonly argv: string;
  readonly exit?: number;
  /** What happens before it. */
  readonly before?: () => Promise<void> | void;
  /** Asked only once: it changes something. */
  readonly once?: 'text' | 'json';
}

const steps: readonly Step[] = [
  { file: 'init', argv: 'init', once: 'text' },
  { file: 'init-again', argv: 'init', exit: 2 },
  { file: 'status-empty', argv: 'status' },
  { file: 'graph-empty', argv: 'graph' },
  { file: 'plan-empty', argv: 'plan' },
  {
    file: 'enroll',
    argv: 'enroll cache --repository docker.io/library/redis --allow-tags ^7[.0-9]*$ --strategy SemVer --delay 14d',
    once: 'json',
  },
  {
    file: 'enroll-twice',
    argv: 'enroll cache --repository docker.io/library/redis --allow-tags ^7$',
    exit: 2,
  },
  { file: 'enroll-nothing', argv: 'enroll other', exit: 2 },
  { file: 'validate', argv: 'validate', before: enrolAll },
  { file: 'dependencies', argv: 'dependencies web.Dockerfile', before: writeDockerfile },
  { file: 'dependencies-invalid', argv: 'dependencies web.Dockerfile --target none', exit: 1 },
  { file: 'dependencies-missing', argv: 'dependencies none.Dockerfile', exit: 2 },
  { file: 'analyze', argv: 'analyze' },
  { file: 'check', argv: 'check' },
  { file: 'plan', argv: 'plan' },
  { file: 'plan-all', argv: 'plan --all --offline' },
  { file: 'run', argv: 'run --once', once: 'text' },
  { file: 'run-quiet', argv: 'run --once' },
  { file: 'status', argv: 'status' },
  { file: 'status-one', argv: 'status web' },
  { file: 'status-external', argv: 'status db' },
  { file: 'status-unknown', argv: 'status wbe', exit: 2 },
  { file: 'graph', argv: 'graph' },
  { file: 'graph-mermaid', argv: 'graph --format mermaid', once: 'text' },
  { file: 'graph-dot', argv: 'graph --format dot', once: 'text' },
  { file: 'graph-svg', argv: 'graph --format svg', once: 'text' },
  { file: 'graph-json', argv: 'graph --format json', once: 'text' },
  { file: 'check-changed', argv: 'check --force', before: pushBase },
  { file: 'explain-waiting', argv: 'explain platform', before: settle },
  { file: 'explain-external', argv: 'explain db' },
  { file: 'explain-unknown', argv: 'explain platfrom', exit: 2 },
  { file: 'status-base', argv: 'status base-os-1' },
  { file: 'history-base', argv: 'history base-os-1' },
  { file: 'history', argv: 'history web' },
  { file: 'history-limit', argv: 'history web --limit 1' },
  { file: 'history-unknown', argv: 'history wb', exit: 2 },
  { file: 'hold', argv: 'hold web --reason because --until 3d', once: 'text' },
  { file: 'hold-base', argv: 'hold base-os-1 --reason because --until 2026-12-24', once: 'json' },
  { file: 'hold-digest', argv: `hold web --reason because --digest sha256:${'a'.repeat(64)}`, exit: 2 },
  { file: 'hold-unknown', argv: 'hold weeb --reason because', exit: 2 },
  { file: 'release-base', argv: 'release base-os-1', once: 'json' },
  { file: 'rebuild', argv: 'rebuild platform --reason CVE-2026-0001', once: 'text' },
  { file: 'rebuild-retry', argv: 'rebuild platform --retry', exit: 1 },
  { file: 'history-requested', argv: 'history platform --limit 3' },
  { file: 'explain-held', argv: 'explain web' },
  { file: 'rebuild-held', argv: 'rebuild web --reason urgent', exit: 1 },
  { file: 'rebuild-external', argv: 'rebuild db --reason urgent', exit: 2 },
  { file: 'rebuild-unknown', argv: 'rebuild wbe --reason urgent', exit: 2 },
  { file: 'release', argv: 'release web', once: 'text' },
  { file: 'release-again', argv: 'release web' },
  { file: 'run-after', argv: 'run --once', once: 'json', before: () => place.pass(hour) },
  { file: 'status-after', argv: 'status' },
  { file: 'schema-factory', argv: 'schema factory', once: 'json' },
  { file: 'schema-unknown', argv: 'schema none', exit: 2 },
  { file: 'completion-bash', argv: 'completion bash', once: 'text' },
  { file: 'completion-zsh', argv: 'completion zsh', once: 'text' },
  { file: 'completion-fish', argv: 'completion fish', once: 'text' },
  { file: 'completion-unknown', argv: 'completion tcsh', exit: 2 },
];

async function writeDockerfile(): Promise<void> {
  const text = await place.remote.git('cat-file', 'blob', 'refs/heads/main:web/Dockerfile');
  await place.write('web.Dockerfile', text);
  place.io.cwd = place.dir;
}

/** The follow-up look finds the new digest still there. */
async function settle(): Promise<void> {
  place.pass(hour);
  await place.run('check', '--force');
}

describe('every command answers for people and for programs', () => {
  it.each(steps)(
    '$file: image-factory $argv',
    { timeout: 60_000 },
    async ({ file, argv, exit = 0, before, once }) => {
      await before?.();
      const words = argv.split(' ');
      const parts: string[] = [];
      for (const form of once ? [once] : (['text', 'json'] as const)) {
        const answer = await place.run('--output', form, ...words);
        const said = answer.err === '' ? '' : `--- stderr\n${answer.err}`;
        parts.push(`--- ${form}: exit ${answer.exit}\n${answer.out}${said}`);
        expect(answer.exit, answer.err).toBe(exit);
      }
      await expect(masked(parts.join(''), place)).toMatchFileSnapshot(
        join(import.meta.dirname, `testdata/commands/${file}.txt`),
      );
    },
  );
});
