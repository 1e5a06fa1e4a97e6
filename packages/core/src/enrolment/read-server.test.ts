import { describe, expect, it } from 'vitest';
import { readConfig } from './read-config.ts';
import { defaultServer, parseListen } from './server-settings.ts';

function read(factory: string) {
  return readConfig({
    images: { path: 'images.yaml', text: '[]' },
    imagesDir: [],
    factory: { path: 'factory.yaml', text: factory },
  });
}

describe('server of factory.yaml', () => {
  it('has this machine and no token where nothing is said', () => {
    expect(read('').config?.settings.server).toEqual(defaultServer);
    expect(read('server: {}').config?.settings.server).toEqual(defaultServer);
  });

  it('reads what is written', () => {
    const { config, problems } = read('server: { listen: "0.0.0.0:80", token: { env: FACTORY_API_TOKEN } }');
    expect(problems).toEqual([]);
    expect(config?.settings.server).toEqual({
      listen: { host: '0.0.0.0', port: 80 },
      token: { kind: 'env', name: 'FACTORY_API_TOKEN' },
    });
  });

  it.each(['8480', ':8480', 'host', 'host:99999', '::1:80', 'a b:80', '[zz]:80', 'host:80/path', '-a:80'])(
    'refuses listen: %s',
    (listen) => {
      const { problems } = read(`server: { listen: "${listen}" }`);
      expect(problems).toMatchObject([
        { code: 'CONFIG_INVALID_VALUE', message: expect.stringContaining('is not host:port') },
      ]);
    },
  );

  it('refuses a token that git would be asked for, without an address', () => {
    const { problems } = read('server: { token: { gitCredential: true } }');
    expect(problems).toMatchObject([{ code: 'CONFIG_CONFLICT', place: { line: 1 } }]);
  });

  it('refuses a token that stands in the file', () => {
    expect(read('server: { token: { env: ghp_0123456789abcdef } }').problems[0]?.message).not.toContain(
      'ghp_',
    );
    expect(read('server: { token: { env: ghp_0123456789abcdef } }').problems.length).toBe(1);
  });
});

it.each([
  ['[::1]:80', { host: '::1', port: 80 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['image-factory.svc:8480', { host: 'image-factory.svc', port: 8480 }],
])('%s is read', (written, expected) => {
  expect(parseListen(written)).toEqual(expected);
});
