import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatProblem } from '@image-factory/core/problem.ts';
import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import { expect, it } from 'vitest';

it('docs/configuration.md shows only files that are accepted', async () => {
  const page = await readFile(join(import.meta.dirname, '../docs/configuration.md'), 'utf8');
  const examples = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text]) => text ?? '');
  expect(examples.length).toBeGreaterThanOrEqual(4);
  for (const text of examples) {
    const isFactory = text.startsWith('state:');
    const file = { path: isFactory ? 'factory.yaml' : 'images.yaml', text };
    const answer = readConfig(
      isFactory
        ? { images: { path: 'images.yaml', text: '' }, imagesDir: [], factory: file }
        : { images: file, imagesDir: [] },
    );
    expect([...answer.problems, ...answer.warnings].map(formatProblem)).toEqual([]);
  }
});

it('docs/notifications.md shows only channels that are accepted', async () => {
  const page = await readFile(join(import.meta.dirname, '../docs/notifications.md'), 'utf8');
  const [, text = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
  const answer = readConfig({
    images: { path: 'images.yaml', text: '' },
    imagesDir: [],
    factory: { path: 'factory.yaml', text },
  });
  expect([...answer.problems, ...answer.warnings].map(formatProblem)).toEqual([]);
  expect(answer.config?.settings.notifications.map(({ kind }) => kind)).toEqual([
    'slack',
    'webhook',
    'email',
    'issue',
  ]);
});
