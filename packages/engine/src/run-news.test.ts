import { intent } from '@image-factory/testing/records.ts';
import { expect, it } from 'vitest';
import { createRunNews } from './run-news.ts';

function listening() {
  const heard = { rung: 0, news: createRunNews({ ring: () => void heard.rung++ }) };
  return heard;
}

const intents = (run?: string) =>
  new Map([
    [
      'app',
      intent({
        image: 'app',
        provider: 'github',
        ...(run === undefined ? {} : { run: { id: run, startedAt: 0 } }),
      }),
    ],
  ]);

it('before anything is known any run may be that of an open rebuild', () => {
  const heard = listening();
  expect(heard.news.hear('github', '7')).toBe(true);
  expect(heard.rung).toBe(1);
});

it('only news of open rebuilds rings', () => {
  const heard = listening();
  heard.news.known(intents('7'));
  expect(heard.news.hear('github', '7')).toBe(true);
  expect(heard.news.hear('github', '8')).toBe(false);
  expect(heard.news.hear('gitlab', '7')).toBe(false);
  expect(heard.rung).toBe(1);
});

it('a run that began and ended while a cycle ran is followed after it', () => {
  const heard = listening();
  heard.news.known(new Map());
  expect(heard.news.hear('github', '7')).toBe(false);
  heard.news.known(intents('7'));
  expect(heard.rung).toBe(1);
  heard.news.known(intents('7'));
  expect(heard.rung).toBe(1);
});

it('what was news before a cycle is none for a rebuild that has no run after it', () => {
  const heard = listening();
  heard.news.known(new Map());
  heard.news.hear('github', '7');
  heard.news.known(intents());
  expect(heard.rung).toBe(0);
});
