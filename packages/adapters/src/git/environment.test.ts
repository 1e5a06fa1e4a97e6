import { expect, it } from 'vitest';
import { gitEnvironment } from './environment.ts';

it.each([
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'GIT_PROXY_COMMAND',
  'GIT_HTTP_PROXY_AUTHMETHOD',
  'GIT_SSL_CAINFO',
])('lets %s through to git', (name) => {
  expect(gitEnvironment({ [name]: 'x' })[name]).toBe('x');
});

it.each(['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_WORK_TREE', 'GIT_TRACE'])('keeps %s from git', (name) => {
  expect(gitEnvironment({ [name]: 'x' })).not.toHaveProperty(name);
});
