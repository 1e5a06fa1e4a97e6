import { baseWith, builtOn, days, uses } from '@image-factory/testing/plan-input.ts';
import { amd64, digest, platformContent, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { ImageContent } from '../state/types.ts';
import { builtFromOf, withContent } from './content.ts';

const node = baseWith([
  [-100, 'old'],
  [0, 'new'],
]);
const image = builtOn([node], ['old'], -50, { name: 'app' });

function made(layers: readonly string[], name = 'made'): ImageContent {
  return { digest: digest(name), firstSeen: days(9), platforms: { [amd64]: platformContent(layers) } };
}

describe('what is inside', () => {
  it('leaves out bases of which nothing is known', () => {
    const other = baseWith([[-100, 'alp']], { repository: 'library/alpine', tag: '3' });
    const both = uses([node, other], { name: 'app', content: made(['old', 'x']) });
    const bases = new Map([node, other].map((base) => [base.name, base]));
    expect(builtFromOf(both, bases, [])).toEqual({
      'node-22': { digest: digest('old'), evidence: 'layers' },
    });
  });

  it('is found again for a content that was not built by us', () => {
    const after = withContent(
      stateOf({ images: [image], bases: [node] }),
      'app',
      made(['new', 'by hand'], 'hand'),
      [],
    );
    expect(after.images.get('app')).toMatchObject({
      currentDigest: digest('hand'),
      builtFrom: { 'node-22': { digest: digest('new'), evidence: 'layers' } },
    });
  });
});
