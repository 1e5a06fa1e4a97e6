import { expect, it } from 'vitest';
import { defaultProviders } from '../enrolment/provider-settings.ts';
import { forgeAddress } from './forge-address.ts';

it.each([
  ['https://api.github.com', 'https://github.com'],
  ['https://api.acme.ghe.com', 'https://acme.ghe.com'],
  ['https://github.example.com/api/v3', 'https://github.example.com'],
  ['https://api.example.com', 'https://api.example.com'],
  ['https://api.github.com.example.com', 'https://api.github.com.example.com'],
])('repositories of the API at %s are at %s', (url, expected) => {
  const github = { ...defaultProviders.github, url };
  expect(forgeAddress('github', { ...defaultProviders, github })).toBe(expected);
});

it('others have one address, or none', () => {
  expect(forgeAddress('gitlab', defaultProviders)).toBe('https://gitlab.com');
  for (const provider of ['gitea', 'local', 'webhook'] as const)
    expect(forgeAddress(provider, defaultProviders)).toBeUndefined();
});
