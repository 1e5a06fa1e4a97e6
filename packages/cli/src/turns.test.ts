import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('nothing runs beside work that needs everything to itself, and all of it is done', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ alone: fc.boolean(), steps: fc.nat(5), fails: fc.boolean(), after: fc.nat(3) }), {
        maxLength: 20,
      }),
      async (works) => {
        const turns = createTurns();
        let beside = 0;
        let alone = 0;
        const all: Promise<unknown>[] = [];
        for (const work of works) {
          for (let step = 0; step < work.after; step++) await Promise.resolve();
          const run = async (): Promise<number> => {
            if (work.alone) alone++;
            else beside++;
            expect(alone === 0 || (alone === 1 && beside === 0)).toBe(true);
            for (let step = 0; step < work.steps; step++) await Promise.resolve();
            expect(alone === 0 || (alone === 1 && beside === 0)).toBe(true);
            if (work.alone) alone--;
            else beside--;
            if (work.fails) throw new Error('asked to');
            return work.steps;
          };
          all.push(
            (work.alone ? turns.alone(run) : turns.shared(run)).catch((thrown: unknown) => {
              expect((thrown as Error).message).toBe('asked to');
              return 'failed';
            }),
          );
        }
        expect(await Promise.all(all)).toEqual(works.map(({ fails, steps }) => (fails ? 'failed' : steps)));
      },
    ),
  );
});
