import { hour, minute } from '@image-factory/core/time.ts';
import { baseRecord, enrolment, imageRecord, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { KargoInterpreter } from '../interpreter/interpreter.ts';
import type { AnalysisJob, Commit, JobPhase } from '../interpreter/outside.ts';
import { TestOutside } from '../interpreter/test-outside.ts';
import { factoryUrl, synthesize } from './test-factory.ts';

/** The repository of the factory, with its two branches. */
class Repository extends TestOutside {
  main: readonly Commit[] = [];
  state: readonly Commit[] = [];

  write(branch: 'main' | 'state', subject: string, paths: readonly string[]): void {
    // Another list: one that is the same object is a branch that has not moved.
    this[branch] = [this.committed(subject, paths), ...this[branch]];
  }

  override listCommits(repoUrl?: string, branch?: string): Promise<readonly Commit[]> {
    if (repoUrl !== factoryUrl) return Promise.resolve([]);
    return Promise.resolve(branch === 'image-factory/state' ? this.state : this.main);
  }

  /** Jobs commit what they found, as the store does. */
  override job(job: AnalysisJob): Promise<JobPhase> {
    if (!this.jobs.some(({ id }) => id === job.id))
      this.write('state', 'Record 1 analysis: web', ['images/web.yaml', 'base-images/node-22.yaml']);
    return super.job(job);
  }
}

function factory() {
  const outside = new Repository();
  const kargo = new KargoInterpreter(outside);
  const images = [
    enrolment({ name: 'web', source: { repo: '.', context: 'web', dockerfile: 'web/Dockerfile' } }),
  ];
  const state = stateOf({
    images: [imageRecord({ name: 'web', baseImages: ['node-22'] })],
    bases: [baseRecord()],
  });
  kargo.apply(synthesize(images, state).manifests);
  let now = 0;
  const pass = async (duration: number): Promise<void> => {
    const until = now + duration;
    for (;;) {
      now = Math.max(kargo.nextAt() ?? until, now);
      if (now >= until) break;
      await kargo.reconcile(now);
    }
    now = until;
    await kargo.reconcile(now);
  };
  const asked = (command: string): readonly (readonly string[])[] =>
    outside.jobs.map(({ args }) => args).filter(([first]) => first === command);
  return { outside, pass, asked };
}

describe('an analysis', () => {
  test('of an image that was never built runs once, with nothing where the image would be', async () => {
    const { outside, pass, asked } = factory();
    outside.write('main', 'First Dockerfile', ['web/Dockerfile']);
    await pass(24 * hour);
    expect(asked('analyze')).toEqual([
      [
        'analyze',
        '--image=web',
        '--tag=',
        '--digest=',
        '--dockerfile=web/Dockerfile',
        '--source-repo=.',
        '--source-provider=local',
        `--git-repo=${factoryUrl}`,
        '--git-branch=main',
        '--image-factory-dir=.',
      ],
    ]);
  });

  test('leads to no further analysis: one for each change, however long one waits', async () => {
    const { outside, pass, asked } = factory();
    outside.write('main', 'First Dockerfile', ['web/Dockerfile']);
    await pass(hour);
    outside.image('ghcr.io/acme/web:latest', 'sha256:one');
    await pass(hour);
    expect(asked('analyze')).toHaveLength(2);
    expect(asked('analyze')[1]).toEqual(expect.arrayContaining(['--tag=latest', '--digest=sha256:one']));
    outside.write('main', 'Generated folder', ['dist/image-factory.k8s.yaml', 'state/images/web.yaml']);
    outside.write('main', 'Another team', ['api/Dockerfile', 'README.md']);
    await pass(48 * hour);
    expect(asked('analyze')).toHaveLength(2);
    outside.write('main', 'Another base', ['web/Dockerfile']);
    await pass(hour);
    outside.write('main', 'Another delay', ['images.yaml']);
    await pass(hour);
    outside.image('ghcr.io/acme/web:latest', 'sha256:two');
    await pass(hour);
    expect(asked('analyze')).toHaveLength(5);
  });
});

test('a base is looked at once in 24 hours, and its news are told with name, tag and digest', async () => {
  const { outside, pass, asked } = factory();
  outside.image('docker.io/library/node:22', 'sha256:one');
  await pass(hour);
  outside.image('docker.io/library/node:22', 'sha256:two');
  await pass(22 * hour);
  expect(asked('observe').map((args) => args.slice(0, 4))).toEqual([
    ['observe', '--name=node-22', '--tag=22', '--digest=sha256:one'],
  ]);
  await pass(hour + 10 * minute);
  expect(asked('observe').map((args) => args[3])).toEqual(['--digest=sha256:one', '--digest=sha256:two']);
});
