import type { BaseOutlook } from '@image-factory/core/plan/base-outlook.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { managed, place, type Place } from './testing/test-place.ts';

/** Two images with delays of their own on one base, and a child of the first; a newer digest of the base waits. */
async function placeWithBases(): Promise<{ at: Place; first: string; second: string }> {
  const at = await place();
  const { host } = at.registry;
  const one = await at.registry.pushImage('base/os', '1', { layers: ['os 1'] });
  await at.remote.commit({
    'slow/Dockerfile': `FROM ${host}/base/os:1\n`,
    'fast/Dockerfile': `FROM scratch\nCOPY --from=${host}/base/os:1 / /\n`,
    'child/Dockerfile': `FROM ${host}/acme/slow:1\n`,
  });
  await at.enrol(managed(at, 'slow') + managed(at, 'fast', 'rebuildDelay: 1h\n') + managed(at, 'child', ''));
  await at.run('run', '--once');
  at.pass(day);
  const two = await at.registry.pushImage('base/os', '1', { layers: ['os 2'] });
  await at.run('check', '--force');
  at.pass(2 * hour);
  await at.run('check', '--force');
  return { at, first: one.descriptor.digest, second: two.descriptor.digest };
}

describe('status of a base', () => {
  it('shows its ledger, and for each image that is built from it what the gate lets through', async () => {
    const { at, first, second } = await placeWithBases();
    const base = await at.ask<{ name: string; ledger: { digest: string }[]; usedBy: BaseOutlook[] }>(
      'status',
      'base-os-1',
    );
    expect(base.name).toBe('base-os-1');
    expect(base.ledger.map(({ digest }) => digest)).toEqual([first, second]);
    expect(base.usedBy).toMatchObject([
      { image: 'fast', kinds: ['copy-from'], delay: hour, approved: second, newest: second, notes: [] },
      {
        image: 'slow',
        kinds: ['from'],
        delay: 7 * day,
        contains: first,
        approved: first,
        newest: second,
        notes: [{ code: 'not-matured', to: second, until: expect.any(Number) }],
      },
    ]);
    const plan = await at.ask<{ decisions: { image: string; pins: { digest: string }[] }[] }>('plan');
    const pinned = plan.decisions.flatMap(({ image, pins }) =>
      image === 'child' ? [] : [[image, pins[0]?.digest]],
    );
    expect(pinned).toEqual(base.usedBy.map(({ image, approved }) => [image, approved]));
    const { out } = await at.run('status', 'base-os-1');
    expect(out).toContain(`newest     ${second}`);
    expect(out).toMatch(/slow +from +7d .* has to prove itself: matures in 6d/);
  });

  it('takes the words of a Dockerfile for it, and knows what we build ourselves', async () => {
    const { at } = await placeWithBases();
    const { host } = at.registry;
    expect(await at.ask('status', `${host}/base/os:1`)).toMatchObject({ name: 'base-os-1' });
    expect(await at.ask('status', `${host}/acme/slow:1`)).toMatchObject({
      managedBy: 'slow',
      usedBy: [{ image: 'child', delay: 0 }],
    });
    for (const unknown of [`${host}/base/os:2`, 'base-os-2', 'No:Reference', `os@sha256:${'0'.repeat(64)}`]) {
      const { exit, err } = await at.run('status', unknown);
      expect({ exit, err }).toEqual({ exit: 2, err: expect.stringContaining('NOT_FOUND') });
    }
    expect((await at.run('status', 'base-so-1')).err).toContain('Did you mean base-os-1?');
  });
});

describe('a hold on one digest', () => {
  it('is refused where only the whole image can be held, and changes nothing', async () => {
    const { at, second } = await placeWithBases();
    const before = await at.stateFiles();
    for (const command of [
      ['hold', 'slow', '--reason', 'bad', '--digest', second],
      ['release', 'slow', '--digest', second],
    ]) {
      const { exit, err } = await at.run(...command);
      expect({ exit, err }).toEqual({ exit: 2, err: expect.stringContaining('slow is built here') });
      expect(err).toContain('one of base-os-1');
    }
    expect(await at.stateFiles()).toEqual(before);
  });

  it('keeps all images of the base away from it', async () => {
    const { at, first, second } = await placeWithBases();
    await at.run('hold', 'base-os-1', '--reason', 'bad', '--digest', second);
    const { usedBy } = await at.ask<{ usedBy: BaseOutlook[] }>('status', 'base-os-1');
    expect(usedBy.map(({ image, approved }) => [image, approved])).toEqual([
      ['fast', first],
      ['slow', first],
    ]);
    expect((await at.run('status', 'base-os-1')).out).toContain(`hold       ${second.slice(0, 19)}: bad`);
  });
});
