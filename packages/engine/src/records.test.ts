import { decodeEvents } from '@image-factory/core/state/events.ts';
import type { Event, FactoryState, LedgerEntry } from '@image-factory/core/state/types.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { createMemoryStateStore } from '@image-factory/testing/memory-state-store.ts';
import { baseRecord, digest, imageRecord, ledgerEntry, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { openRecords, type Change } from './records.ts';
import { debian, image, TestFactory } from './test-factory.ts';

function happened(at: number, text: string): Event {
  return { at, type: 'test', text };
}

function only(...events: Event[]): Change {
  return (state) => ({ state, events });
}

function months(files: ReadonlyMap<string, string>): string[] {
  return [...files.keys()]
    .filter((path) => path.startsWith('events/'))
    .map((path) => path.replace(/[^/]*Z-[0-9a-f]{16}/, '*'));
}

describe('the audit log', () => {
  it('becomes one file per month when the first thing happens in a later one, and not by a commit of its own', async () => {
    const store = createMemoryStateStore();
    const records = openRecords({ store, dry: false });
    await records.load();
    for (const [month, date] of [
      [0, 5],
      [0, 20],
      [1, 3],
      [1, 4],
    ] as const) {
      await records.transact('Test', only(happened(Date.UTC(2026, month, date), `${month}/${date}`)));
    }
    expect(months(records.files)).toEqual(
      ['events/2026-02/*.jsonl', 'events/2026-02/*.jsonl', 'events/2026-01/all.jsonl'].toSorted((a, b) =>
        a < b ? -1 : 1,
      ),
    );
    expect(store.state.commits.length).toBe(4);
    const january = decodeEvents(records.files.get('events/2026-01/all.jsonl') ?? '');
    expect(january.events.map(({ text }) => text)).toEqual(['0/5', '0/20']);
    await records.transact('Test', (state) => ({ state, events: [] }));
    expect(store.state.commits.length).toBe(4);
    await records.transact('Test', only(happened(Date.UTC(2026, 3, 1), 'april')));
    expect(months(records.files).toSorted()).toEqual([
      'events/2026-01/all.jsonl',
      'events/2026-02/all.jsonl',
      'events/2026-04/*.jsonl',
    ]);
  });

  it('keeps what a slow process writes into a month that was folded already', async () => {
    const store = createMemoryStateStore();
    const records = openRecords({ store, dry: false });
    await records.load();
    const at = [Date.UTC(2026, 0, 5), Date.UTC(2026, 1, 1), Date.UTC(2026, 0, 31), Date.UTC(2026, 1, 2)];
    for (const [index, time] of at.entries())
      await records.transact('Test', only(happened(time, String(index))));
    const january = decodeEvents(records.files.get('events/2026-01/all.jsonl') ?? '');
    expect(january.events.map(({ text }) => text)).toEqual(['0', '2']);
  });

  it('is folded by ordinary work, and never by a cycle without news', async () => {
    const factory = new TestFactory([image('app')]);
    factory.world.push(debian, ['debian-1']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
    await factory.cycle();
    factory.world.now += hour;
    await factory.cycle();
    factory.world.now += 40 * day;
    const { version } = factory.world;
    await factory.cycle();
    expect(factory.world.version).toBe(version);
    factory.world.push(debian, ['debian-2']);
    await factory.cycle();
    expect(months(factory.world.files).toSorted()).toEqual([
      'events/2026-01/all.jsonl',
      'events/2026-02/*.jsonl',
    ]);
  });
});

describe('old ledger entries', () => {
  const begun = Date.UTC(2026, 0, 1);

  /** A tag that was pushed every hour for so many days, and an image built from it. */
  function busy(days: number): FactoryState {
    const ledger = Array.from({ length: days * 24 }, (_, index): LedgerEntry => {
      const at = begun + index * hour;
      const replaced = index < days * 24 - 1 ? { replacedAt: at + hour, lastSeenAt: at, stood: 0 } : {};
      return ledgerEntry({ digest: digest(`push ${index}`), firstSeen: at, ...replaced });
    });
    const base = baseRecord({ ledger });
    return stateOf({ images: [imageRecord({ baseImages: [base.name] })], bases: [base] });
  }

  async function kept(days: number, delay: number | undefined): Promise<number> {
    const store = createMemoryStateStore();
    const records = openRecords({
      store,
      dry: false,
      ...(delay === undefined ? {} : { delayOf: () => delay }),
    });
    await records.load();
    await records.transact('Test', () => ({ state: busy(days), events: [] }));
    return records.state.bases.get('node-22')?.ledger.length ?? 0;
  }

  it('stay for twice the delay in force, because until then they may become the candidate', async () => {
    expect(await kept(30, 7 * day)).toBe(15 * 24 + 1);
    expect(await kept(90, 30 * day)).toBe(61 * 24 + 1);
  });

  it('leave where the delay is short, down to the hundred newest', async () => {
    expect(await kept(30, hour)).toBe(100);
  });

  it('stay where no delay is known', async () => {
    expect(await kept(30, undefined)).toBe(30 * 24);
  });

  it('of an external image stay as long, for its own delay', async () => {
    const ledger =
      busy(30)
        .bases.get('node-22')
        ?.ledger.map((entry) => ({ ...entry, tag: '16' })) ?? [];
    const state = stateOf({
      images: [imageRecord({ name: 'postgres', discoveryStatus: 'external', ledger })],
    });
    const records = openRecords({ store: createMemoryStateStore(), dry: false, delayOf: () => 7 * day });
    await records.load();
    await records.transact('Test', () => ({ state, events: [] }));
    expect(records.state.images.get('postgres')?.ledger.length).toBe(15 * 24 + 1);
  });
});
