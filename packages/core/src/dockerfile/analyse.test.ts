import { describe, expect, test } from 'vitest';

import type { PlatformName } from '../reference/types.ts';
import { dependenciesOf, type AnalysisOptions } from './analyse.ts';
import type { BaseDependency } from './dependency.ts';
import { toExpectShape } from './expect-shape.ts';

const noTriggers: AnalysisOptions = { onbuildOf: () => [] };

function basesOf(lines: readonly string[], options: AnalysisOptions = noTriggers): readonly BaseDependency[] {
  const { bases, error } = dependenciesOf(lines.join('\n'), options);
  expect(error).toBeUndefined();
  return bases;
}

function errorOf(lines: readonly string[], options: AnalysisOptions = noTriggers): string | undefined {
  const { error } = dependenciesOf(lines.join('\n'), options);
  return error && `${error.class} ${error.line ?? '-'}:${error.column ?? '-'}`;
}

describe('where a base stands', () => {
  test('base word, --from and mount have their ranges', () => {
    const bases = basesOf([
      'FROM --platform=$BUILDPLATFORM node:22 AS build',
      'FROM alpine',
      'COPY --chown=1 --from="busybox:1" /a /b',
      'RUN --mount=type=bind,from=redis,target=/x true',
      'COPY --from=build /x /x',
    ]);
    expect(
      bases.map(({ written, range }) => [written, range?.startLine, range?.startColumn, range?.endColumn]),
    ).toEqual([
      ['node:22', 1, 32, 39],
      ['alpine', 2, 6, 12],
      ['"busybox:1"', 3, 23, 34],
      ['redis', 4, 28, 33],
    ]);
  });

  test('a word that a continuation splits spans both lines', () => {
    const [base] = basesOf(['FROM \\', '  alp\\', 'ine:3 AS x']);
    expect(base).toMatchObject({
      ref: 'alpine:3',
      written: 'alpine:3',
      range: { startLine: 2, startColumn: 3, endLine: 3, endColumn: 6 },
    });
  });

  test('columns count a byte order mark, and the frontend has a range too', () => {
    const [syntax, base] = dependenciesOf('\uFEFF# syntax=docker/dockerfile:1\nFROM a', noTriggers).bases;
    expect(syntax).toMatchObject({ kind: 'syntax', range: { startLine: 1, startColumn: 11, endColumn: 30 } });
    expect(base?.range).toMatchObject({ startLine: 2, startColumn: 6 });
  });

  test('an ARG default that alone decides the word is the place to rewrite', () => {
    const [base] = basesOf(['ARG A=1 NODE="22"', 'FROM node:${NODE}-slim']);
    expect(base?.args).toEqual(['NODE']);
    expect(base?.argValue).toEqual({
      name: 'NODE',
      value: '"22"',
      range: { startLine: 1, startColumn: 14, endLine: 1, endColumn: 18 },
    });
  });

  test('no such place: two variables, a modifier, a build argument, a default made of others', () => {
    const given = { ...noTriggers, buildArgs: new Map([['V', '9']]) };
    expect(basesOf(['ARG V=1 W=2', 'FROM a:$V$W'])[0]?.argValue).toBeUndefined();
    expect(basesOf(['ARG V=1', 'FROM a:${V:-2}'])[0]?.argValue).toBeUndefined();
    expect(basesOf(['ARG V=1', 'FROM a:$V'], given)[0]?.argValue).toBeUndefined();
    const [base] = basesOf(['ARG A=1 B=x$A', 'FROM a:$B']);
    expect(base?.argValue).toBeUndefined();
    expect(base?.args).toEqual(['B', 'A']);
  });
});

describe('which base the image begins with', () => {
  test("the end of the target's FROM chain", () => {
    const bases = basesOf(['FROM golang AS b', 'FROM alpine AS base', 'FROM base', 'COPY --from=b x y']);
    expect(bases.map(({ ref, final }) => [ref, final])).toEqual([
      ['golang', false],
      ['alpine', true],
    ]);
  });

  test('stages tell what they stand on and what is reached', () => {
    const { stages } = dependenciesOf('FROM a AS x\nFROM x\nFROM b', { ...noTriggers, target: 'X' });
    expect(stages).toMatchObject([
      { stage: 'x', reachable: true, target: true },
      { stage: '1', baseStage: 'x', reachable: false },
      { stage: '2', reachable: false, target: false },
    ]);
  });
});

describe('used and merely resolved', () => {
  test('a --from of which only heredocs are copied is not used, nor is what it stands on', () => {
    const bases = basesOf(['FROM redis AS r', 'FROM alpine', 'COPY --from=r <<EOF /y', 'x', 'EOF']);
    expect(bases.map(({ ref, resolvedOnly }) => [ref, resolvedOnly])).toEqual([
      ['redis', true],
      ['alpine', undefined],
    ]);
  });

  test('the same image twice in a stage is one in the JSON form, and used if one place uses it', () => {
    const analysis = dependenciesOf(
      'FROM scratch\nRUN --mount=type=tmpfs,from=nginx,target=/x true\nRUN --mount=from=nginx,target=/x true',
      noTriggers,
    );
    expect(analysis.bases).toHaveLength(2);
    expect(toExpectShape(analysis).bases).toEqual([
      {
        ref: 'nginx',
        normalized: 'docker.io/library/nginx:latest',
        kind: 'mount-from',
        stage: '0',
        platform: 'linux/amd64',
      },
    ]);
  });
});

describe('several target platforms', () => {
  test('each has its own base, and what is built for the builder is one', () => {
    const bases = basesOf(['FROM --platform=$BUILDPLATFORM go AS b', 'FROM alpine', 'COPY --from=b x y'], {
      ...noTriggers,
      platforms: ['linux/amd64', 'linux/arm64'] as PlatformName[],
    });
    expect(bases.map(({ ref, platform }) => `${ref} ${platform}`)).toEqual([
      'go linux/amd64',
      'alpine linux/amd64',
      'alpine linux/arm64',
    ]);
  });
});

describe('what the file does not tell', () => {
  test('triggers of a base image are unknown unless somebody knows its config', () => {
    expect(dependenciesOf('FROM alpine').unknowns).toEqual(['onbuild']);
    expect(dependenciesOf('FROM scratch').unknowns).toEqual([]);
    expect(dependenciesOf('FROM alpine', { onbuildOf: () => undefined }).unknowns).toEqual(['onbuild']);
  });

  test('a trigger of a base image has no place in this file', () => {
    const bases = basesOf(['FROM alpine'], { onbuildOf: () => ['COPY --from=nginx:1 /a /b'] });
    expect(bases[1]).toMatchObject({ ref: 'nginx:1', onbuild: true, written: 'nginx:1' });
    expect(bases[1]?.range).toBeUndefined();
  });

  test('a foreign frontend may read the body in any language', () => {
    const analysis = dependenciesOf('# syntax=ghcr.io/acme/language:1\nwhatever', noTriggers);
    expect(analysis.unknowns).toEqual(['foreign-frontend']);
    expect(analysis.bases.map(({ normalized }) => normalized)).toEqual(['ghcr.io/acme/language:1']);
    expect(analysis.error).toBeUndefined();
  });

  test('mirrors of docker/dockerfile read Dockerfiles', () => {
    const { bases } = dependenciesOf('# syntax=mirror.gcr.io/docker/dockerfile:1\nFROM a', noTriggers);
    expect(bases.map(({ kind }) => kind)).toEqual(['syntax', 'from']);
  });
});

describe('errors have a class and a line', () => {
  test.each<[string, string[]]>([
    ['INVALID_FLAG 3:-', ['FROM a', '', 'COPY --form=x y z']],
    ['INVALID_REFERENCE 2:6', ['FROM a', 'FROM Upper']],
    ['COPY_FROM_VARIABLE 2:-', ['FROM a', 'COPY --from=$X y z']],
    ['INVALID_STAGE_INDEX 2:-', ['FROM a', 'COPY --from=9 y z']],
    ['CIRCULAR_DEPENDENCY 2:-', ['FROM a AS x', 'COPY --from=x y z']],
    ['INVALID_CONTEXT 1:-', ['FROM a AS x..y']],
    ['BAD_SUBSTITUTION 3:-', ['FROM a', 'ARG V=1', 'ENV X=${V']],
    ['INVALID_MOUNT 2:-', ['FROM a', 'RUN --mount=type=nope,target=/x true']],
    ['INVALID_INSTRUCTION 2:-', ['FROM a', 'EXPOSE 90-80']],
    ['INVALID_INSTRUCTION 2:-', ['FROM a', 'STOPSIGNAL NOPE']],
    ['INVALID_INSTRUCTION 2:-', ['FROM a', 'COPY http://a/b /c']],
    ['DUPLICATE_DIRECTIVE 2:-', ['# escape=`', '# escape=\\', 'FROM a']],
    ['UNTERMINATED_HEREDOC 2:-', ['FROM a', 'RUN <<EOF', 'x']],
    ['UNKNOWN_INSTRUCTION 1:-', ['FROM\u0085 a']],
  ])('%s', (expected, lines) => {
    expect(errorOf(lines)).toBe(expected);
  });

  test('a frontend reference that cannot be one comes before everything', () => {
    expect(errorOf(['# syntax=No/Such', 'NONSENSE'])).toBe('INVALID_REFERENCE 1:10');
  });

  test('triggers that never end are refused', () => {
    const images = { onbuildOf: () => ['COPY --from=$X a b'] };
    expect(errorOf(['FROM a'], images)).toBe('COPY_FROM_VARIABLE 1:-');
    expect(errorOf(['FROM a'], { onbuildOf: () => ['RUN x', 'A\nB'] })).toBe('INVALID_ONBUILD 1:-');
  });
});
