import { day, hour } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import type { CycleReport } from './cycle.ts';
import { debian, external, image, TestFactory } from './test-factory.ts';

/** A factory in which much is as it should not be, and nothing changes. */
function odd(): TestFactory {
  const factory = new TestFactory([
    image('good'),
    image('broken'),
    image('absent'),
    image('unread'),
    image('damaged'),
    external('postgres', '^16\\.[0-9]+$'),
    external('missing', '^1$'),
    external('digest', '^3$', { imageSelectionStrategy: 'Digest' }),
  ]);
  const { world } = factory;
  world.push(debian, ['debian-1']);
  for (const tag of ['16.1', '16.2']) world.push(`docker.io/library/postgres:${tag}`, [`postgres-${tag}`]);
  world.push('docker.io/library/digest:3', ['digest']);
  world.dockerfiles.set('good/Dockerfile', 'FROM debian:12\n');
  world.dockerfiles.set('broken/Dockerfile', 'FRM debian:12\n');
  world.dockerfiles.set('absent/Dockerfile', 'FROM quay.io/acme/nothing:1\n');
  world.dockerfiles.set('damaged/Dockerfile', 'FROM debian:12\nCOPY --from=quay.io/acme/only:1 /a /a\n');
  world.push('quay.io/acme/only:1', ['only']);
  world.fault = (label) => {
    if (label !== 'source unread/Dockerfile') return undefined;
    return { code: 'DOCKERFILE_MISSING', message: 'unread/Dockerfile does not exist', hint: 'Add it.' };
  };
  return factory;
}

function codesOf({ problems }: CycleReport): string[] {
  return problems
    .map(({ code, subject }) => `${code} ${subject?.kind === 'factory' ? '' : subject?.name}`)
    .toSorted();
}

describe('a cycle without news', () => {
  it('writes nothing, whatever is wrong', async () => {
    const factory = odd();
    const damage = 'name: damaged\nenrolledAt: [\n';
    factory.world.edit('images/damaged.yaml', () => damage);
    factory.world.edit(
      'base-images/only-1.yaml',
      () =>
        'name: only-1\nregistry: quay.io\nrepository: acme/only\ntag: "1"\nfullImage: quay.io/acme/only:1\nfirstDiscovered: "2026-01-01T12:00:00Z"\n',
    );
    const first = await factory.cycle();
    const codes = codesOf(first);
    expect(codes).toEqual([
      'DOCKERFILE_INVALID broken',
      'DOCKERFILE_MISSING unread',
      'REGISTRY_NOT_FOUND acme-nothing-1',
      'REGISTRY_NOT_FOUND missing',
      'STATE_CORRUPT damaged',
    ]);
    expect(first.ended.map(({ image: name }) => name)).toEqual(['good']);
    factory.world.now += hour;
    await factory.cycle();
    factory.world.now += day;
    await factory.cycle();
    const { version, files } = factory.world;
    for (let days = 0; days < 40; days++) {
      factory.world.now += day;
      const report = await factory.cycle();
      expect(codesOf(report)).toEqual(codes);
    }
    expect(factory.world.version).toBe(version);
    expect(factory.world.files).toBe(files);
    expect(files.get('images/damaged.yaml')).toBe(damage);
    // Only the damaged image uses it, as far as anybody can tell.
    expect(files.has('base-images/only-1.yaml')).toBe(true);
  });

  it('writes nothing while looks are remembered', async () => {
    const factory = new TestFactory([image('good'), external('postgres', '^16$')], {
      minInterval: () => day,
    });
    factory.world.push(debian, ['debian-1']);
    factory.world.push('docker.io/library/postgres:16', ['postgres']);
    factory.world.dockerfiles.set('good/Dockerfile', 'FROM debian:12\n');
    await factory.cycle();
    await factory.cycle();
    const { version } = factory.world;
    for (let hours = 0; hours < 20; hours++) {
      factory.world.now += hour;
      await factory.cycle();
    }
    expect(factory.world.version).toBe(version);
  });
});

describe('a file that cannot be read', () => {
  it('and that another process damages during a cycle is not overwritten, nor are its bases taken away', async () => {
    const factory = new TestFactory([image('app'), image('other')]);
    factory.world.push(debian, ['debian-1']);
    factory.world.push('quay.io/acme/only:1', ['only']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM quay.io/acme/only:1\n');
    factory.world.dockerfiles.set('other/Dockerfile', 'FROM debian:12\n');
    await factory.cycle();
    factory.world.now += hour;
    factory.world.push('docker.io/library/debian:13', ['debian-13']);
    factory.world.dockerfiles.set('other/Dockerfile', 'FROM debian:13\n');
    let damaged = false;
    factory.world.fault = (label) => {
      if (damaged || !label.startsWith('commit "')) return undefined;
      damaged = true;
      factory.world.edit('images/app.yaml', () => 'name: [');
      return undefined;
    };
    await factory.cycle();
    expect(damaged).toBe(true);
    expect(factory.world.files.get('images/app.yaml')).toBe('name: [');
    expect(factory.state.bases.has('acme-only-1')).toBe(true);
    expect(factory.state.images.get('other')?.baseImages).toEqual(['debian-13']);
  });

  it('because a newer program wrote it stops a commit that is under way', async () => {
    const factory = new TestFactory([image('app')]);
    factory.world.push(debian, ['debian-1']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
    await factory.cycle();
    factory.world.now += day;
    factory.world.push(debian, ['debian-2']);
    const before = factory.world.files.get('images/app.yaml');
    let upgraded = false;
    factory.world.fault = (label) => {
      if (upgraded || !label.startsWith('commit "')) return undefined;
      upgraded = true;
      factory.world.edit('engine.yaml', (text) => (text ?? '').replace('version: 1', 'version: 99'));
      return undefined;
    };
    await expect(factory.cycle()).rejects.toMatchObject({ problem: { code: 'STATE_NEWER' } });
    expect(upgraded).toBe(true);
    expect(factory.world.files.get('images/app.yaml')).toBe(before);
  });
});
