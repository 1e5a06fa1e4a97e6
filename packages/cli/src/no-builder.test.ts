import type { Decision, Plan } from '@image-factory/core/plan/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { expect, it } from 'vitest';
import { managed, onlyGit, place, settings, type Place } from './testing/test-place.ts';

async function placeWith(images: (at: Place) => string): Promise<Place> {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  const dockerfile = `FROM ${at.registry.host}/base/os:1\n`;
  const names = ['away', 'off', 'request', 'here', 'here-off'];
  await at.remote.commit(Object.fromEntries(names.map((name) => [`${name}/Dockerfile`, dockerfile])));
  await at.enrol(images(at));
  return at;
}

function elsewhere(at: Place, name: string, more = ''): string {
  return managed(at, name, more)
    .replace('provider: local', 'provider: webhook')
    .replace(at.remote.path, `file://${at.remote.path}`);
}

interface Told {
  readonly exit: number;
  readonly decisions: readonly Pick<Decision, 'image' | 'action' | 'notes'>[];
  readonly problems: readonly Problem[];
}

async function told(at: Place, ...argv: readonly string[]): Promise<Told> {
  const { exit, out } = await at.run('--output', 'json', ...argv);
  const answer = JSON.parse(out);
  const { decisions } = (answer.plan ?? answer) as Plan;
  return {
    exit,
    decisions: decisions.map(({ image, action, notes }) => ({ image, action, notes })),
    problems: answer.problems ?? [],
  };
}

it('a rebuild that others have to start is a report, and no failure', async () => {
  const at = await placeWith(
    (here) =>
      elsewhere(here, 'off', 'autoRebuild: false\n') +
      elsewhere(here, 'request', 'mode: pull-request\n') +
      managed(here, 'here-off', 'autoRebuild: false\n'),
  );
  await at.run('check');
  const planned = await told(at, 'plan');
  expect(planned.exit).toBe(0);
  // The configuration warns that factory.yaml does not say how to start them.
  expect(planned.problems.map(({ code }) => code)).toEqual(['CONFIG_CONFLICT', 'CONFIG_CONFLICT']);
  expect(planned.decisions.map(({ image, action, notes }) => [image, action, notes[0]])).toEqual([
    ['here-off', 'report', { code: 'auto-rebuild-off' }],
    ['off', 'report', { code: 'auto-rebuild-off', detail: 'webhook' }],
    ['request', 'report', { code: 'pull-request-mode', detail: 'webhook' }],
  ]);
  expect(await told(at, 'run', '--once')).toEqual(planned);
  const { out } = await at.run('plan');
  expect(out).toContain('a person has to start it (image-factory rebuild)');
  expect(out).toContain('a person has to start it at provider webhook, nothing here can');
});

it('where no builder is, plan says what run does', async () => {
  const at = await placeWith((here) => elsewhere(here, 'away') + managed(here, 'here'));
  await at.enrol(
    elsewhere(at, 'away') + managed(at, 'here'),
    settings(at).replace('tool: layers', 'tool: auto'),
  );
  at.env['PATH'] = await onlyGit(at);
  await at.run('check');
  const planned = await told(at, 'plan');
  expect(planned.exit).toBe(1);
  expect(planned.decisions.map(({ image, action, notes }) => [image, action, notes[0]])).toEqual([
    ['away', 'blocked', { code: 'no-builder', detail: 'webhook' }],
    ['here', 'blocked', { code: 'no-builder', detail: 'local' }],
  ]);
  expect(
    planned.problems
      .slice(1)
      .map(({ code, subject }) => [code, subject && 'name' in subject ? subject.name : '']),
  ).toEqual([
    ['BUILDER_MISSING', ''],
    ['BUILDER_MISSING', 'away'],
    ['BUILDER_MISSING', 'here'],
  ]);
  expect(await told(at, 'run', '--once')).toEqual(planned);
});
