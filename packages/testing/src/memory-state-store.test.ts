import { describe, expect, it } from 'vitest';
import { createMemoryState, createMemoryStateStore, type MemoryStep } from './memory-state-store.ts';
import { stateStoreContract } from './state-store-contract.ts';

stateStoreContract('memory', async () => {
  const state = createMemoryState();
  return {
    open: () => createMemoryStateStore({ state, at: () => Promise.resolve() }),
    commits: async () => state.commits.length,
    dispose: async () => {},
  };
});

describe('memory state store', () => {
  const put = (text: string) => ({ subject: 'put', change: () => new Map([['a', text]]) });

  it('passes by every step, and again when another writer was faster', async () => {
    const state = createMemoryState();
    const steps: MemoryStep[] = [];
    const store = createMemoryStateStore({
      state,
      at: async (step) => {
        steps.push(step);
        if (step === 'before push' && steps.length === 2)
          await createMemoryStateStore({ state }).commit(put('other'));
      },
    });
    await store.commit(put('mine'));
    expect(steps).toEqual(['before fetch', 'before push', 'before fetch', 'before push', 'after push']);
    expect(state.commits.map((commit) => commit.paths)).toEqual([['a'], ['a']]);
    expect(state.files.get('a')).toBe('mine');
  });

  it.each([
    ['before push', undefined],
    ['after push', 'mine'],
  ] as const)('dies %s and leaves %s', async (where, left) => {
    const state = createMemoryState();
    const store = createMemoryStateStore({
      state,
      at: (step) => {
        if (step === where) throw new Error('killed');
      },
    });
    await expect(store.commit(put('mine'))).rejects.toThrow('killed');
    expect(state.files.get('a')).toBe(left);
  });

  it('refuses like a hook', async () => {
    const store = createMemoryStateStore({
      refuse: (subject) => (subject === 'put' ? 'protected' : undefined),
    });
    await expect(store.commit(put('x'))).rejects.toMatchObject({
      problem: { code: 'STATE_REFUSED', message: 'protected' },
    });
    expect(store.state.commits).toEqual([]);
  });
});
