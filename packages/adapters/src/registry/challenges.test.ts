import { describe, expect, it } from 'vitest';
import { parseChallenges } from './challenges.ts';

function read(fields: string | string[] | undefined) {
  return parseChallenges(fields).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('WWW-Authenticate', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['Basic', [['basic', {}]]],
    ['Basic realm="a, b=c"', [['basic', { realm: 'a, b=c' }]]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:a/b:pull,push',
          },
        ],
      ],
    ],
    [
      'Bearer realm="https://x/token", Basic realm="x"',
      [
        ['bearer', { realm: 'https://x/token' }],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Basic, Bearer realm="r"',
      [
        ['basic', {}],
        ['bearer', { realm: 'r' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="r"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'r' }],
      ],
    ],
    [
      'Negotiate YWJj, Basic realm="r"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'r' }],
      ],
    ],
    ['  ,, Bearer   REALM = "r" ,\tservice=s,,', [['bearer', { realm: 'r', service: 's' }]]],
    [String.raw`Bearer realm="a\"b\\c"`, [['bearer', { realm: String.raw`a"b\c` }]]],
    ['Bearer realm="first", realm="second"', [['bearer', { realm: 'first' }]]],
    ['Bearer realm="never closed', [['bearer', {}]]],
    ['Bearer realm=', [['bearer', {}]]],
    ['=broken', []],
    [
      ['Basic realm="b"', 'Bearer realm="r"'],
      [
        ['basic', { realm: 'b' }],
        ['bearer', { realm: 'r' }],
      ],
    ],
    [
      'Bearer realm="r",error="insufficient_scope"',
      [['bearer', { realm: 'r', error: 'insufficient_scope' }]],
    ],
  ])('%j', (field, expected) => {
    expect(read(field)).toEqual(expected);
  });

  it('of any length is read in no time', () => {
    const started = performance.now();
    parseChallenges(Array(100).fill('Bearer '.repeat(100_000)));
    parseChallenges(`Bearer realm="${'\\'.repeat(1_000_000)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
