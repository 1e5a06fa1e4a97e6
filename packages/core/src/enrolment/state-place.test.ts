import { expect, it } from 'vitest';
import { readConfig } from './read-config.ts';
import { quickStatePlace } from './state-place.ts';

it.each([
  undefined,
  'engine: embedded\n',
  'state: { mode: directory }\n',
  'limits:\n  concurrent: 2\nstate:\n  mode: directory\n',
  'state:\n  mode: git # the default branch\n',
  'state:\n  mode: git\n',
  'state: {}\n',
])('agrees with the whole reader: %j', (text) => {
  const factory = text === undefined ? undefined : { path: 'factory.yaml', text };
  const images = { path: 'images.yaml', text: '[]\n' };
  const { config } = readConfig({ images, imagesDir: [], factory });
  const quick = quickStatePlace(text);
  if (text?.includes('#')) expect(quick).toBeUndefined();
  else expect(quick).toEqual(config?.settings.state);
});

it.each([
  'state:\n  mode: git\n  branch: other\n',
  'state:\n  mode: elsewhere\n',
  'state: directory\n',
  'state:\n',
  'state: [\n',
  '- state\n',
  'state:\n  mode: directory\n  remote: x\n',
])('leaves to the whole reader: %j', (text) => expect(quickStatePlace(text)).toBeUndefined());
