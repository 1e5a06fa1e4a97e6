import { day, hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { image, TestFactory } from './test-factory.ts';

const base = 'docker.io/library/debian:12';

function chain(): TestFactory {
  const factory = new TestFactory([image('parent'), image('child')]);
  factory.world.push(base, ['debian-1']);
  factory.world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
  factory.world.dockerfiles.set('child/Dockerfile', 'FROM registry.test/acme/parent:1\n');
  return factory;
}

describe('one cycle', () => {
  it('discovers, observes and builds what was never built, parents first and pinned', async () => {
    const factory = chain();
    const report = await factory.cycle();
    expect(report.problems).toEqual([]);
    expect(report.ended.map(({ image: name, rebuild }) => [name, rebuild.outcome])).toEqual([
      ['parent', 'success'],
      ['child', 'success'],
    ]);
    const [parent, child] = factory.world.runs;
    expect(parent?.request.pins.map(({ base: name }) => name)).toEqual(['debian-12']);
    expect(child?.request.pins[0]?.digest).toBe(report.state.images.get('parent')?.currentDigest);
    expect(report.state.images.get('child')?.builtFrom).toMatchObject({
      'acme-parent-1': { evidence: 'layers' },
    });
    expect(report.plan.decisions.map(({ action }) => action)).toEqual(['none', 'none']);
  });

  it('writes nothing where nothing happened', async () => {
    const factory = chain();
    await factory.cycle();
    factory.world.now += hour;
    await factory.cycle();
    const commits = factory.world.commits.length;
    factory.world.now += 3 * day;
    await factory.cycle();
    expect(factory.world.commits.length).toBe(commits);
  });

  it('remembers what it knows of an image whose repository is written with its registry', async () => {
    const raw = { name: 'parent', repository: 'registry.test/acme/parent' };
    const factory = new TestFactory([image('parent', { raw })]);
    factory.world.push(base, ['debian-1']);
    factory.world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
    const first = await factory.cycle();
    factory.world.now += hour;
    const later = await factory.cycle();
    expect(later.state.images.get('parent')?.content).toEqual(first.state.images.get('parent')?.content);
  });

  it('holds a new digest back for its delay, then rebuilds each image once and in order', async () => {
    const factory = chain();
    await factory.cycle();
    factory.world.now += day;
    const next = factory.world.push(base, ['debian-2']);
    await factory.cycle();
    factory.world.now += hour;
    const waiting = await factory.cycle();
    expect(factory.world.runs.length).toBe(2);
    const notes = waiting.plan.decisions.find(({ image: name }) => name === 'parent')?.notes ?? [];
    expect(notes.find(({ code }) => code === 'not-matured')).toMatchObject({ to: next, base: 'debian-12' });
    factory.world.now += 8 * day + hour;
    await factory.cycle();
    factory.world.now += day;
    await factory.cycle();
    expect(factory.world.runs.map(({ image: name }) => name).slice(2)).toEqual(['parent', 'child']);
    expect(factory.world.runs[2]?.request.pins[0]?.digest).toBe(next);
  });

  it('reports a build whose layers are not those of its pin as base-drift, and stops the image', async () => {
    const factory = new TestFactory([image('parent')]);
    factory.world.push(base, ['debian-1']);
    factory.world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
    const push = factory.world.pushLayers.bind(factory.world);
    factory.world.pushLayers = (built, _layers, key) =>
      push(built, [`sha256:${'0'.repeat(64)}` as never], key);
    const report = await factory.cycle();
    expect(report.ended[0]?.rebuild.outcome).toBe('base-drift');
    factory.world.now += 30 * day;
    factory.world.push(base, ['debian-2']);
    await factory.cycle();
    factory.world.now += 30 * day;
    const later = await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
    expect(later.plan.decisions[0]?.notes.map(({ code }) => code)).toContain('base-drift');
  });

  it('keeps the other images going when one fails', async () => {
    const factory = new TestFactory([image('bad'), image('good')]);
    factory.world.push(base, ['debian-1']);
    factory.world.dockerfiles.set('bad/Dockerfile', 'FRM debian:12\n');
    factory.world.dockerfiles.set('good/Dockerfile', 'FROM debian:12\n');
    const report = await factory.cycle();
    expect(report.ended.map(({ image: name }) => name)).toEqual(['good']);
    expect(report.problems.map(({ code, subject }) => [code, subject])).toEqual([
      ['DOCKERFILE_INVALID', { kind: 'image', name: 'bad' }],
    ]);
    expect(report.state.images.get('bad')?.discoveryStatus).toBe('failed');
  });

  it('archives the bases of an image that is enrolled no more, though nothing was discovered', async () => {
    const factory = chain();
    await factory.cycle();
    factory.config = { ...factory.config, images: [] };
    await factory.cycle();
    const paths = [...factory.world.files.keys()].filter((path) => /images\//.test(path));
    expect(paths.toSorted()).toEqual([
      '_archive/base-images/acme-parent-1.yaml',
      '_archive/base-images/debian-12.yaml',
      '_archive/images/child.yaml',
      '_archive/images/parent.yaml',
    ]);
  });

  it('rebuilds at once when a person asks, past the delay, with the reason recorded', async () => {
    const factory = chain();
    await factory.cycle();
    factory.world.now += day;
    const next = factory.world.push(base, ['debian-2']);
    await factory.cycle();
    factory.world.now += hour;
    await factory.cycle();
    factory.world.now += minute;
    const request = { id: 'r1', reason: 'CVE-2026-1', by: 'ada', skipDelay: true };
    const report = await factory.cycle({
      requests: new Map([['parent', request]]),
      startOnly: new Set(['parent']),
    });
    expect(report.started).toEqual(['parent']);
    expect(factory.world.runs.at(-1)?.request.pins[0]?.digest).toBe(next);
    expect(report.ended[0]?.rebuild).toMatchObject({ reason: 'requested', requestedBy: 'ada' });
    const events = [...factory.world.files]
      .filter(([path]) => path.startsWith('events/'))
      .map(([, text]) => text);
    expect(events.join('')).toContain('rebuild of parent decided: requested by ada: CVE-2026-1');
  });
});
