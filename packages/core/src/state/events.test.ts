import { anEvent } from '@image-factory/testing/arbitrary-records.ts';
import { epoch } from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvents, encodeEvents, eventChanges, foldClosedMonths, foldMonth } from './events.ts';
import type { Event } from './types.ts';

const first: Event = { at: epoch, type: 'base-moved', base: 'node-22', text: 'node-22 moved' };
const second: Event = {
  at: epoch + 1,
  type: 'rebuild-started',
  image: 'app',
  text: 'app is rebuilt',
  data: { key: 'k' },
};
const events = [first, second];

describe('events', () => {
  it('are lines of JSON with times in words, and are read back', () => {
    expect(encodeEvents(events)).toBe(
      '{"at":"2026-01-01T00:00:00Z","type":"base-moved","base":"node-22","text":"node-22 moved"}\n' +
        '{"at":"2026-01-01T00:00:00.001Z","type":"rebuild-started","image":"app","text":"app is rebuilt","data":{"key":"k"}}\n',
    );
    fc.assert(
      fc.property(fc.array(anEvent), (some) => {
        expect(decodeEvents(encodeEvents(some))).toEqual({ events: some, unreadable: 0 });
      }),
    );
    expect(decodeEvents('{"at":"2026-01-01T00:00:00Z","type":"a","text":"b"}\n{torn\n\n[]\n')).toMatchObject({
      events: [{ type: 'a' }],
      unreadable: 2,
    });
  });

  it('have a path that depends on them alone', () => {
    const [path] = [...eventChanges(events).keys()];
    expect(path).toMatch(/^events\/2026-01\/20260101T000000Z-[0-9a-f]{16}\.jsonl$/);
    expect([...eventChanges(structuredClone(events)).keys()]).toEqual([path]);
    expect([...eventChanges(events.slice(0, 1)).keys()]).not.toEqual([path]);
    expect(eventChanges([]).size).toBe(0);
    expect([...eventChanges(events)]).toEqual([[path, encodeEvents(events)]]);
  });

  it('of a closed month are folded into one file, in order, losing no line', () => {
    const third: Event = { at: epoch + 40 * 86_400_000, type: 'x', text: 'february' };
    const files = new Map([...eventChanges([second]), ...eventChanges([first]), ...eventChanges([third])] as [
      string,
      string,
    ][]);
    files.set('events/2026-01/zz.jsonl', 'torn line\n');
    const changes = foldMonth(files, '2026-01');
    expect(changes.get('events/2026-01/all.jsonl')).toBe('torn line\n' + encodeEvents(events));
    expect([...changes.values()].filter((text) => text === null)).toHaveLength(3);

    const folded = new Map([['events/2026-01/all.jsonl', changes.get('events/2026-01/all.jsonl') ?? '']]);
    expect(foldMonth(folded, '2026-01').size).toBe(0);
    const late: Event = { at: epoch, type: 'late', text: 'late' };
    for (const [path, text] of eventChanges([late])) folded.set(path, text ?? '');
    expect(
      decodeEvents(foldMonth(folded, '2026-01').get('events/2026-01/all.jsonl') ?? '').events.map(
        ({ type }) => type,
      ),
    ).toEqual(['base-moved', 'late', 'rebuild-started']);
    expect(
      [...foldClosedMonths(files, third.at).keys()].every((path) => path.startsWith('events/2026-01/')),
    ).toBe(true);
    expect(foldClosedMonths(files, epoch).size).toBe(0);
  });
});
