import type { CveProver } from '@image-factory/core/ports/proofs.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { day, hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, external, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

function chain(options: TestFactoryOptions = {}): TestFactory {
  const factory = new TestFactory([image('parent'), image('child')], options);
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
  factory.world.dockerfiles.set('child/Dockerfile', 'FROM registry.test/acme/parent:1\n');
  return factory;
}

async function cycles(factory: TestFactory, count: number, apart: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    factory.world.now += apart;
    await factory.cycle();
  }
}

describe('a proof that a newer base removes a critical CVE', () => {
  /** Proves it for every newer digest, and counts the questions. */
  function scanner(asked: string[]): CveProver {
    return {
      prove: async (base, running, candidate) => {
        asked.push(`${base} ${running} ${candidate}`);
        return base === 'debian-12'
          ? [{ id: 'CVE-2026-7', severity: 'critical', presentIn: running, absentFrom: candidate }]
          : [];
      },
    };
  }

  async function pushed(
    options: TestFactoryOptions = {},
  ): Promise<{ factory: TestFactory; next: Digest; asked: string[] }> {
    const asked: string[] = [];
    const factory = chain({ prover: scanner(asked), ...options });
    await factory.cycle();
    factory.world.now += day;
    const next = factory.world.push(debian, ['debian-2']);
    await factory.cycle();
    return { factory, next, asked };
  }

  it('rebuilds after the follow-up look and the coordination window, and the child after it', async () => {
    const { factory, next, asked } = await pushed();
    expect(factory.world.runs.length).toBe(2);
    expect(asked).toEqual([]);
    await cycles(factory, 1, 31 * minute);
    expect(asked.length).toBe(1);
    expect(factory.world.runs.length).toBe(2);
    await cycles(factory, 1, 31 * minute);
    expect(factory.world.runs.slice(2).map(({ image: name }) => name)).toContain('parent');
    const rebuild = factory.state.images.get('parent')?.rebuilds.at(-1);
    expect(rebuild).toMatchObject({ reason: 'emergency-cve', outcome: 'success' });
    expect(rebuild?.pins[0]?.digest).toBe(next);
    await cycles(factory, 4, 31 * minute);
    expect(factory.world.runs.slice(2).map(({ image: name }) => name)).toEqual(['parent', 'child']);
  });

  it.each([
    ['the image', 'images/parent.yaml', 'hold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n'],
    ['the base', 'base-images/debian-12.yaml', 'holds:\n  - reason: wait\n    since: 2026-01-01T12:00:00Z\n'],
  ])('starts nothing while a hold is on %s', async (_what, path, hold) => {
    const { factory } = await pushed();
    factory.world.edit(path, (text) => text + hold);
    await cycles(factory, 6, 31 * minute);
    expect(factory.world.runs.length).toBe(2);
  });

  it('is asked for once per base and digest that runs, however many images contain it', async () => {
    const asked: string[] = [];
    const names = Array.from({ length: 20 }, (_, index) => `a${index}`);
    const factory = new TestFactory(
      names.map((name) => image(name)),
      { prover: scanner(asked) },
    );
    factory.settings((settings) => ({ ...settings, limits: { ...settings.limits, concurrent: 50 } }));
    factory.world.push(debian, ['debian-1']);
    for (const name of names) factory.world.dockerfiles.set(`${name}/Dockerfile`, 'FROM debian:12\n');
    await factory.cycle();
    factory.world.push(debian, ['debian-2']);
    await cycles(factory, 2, 31 * minute);
    expect(asked.length).toBe(1);
  });

  it('that cannot be had is a problem of the base, and stops nothing', async () => {
    const prover: CveProver = {
      prove: async () => {
        throw new Error('no scanner');
      },
    };
    const { factory } = await pushed({ prover });
    await cycles(factory, 1, 31 * minute);
    expect(factory.reports.at(-1)?.problems).toMatchObject([
      { code: 'INTERNAL', subject: { kind: 'base', name: 'debian-12' } },
    ]);
    await cycles(factory, 9, day);
    expect(factory.world.runs.slice(2).map(({ image: name }) => name)).toEqual(['parent', 'child']);
  });
});

describe('a digest that verification refuses', () => {
  function refusing(refused: ReadonlySet<Digest>, asked: string[] = []) {
    return {
      refusal: async (name: string, digest: Digest) => {
        asked.push(name);
        return refused.has(digest) ? 'not signed' : undefined;
      },
    };
  }

  it('is never built with, and the next one is', async () => {
    const refused = new Set<Digest>();
    const factory = chain({ verifier: refusing(refused) });
    await factory.cycle();
    factory.world.now += day;
    const bad = factory.world.push(debian, ['bad']);
    refused.add(bad);
    await cycles(factory, 10, day);
    expect(factory.world.runs.length).toBe(2);
    expect(factory.state.bases.get('debian-12')?.ledger.at(-1)).toMatchObject({
      digest: bad,
      refused: 'not signed',
    });
    const good = factory.world.push(debian, ['good']);
    await cycles(factory, 11, day);
    expect(factory.world.runs.slice(2).map(({ request }) => request.pins[0]?.digest)).toContain(good);
    expect(factory.world.runs.some(({ request }) => request.pins.some(({ digest }) => digest === bad))).toBe(
      false,
    );
  });

  it('is asked about also where an external image has the same tag', async () => {
    const asked: string[] = [];
    const factory = new TestFactory([external('debian', '^12$'), image('app')], {
      verifier: refusing(new Set(), asked),
    });
    factory.world.push(debian, ['debian-1']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
    await factory.cycle();
    expect(asked.toSorted()).toEqual(['debian', 'debian-12']);
    expect(factory.world.calls.get(`look ${debian}`)).toBe(1);
  });

  it('is not asked about where our own builds move the tag', async () => {
    const asked: string[] = [];
    const factory = chain({ verifier: refusing(new Set(), asked) });
    await cycles(factory, 5, hour);
    expect(asked).toEqual(['debian-12']);
  });

  it('is not entered while the verifier does not answer: unverified, it could become the candidate', async () => {
    let answers = true;
    const factory = chain({
      verifier: {
        refusal: async () => {
          if (!answers) throw new Error('no verifier');
          return undefined;
        },
      },
    });
    await factory.cycle();
    answers = false;
    factory.world.now += day;
    factory.world.push(debian, ['debian-2']);
    await factory.cycle();
    expect(factory.state.bases.get('debian-12')?.ledger.length).toBe(1);
    answers = true;
    await factory.cycle();
    expect(factory.state.bases.get('debian-12')?.ledger.length).toBe(2);
  });
});
