import { expect, it } from 'vitest';
import { managed, place } from './testing/test-place.ts';

it('tells once of what a provider put off again and again', async () => {
  const at = await place();
  await at.enrol(managed(at, 'web'));
  const line = (minute: number, type: string, attempt: number): string =>
    `${JSON.stringify({ at: `2026-06-01T07:${minute}:00Z`, type, image: 'web', text: `${type} ${minute}`, data: { key: 'k', attempt } })}\n`;
  const lines = [10, 20, 30].flatMap((minute) => [
    line(minute, 'intent', 1),
    line(minute + 1, 'not-started', 1),
  ]);
  lines.push(line(40, 'intent', 2), line(41, 'rebuild-ended', 2));
  await at.write('state/events/2026-06/20260601T071000Z-1.jsonl', lines.join(''));
  const { events } = await at.ask<{ events: { type: string; text: string }[] }>('history', 'web');
  expect(events.map(({ text }) => text)).toEqual([
    'rebuild-ended 41',
    'intent 40',
    'not-started 31',
    'intent 30',
  ]);
});
