import { digest } from '@image-factory/testing/records.ts';
import { hour, minute } from '@image-factory/core/time.ts';
import type { SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import { expect, it } from 'vitest';
import { takeReport, type Report } from './take-report.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

async function started(options: TestFactoryOptions = {}): Promise<TestFactory> {
  const factory = new TestFactory([image('app')], { buildTime: hour, ...options });
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  await factory.cycle({ follow: false });
  return factory;
}

function reportOf(factory: TestFactory, status: Report['report']['status']): Report {
  const { key, attempt } = factory.state.intents.get('app') ?? { key: 'none', attempt: 1 };
  return { kind: 'report', key, attempt, report: { status, run: 'run-1', error: `it was ${status}` } };
}

async function tell(
  factory: TestFactory,
  report: Report,
  provider: Provider = 'github',
): Promise<string | undefined> {
  let image: string | undefined;
  const process: SimulatedProcess = factory.scheduler.spawn(
    `server ${factory.world.version}`,
    async (own) => {
      image = await takeReport(factory.deps(own), 'embedded', provider, report);
    },
  );
  await factory.scheduler.run();
  expect(process.outcome?.error).toBeUndefined();
  return image;
}

function rebuildsOf(factory: TestFactory) {
  return factory.state.images
    .get('app')
    ?.rebuilds.map(({ attempt, outcome, run }) => [attempt, outcome, run]);
}

it('a reported failure ends the rebuild, although its run cannot be seen to have ended', async () => {
  const factory = await started();
  expect(await tell(factory, reportOf(factory, 'failure'))).toBe('app');
  await factory.cycle({ follow: false });
  expect(rebuildsOf(factory)).toEqual([[1, 'failure', 'run-1']]);
  expect(factory.state.images.get('app')?.rebuilds[0]?.error).toBe('it was failure');
});

it('a second report of the same writes nothing', async () => {
  const factory = await started();
  const report = reportOf(factory, 'failure');
  await tell(factory, report);
  const before = factory.world.version;
  expect(await tell(factory, report)).toBe('app');
  expect(factory.world.version).toBe(before);
});

it('a report that comes when nothing is open any more, or of another key, is nobody’s', async () => {
  const factory = await started();
  const report = reportOf(factory, 'failure');
  expect(await tell(factory, { ...report, key: 'other' })).toBeUndefined();
  await tell(factory, report);
  await factory.cycle({ follow: false });
  const before = factory.world.version;
  expect(await tell(factory, report)).toBeUndefined();
  expect(factory.world.version).toBe(before);
});

it('what one CI system says of a run of another is not believed', async () => {
  const factory = await started();
  const before = factory.world.version;
  expect(await tell(factory, reportOf(factory, 'failure'), 'webhook')).toBeUndefined();
  expect(factory.world.version).toBe(before);
});

it('a report that comes before anybody wrote down the run tells which one it is', async () => {
  const factory = await started();
  const report = reportOf(factory, 'failure');
  factory.world.edit('intents/app.yaml', (text) => text?.replace(/run:\n(?: .*\n)+/, '') ?? null);
  expect(factory.state.intents.get('app')?.run).toBeUndefined();
  await tell(factory, report);
  await factory.cycle({ follow: false });
  expect(rebuildsOf(factory)).toEqual([[1, 'failure', 'run-1']]);
  expect(factory.world.runs.length).toBe(1);
});

it('what a report says was pushed must be in the registry', async () => {
  const factory = await started();
  const { report, ...rest } = reportOf(factory, 'success');
  const { error: _, ...told } = report;
  await tell(factory, { ...rest, report: { ...told, digest: digest('nowhere') } });
  await factory.cycle({ follow: false });
  expect(rebuildsOf(factory)).toEqual([[1, 'failure', 'run-1']]);
});

it('the run that lost the claim does not speak for the one that has it', async () => {
  const factory = await started({ visibilityDelay: minute });
  await tell(factory, reportOf(factory, 'superseded'));
  factory.world.now += 2 * minute;
  await factory.cycle({ follow: false });
  expect(rebuildsOf(factory)).toEqual([]);
  factory.world.now += hour;
  await factory.cycle({ follow: false });
  expect(rebuildsOf(factory)).toEqual([[1, 'success', 'run-1']]);
});
