import { describe, expect, it } from 'vitest';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { Dependency, Pin } from '../state/types.ts';
import { runInputs } from './run-inputs.ts';

const a = `sha256:${'a'.repeat(64)}` as Digest;
const b = `sha256:${'b'.repeat(64)}` as Digest;

function pin(reference: string, digest = a): Pin {
  return { base: 'base', reference, digest };
}

function use(reference: string, written: string): Dependency {
  return {
    reference,
    written,
    kind: 'from',
    stage: '0',
    platform: 'linux/amd64' as PlatformName,
    final: true,
    base: 'base',
    range: '1:6-1:10',
  };
}

function inputs(pins: readonly Pin[], dependencies: readonly Dependency[] = []) {
  return runInputs({
    key: 'k'.repeat(32),
    attempt: 2,
    image: { name: 'web' },
    reason: 'base-updated',
    commit: undefined,
    pins,
    dependencies,
  });
}

describe('the inputs of a run', () => {
  it('are nine texts, the same whatever the order of the pins', () => {
    const pins = [pin('docker.io/library/node:22'), pin('127.0.0.1:5000/team/base:1', b)];
    const given = inputs(pins);
    expect(given).toEqual({
      factory_key: 'k'.repeat(32),
      factory_attempt: '2',
      factory_image: 'web',
      factory_reason: 'base-updated',
      factory_commit: '',
      factory_pins: `[{"reference":"127.0.0.1:5000/team/base:1","digest":"${b}"},{"reference":"docker.io/library/node:22","digest":"${a}"}]`,
      factory_build_contexts: `127.0.0.1:5000/team/base:1=docker-image://127.0.0.1:5000/team/base@${b}\ndocker.io/library/node:22=docker-image://docker.io/library/node@${a}`,
      factory_build_flags: `--build-context 127.0.0.1:5000/team/base:1=docker-image://127.0.0.1:5000/team/base@${b} --build-context docker.io/library/node:22=docker-image://docker.io/library/node@${a}`,
      factory_build_args: '',
    });
    expect(inputs(pins.toReversed())).toEqual(given);
  });

  it('mark the pin that the final image starts with, where there is one', () => {
    const [node, debian] = ['docker.io/library/node:22', 'docker.io/library/debian:12'];
    const pins = [pin(node), pin(debian, b)];
    const builder: Dependency = { ...use(node, 'node:22'), final: false };
    const given = JSON.parse(inputs(pins, [builder, use(debian, 'debian:12')]).factory_pins) as unknown;
    expect(given).toEqual([
      { reference: debian, digest: b, final: true },
      { reference: node, digest: a },
    ]);
    const two = [use(node, 'node:22'), use(debian, 'debian:12')];
    expect(inputs(pins, two).factory_pins).not.toContain('final');
  });

  it.each([
    ['$BASE', 'BASE'],
    ['${BASE}', 'BASE'],
    ['${BASE:-node:22}', 'BASE'],
    ['${BASE-node:22}', 'BASE'],
    ['"${BASE}"', 'BASE'],
  ])('%s takes the whole base by argument', (written, name) => {
    const reference = 'docker.io/library/node:22';
    expect(inputs([pin(reference)], [use(reference, written)]).factory_build_args).toBe(
      `${name}=docker.io/library/node@${a}`,
    );
  });

  it.each(['node:22', 'node:${T}', '${R}/node:22', '${A}${B}', '${BASE:+node:22}'])(
    '%s does not',
    (written) => {
      const reference = 'docker.io/library/node:22';
      expect(inputs([pin(reference)], [use(reference, written)]).factory_build_args).toBe('');
    },
  );

  it('a digest in the source is not overridden', () => {
    const reference = `docker.io/library/node:22@${b}`;
    const given = inputs([pin(reference)], [use(reference, '$BASE')]);
    expect([given.factory_build_contexts, given.factory_build_args]).toEqual(['', '']);
  });
});
