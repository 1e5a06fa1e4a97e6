import { defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import { expect, it } from 'vitest';
import type { EngineDeps } from './deps.ts';
import { externalTags } from './external-tags.ts';
import { external, TestFactory } from './test-factory.ts';

it('are listed anew where a person asks for it', async () => {
  const asked: unknown[] = [];
  const listTags: EngineDeps['registry']['listTags'] = async (_reference, options) => {
    asked.push(options?.force);
    return ['15', '16'];
  };
  const deps = { registry: { listTags } } as unknown as EngineDeps;
  const images = [external('postgres', '^\\d+$')];
  const { state } = new TestFactory(images);
  for (const force of [true, false])
    expect(
      await externalTags(deps, images, state, [], {
        settings: defaultSettings,
        force,
        news: new Set(),
        again: () => false,
      }),
    ).toEqual(new Map([['postgres', ['16', '15']]]));
  expect(asked).toEqual([true, false]);
});
