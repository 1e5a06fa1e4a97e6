import { expect, test } from 'vitest';
import { remembered } from './remember.ts';

function counted(): { readonly lengthOf: (text: string) => number; readonly asked: () => number } {
  let asked = 0;
  const lengthOf = remembered((text) => {
    asked += 1;
    return text.length;
  });
  return { lengthOf, asked: () => asked };
}

test('the same text is asked about once, also where the answer is nothing', () => {
  let asked = 0;
  const nothing = remembered(() => void (asked += 1));
  expect([nothing('a'), nothing('a'), nothing('b')]).toEqual([undefined, undefined, undefined]);
  expect(asked).toBe(2);
});

test('long texts, and more than a factory repeats, are not kept', () => {
  const { lengthOf, asked } = counted();
  const long = 'x'.repeat(10_000);
  expect([lengthOf(long), lengthOf(long), asked()]).toEqual([10_000, 10_000, 2]);
  for (let round = 0; round < 2; round += 1)
    for (let index = 0; index < 5000; index += 1) lengthOf(`text ${index}`);
  expect(asked()).toBe(2 + 5000 + 4000);
});
