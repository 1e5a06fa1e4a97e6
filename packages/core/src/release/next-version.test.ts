import fc from 'fast-check';
import { compare, valid } from 'semver';
import { describe, expect, it } from 'vitest';
import { imageRecord } from '@image-factory/testing/records.ts';
import type { ImageRecord } from '../state/types.ts';
import { nextVersion, type Bump, type VersionRequest } from './next-version.ts';

function given(record: ImageRecord, tags: readonly string[], request: Partial<VersionRequest> = {}) {
  const answer = nextVersion(record, tags, { bump: 'patch', now: 1, ...request });
  if (!answer.ok) throw new Error(answer.error);
  return answer.value;
}

const fresh = imageRecord({ name: 'web' });

describe('the next version', () => {
  it.each<[readonly string[], Partial<VersionRequest>, string]>([
    [[], {}, '0.1.0'],
    [['latest', '1', '1.2', 'sha256-abc.sig'], {}, '0.1.0'],
    [['1.2.3', '1.10.0', '1.9.9'], {}, '1.10.1'],
    [['v1.2.3'], { bump: 'minor' }, '1.3.0'],
    [['1.2.3+build.5'], { bump: 'major' }, '2.0.0'],
    [['1.2.3', '1.3.0-beta.4'], { bump: 'minor' }, '1.3.0'],
    [['1.2.3', '1.3.0-beta.4'], {}, '1.2.4'],
    [['2.0.0-rc.1'], {}, '2.0.0'],
    [['1.2.3'], { bump: 'minor', channel: 'beta' }, '1.3.0-beta.1'],
    [['1.2.3', '1.3.0-beta.1', '1.3.0-rc.7'], { bump: 'minor', channel: 'beta' }, '1.3.0-beta.2'],
    [[], { channel: 'rc' }, '0.1.0-rc.1'],
    [['1.2.3-alpine'], {}, '1.2.3'],
  ])('of %j with %j is %s', (tags, request, version) => {
    expect(given(fresh, tags, request).version).toBe(version);
  });

  it('is the same for the same key, and another for another', () => {
    const first = given(fresh, ['1.0.0'], { key: 'a' });
    expect(given(first.record, ['1.0.0', '1.0.1'], { key: 'a' })).toEqual({
      version: '1.0.1',
      fresh: false,
      record: first.record,
    });
    expect(given(first.record, ['1.0.0'], { key: 'b' }).version).toBe('1.0.2');
    const anew = given(given(fresh, []).record, []);
    expect([anew.version, anew.fresh]).toEqual(['0.1.1', true]);
  });

  it.each(['', '1', 'a.b', 'a b', 'x'.repeat(41)])('refuses the channel "%s"', (channel) => {
    expect(nextVersion(fresh, [], { bump: 'patch', channel, now: 1 }).ok).toBe(false);
  });

  it('never gives a version twice, and each is above the releases before it', () => {
    const bumps = fc.constantFrom<Bump>('patch', 'minor', 'major');
    const request = fc.record({ bump: bumps, channel: fc.constantFrom(undefined, 'beta', 'rc') });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 250 }), (requests) => {
        let record = fresh;
        const all = new Set<string>();
        let highest = '0.0.0';
        for (const { bump, channel } of requests) {
          const { version, record: next } = given(record, [], { bump, ...(channel ? { channel } : {}) });
          expect(valid(version)).toBe(version);
          expect(all.has(version)).toBe(false);
          expect(compare(version, highest)).toBe(1);
          if (!channel) highest = version;
          all.add(version);
          record = next;
        }
        expect(record.versions?.length ?? 0).toBeLessThanOrEqual(102);
      }),
      { numRuns: 50 },
    );
  });
});
