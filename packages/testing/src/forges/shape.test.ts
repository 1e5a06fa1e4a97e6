import { describe, expect, it } from 'vitest';
import { misfit, type Shape } from './shape.ts';

const shape: Shape = {
  fields: { id: 'number', name: 'text?', tags: { list: 'text', optional: true }, inputs: { map: 'text' } },
};

describe('the shape of a value', () => {
  it('fits', () => {
    for (const value of [
      { id: 1, inputs: {} },
      { id: 1, name: null, tags: ['a'], inputs: { a: 'b' } },
    ])
      expect(misfit(value, shape)).toBeUndefined();
  });

  it.each([
    [{ id: '1', inputs: {} }, '$.id: expected number, got string'],
    [{ id: 1, inputs: {}, nmae: 'x' }, '$.nmae: no such field'],
    [{ id: 1, inputs: { a: 2 } }, '$.inputs.a: expected text, got number'],
    [{ id: 1, tags: ['a', 3], inputs: {} }, '$.tags[1]: expected text, got number'],
    [{ id: 1 }, '$.inputs: expected an object, got undefined'],
    [[], '$: expected an object, got a list'],
    [null, '$: expected an object, got null'],
  ])('does not fit %j', (value, message) => {
    expect(misfit(value, shape)).toBe(message);
  });
});
