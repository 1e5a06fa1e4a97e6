import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  StateChanges,
  StateFiles,
  StateStore,
  Transaction,
} from '@image-factory/core/ports/state-store.ts';

/** One state, and stores on it as different processes would have them. */
export interface StateUnderTest {
  /** Another writer on the same state. */
  open(): StateStore;
  /** How many transactions the state has taken, where that can be counted. */
  commits?(): Promise<number>;
  dispose(): Promise<void>;
}

/** What every StateStore promises (design brief 4.5), held against one implementation. */
export function stateStoreContract(name: string, make: () => Promise<StateUnderTest>): void {
  describe(`state store contract: ${name}`, () => {
    let state: StateUnderTest;
    beforeEach(async () => {
      state = await make();
    });
    afterEach(async () => {
      await state.dispose();
    });

    it('is empty, without a version, before the first commit', async () => {
      const seen = await state.open().read();
      expect(seen).toEqual({ version: '', files: new Map() });
    });

    it('returns the state after a commit, and every store sees it', async () => {
      const store = state.open();
      const after = await store.commit(write({ 'images/a.yaml': 'name: a\n', 'engine.yaml': 'epoch: 1\n' }));
      expect(Object.fromEntries(after.files)).toEqual({
        'images/a.yaml': 'name: a\n',
        'engine.yaml': 'epoch: 1\n',
      });
      expect(after.version).not.toBe('');
      for (const reader of [store, state.open()]) {
        const seen = await reader.read();
        expect(seen.version).toBe(after.version);
        expect(new Map(seen.files)).toEqual(new Map(after.files));
      }
    });

    it.each([
      ['unicode', 'größe: "näher" 🏭\n'],
      ['no final newline', 'a: 1'],
      ['carriage returns', 'a: 1\r\nb: 2\r\n'],
      ['nothing', ''],
      ['quotes and backslashes', '"\\n" \'x\'\tdata 3\nfrom abc\n'],
      ['a large text', 'x'.repeat(1_500_000)],
    ])('keeps %s byte for byte', async (_, text) => {
      await state.open().commit(write({ 'events/2026-11/a b.jsonl': text }));
      const seen = await state.open().read();
      expect(seen.files.get('events/2026-11/a b.jsonl') === text).toBe(true);
    });

    it('removes files, and keeps the others', async () => {
      const store = state.open();
      await store.commit(write({ 'images/a.yaml': '1', 'images/b.yaml': '2', 'x/y/z.yaml': '3' }));
      const after = await store.commit(
        write({ 'images/a.yaml': null, 'x/y/z.yaml': null, 'not/there.yaml': null }),
      );
      expect([...after.files.keys()]).toEqual(['images/b.yaml']);
      expect([...(await state.open().read()).files.keys()]).toEqual(['images/b.yaml']);
    });

    it('lets a file take the place of an emptied folder, and back', async () => {
      const store = state.open();
      await store.commit(write({ 'a/b/c': '1', keep: 'k' }));
      await store.commit(write({ 'a/b/c': null, a: '2' }));
      expect(Object.fromEntries((await state.open().read()).files)).toEqual({ a: '2', keep: 'k' });
      await store.commit(write({ a: null, 'a/b/c': '3' }));
      expect(Object.fromEntries((await state.open().read()).files)).toEqual({ 'a/b/c': '3', keep: 'k' });
    });

    it('writes nothing for a change that is empty or equal', async () => {
      const store = state.open();
      const before = await store.commit(write({ 'images/a.yaml': '1' }));
      const count = await state.commits?.();
      expect((await store.commit(write({}))).version).toBe(before.version);
      expect((await store.commit(write({ 'images/a.yaml': '1', 'images/b.yaml': null }))).version).toBe(
        before.version,
      );
      expect((await state.open().read()).version).toBe(before.version);
      expect(await state.commits?.()).toBe(count);
    });

    it('computes an empty change on the newest state, not on a remembered one', async () => {
      const [first, second] = [state.open(), state.open()];
      await first.commit(write({ flag: 'no' }));
      await second.commit(write({ flag: 'yes' }));
      const ifYes = (files: StateFiles) => changes(files.get('flag') === 'yes' ? { seen: 'yes' } : {});
      const after = await first.commit({ subject: 'look', change: ifYes });
      expect(after.files.get('seen')).toBe('yes');
    });

    it('gives a change that throws back to its caller and writes nothing', async () => {
      const store = state.open();
      await store.commit(write({ 'images/a.yaml': '1' }));
      const failing = store.commit({
        subject: 'fails',
        change: () => {
          throw new Error('no such image');
        },
      });
      await expect(failing).rejects.toThrow('no such image');
      await store.commit(write({ 'images/b.yaml': '2' }));
      expect([...(await state.open().read()).files.keys()].toSorted()).toEqual([
        'images/a.yaml',
        'images/b.yaml',
      ]);
    });

    it.each([
      '../outside',
      '/absolute',
      'a/../../b',
      '.git/config',
      'a//b',
      '',
      'new\nline',
      'images/a.yaml/below',
    ])('refuses to write %j, and the rest of that transaction with it', async (path) => {
      const store = state.open();
      await store.commit(write({ 'images/a.yaml': '1' }));
      await expect(store.commit(write({ 'images/good.yaml': '1', [path]: 'x' }))).rejects.toMatchObject({
        problem: { code: 'INTERNAL' },
      });
      expect([...(await state.open().read()).files.keys()]).toEqual(['images/a.yaml']);
    });

    it('leaves snapshots as they were', async () => {
      const store = state.open();
      const first = await store.commit(write({ a: '1', b: '1' }));
      await store.commit(write({ a: '2', b: null, c: '3' }));
      await store.read();
      expect(Object.fromEntries(first.files)).toEqual({ a: '1', b: '1' });
    });

    it('takes commits of one store in the order in which they were asked for', async () => {
      const store = state.open();
      const seen = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          store.commit(append('log', `${index} `)).then(({ files }) => files.get('log')),
        ),
      );
      expect(seen.at(-1)).toBe('0 1 2 3 4 5 6 7 8 9 10 11 ');
      expect(seen[0]).toBe('0 ');
    });

    it('does not start what is aborted', async () => {
      const store = state.open();
      await store.commit(write({ a: '1' }));
      await expect(store.commit(write({ a: '2' }), AbortSignal.abort(new Error('stop')))).rejects.toThrow(
        'stop',
      );
      expect((await state.open().read()).files.get('a')).toBe('1');
    });

    it('loses no update of six writers that write at once', async () => {
      const writers = Array.from({ length: 6 }, () => state.open());
      const all = writers.map(async (store, writer) => {
        for (let round = 0; round < 5; round += 1) {
          await store.commit({
            subject: `writer ${writer} round ${round}`,
            change: (files) =>
              changes({
                counter: String(Number(files.get('counter') ?? 0) + 1),
                [`own/${writer}-${round}`]: 'x',
                log: `${files.get('log') ?? ''}${writer}-${round}\n`,
              }),
          });
        }
      });
      await Promise.all(all);
      const { files } = await state.open().read();
      expect(files.get('counter')).toBe('30');
      expect(new Set(files.get('log')?.trim().split('\n')).size).toBe(30);
      expect([...files.keys()].filter((path) => path.startsWith('own/')).length).toBe(30);
      if (state.commits) expect(await state.commits()).toBe(30);
    }, 120_000);
  });
}

function write(texts: Readonly<Record<string, string | null>>): Transaction {
  return { subject: 'Write', change: () => changes(texts) };
}

function append(path: string, text: string): Transaction {
  return {
    subject: `Append to ${path}`,
    change: (files) => changes({ [path]: (files.get(path) ?? '') + text }),
  };
}

function changes(texts: Readonly<Record<string, string | null>>): StateChanges {
  return new Map(Object.entries(texts));
}
