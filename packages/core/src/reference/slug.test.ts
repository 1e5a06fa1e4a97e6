import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { must } from '../result.ts';
import { parseReference } from './parse.ts';
import { imageSlug, uniqueSlug } from './slug.ts';

const written = { tagWritten: true };

function slugOf(text: string, tagWritten = true): string {
  return imageSlug(must(parseReference(text)), { tagWritten });
}

describe('names of base records', () => {
  test('repository without registry and library/, a dash, the tag', () => {
    expect(slugOf('docker.io/library/node:22-bookworm-slim')).toBe('node-22-bookworm-slim');
    expect(slugOf('gcr.io/distroless/python3-debian12', false)).toBe('distroless-python3-debian12');
    expect(slugOf('ghcr.io/acme/Backstage'.toLowerCase(), false)).toBe('acme-backstage');
    expect(slugOf('alpine:3.20_RC')).toBe('alpine-3-20-rc');
  });

  test('a name that is cut gets a hash, so that two long ones stay apart', () => {
    const long = `ghcr.io/${'a'.repeat(60)}/x`;
    const [first, second] = [slugOf(`${long}:1`), slugOf(`${long}:2`)];
    expect(first).toHaveLength(50);
    expect(first).toMatch(/^a{41}-[0-9a-f]{8}$/);
    expect(first).not.toBe(second);
  });

  test('who comes second gets a hash of the normalised reference, always the same', () => {
    const reference = must(parseReference('quay.io/x/node:22'));
    const taken = (name: string): boolean => name === 'x-node-22';
    const name = uniqueSlug(reference, written, taken);
    expect(name).toMatch(/^x-node-22-[0-9a-f]{8}$/);
    expect(uniqueSlug(reference, written, taken)).toBe(name);
    expect(uniqueSlug(reference, written, (other) => taken(other) || other === name)).toMatch(
      /-[0-9a-f]{12}$/,
    );
    expect(uniqueSlug(reference, written, () => false)).toBe('x-node-22');
  });

  test('every slug is a Kubernetes name of at most 50 characters', () => {
    const path = fc.stringMatching(/^[a-z0-9]{1,30}((\.|_|__|-{1,3}|\/)[a-z0-9]{1,30}){0,3}$/);
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}$/);
    fc.assert(
      fc.property(path, tag, (name, label) => {
        const reference = must(parseReference(`ghcr.io/${name}:${label}`));
        for (const slug of [
          imageSlug(reference, written),
          uniqueSlug(reference, written, (n) => n.length < 45),
        ]) {
          expect(slug).toMatch(/^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$/);
        }
      }),
    );
  });
});
