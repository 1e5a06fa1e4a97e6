import { day, hour } from '@image-factory/core/time.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { managed, place, settings, stateBranch, type Place } from './testing/test-place.ts';

let at: Place;
let url: string;

const token = 'job-token-0123';

beforeEach(async () => {
  at = await place();
  const server = await at.remote.serve({ credential: `x-access-token:${token}` });
  url = server.url.replace(/\/([^/]+)$/, '/acme/$1');
  at.env['FACTORY_GIT_TOKEN'] = token;
  await at.registry.pushImage('library/base', '1', { layers: ['one'] });
  await commit('kargo');
});

async function commit(engine: 'embedded' | 'kargo'): Promise<void> {
  const { host } = at.registry;
  await at.remote.commit({
    'app/Dockerfile': `FROM ${host}/library/base:1\nCOPY . /app\n`,
    'platform/factory/images.yaml': `
- name: app
  registry: ${host}
  repository: acme/app
  source: { provider: github, repo: "${url}", branch: main, dockerfile: app/Dockerfile }
`,
    'platform/factory/factory.yaml': `
engine: ${engine}
state: { mode: git }
registries: { "${host}": { insecure: true } }
providers: { github: { url: "${new URL(url).origin}" } }
`,
  });
}

function job(...argv: readonly string[]) {
  return at.runBare(
    ...argv,

    '--log-level',
    'warn',
    '--git-repo',
    url,
    '--git-branch',
    'main',
    '--image-factory-dir',
    'platform/factory',
  );
}

describe('Jobs of the kargo engine', () => {
  it('clone the factory directory, decide, and leave the start to Kargo', async () => {
    const { exit, err } = await job('run', '--once');
    const files = await at.remote.files(stateBranch);
    const intent = files.get('intents/app.yaml') ?? '';
    expect({ exit, intent: intent !== '' }, err).toEqual({ exit: 0, intent: true });
    expect(files.get('engine.yaml')).toContain('engine: kargo');
    const { request = '' } = (await at.state()).intents.get('app') ?? {};
    const { ref, inputs } = JSON.parse(request) as { ref: string; inputs: Record<string, string> };
    expect(ref).toBe('main');
    expect(inputs).toMatchObject({ factory_image: 'app', factory_attempt: '1' });
    expect(inputs['factory_build_contexts']).toContain('library/base@sha256:');
    expect((await at.remote.log(stateBranch))[0]).toMatch(/^Start 1 rebuild: app/);
    // Decided once: it is open.
    await job('run', '--once');
    expect((await at.remote.files(stateBranch)).get('intents/app.yaml')).toBe(intent);
  });

  it('look only where there is news', async () => {
    await job('run', '--once');
    at.pass(2 * day);
    at.registry.log.clear();
    await job('run', '--once');
    const asked = () => at.registry.log.all().filter(({ path }) => path.includes('library/base/manifests/1'));
    expect(asked()).toHaveLength(0);
    const news = await at.registry.pushImage('library/base', '1', { layers: ['two'] });
    const base = Object.values((await at.state()).bases.keys().toArray())[0] ?? '';
    // The run of its open intent is not there; that is told, and stops nothing.
    const { err } = await job('observe', '--name', base, '--tag', '1', '--digest', news.descriptor.digest);
    expect(asked().length, err).toBeGreaterThan(0);
    expect((await at.state()).bases.get(base)?.ledger.at(-1)?.digest).toBe(news.descriptor.digest);
  });

  it('say what is wrong with the flags, and never the token', async () => {
    at.env['FACTORY_GIT_TOKEN'] = 'wrong-token-9999';
    const denied = await job('run', '--once');
    expect(denied.exit).toBe(3);
    expect(denied.err).toContain('SOURCE_DENIED');
    expect(denied.err).not.toContain('wrong-token');
    const outside = await at.runBare(
      'run',
      '--once',
      '--git-repo',
      at.remote.path,
      '--image-factory-dir',
      '../x',
    );
    expect([outside.exit, outside.err]).toEqual([2, expect.stringContaining('--image-factory-dir ../x')]);
    const branch = await at.runBare(
      'observe',
      '--name',
      'x',
      '--git-repo',
      at.remote.path,
      '--git-branch',
      'none',
    );
    expect(branch.err).toContain('SOURCE_BRANCH_MISSING');
  });
});

describe('the engine command', () => {
  it('hands the state over when nothing is open, in a new epoch', async () => {
    await at.enrol('[]', 'engine: embedded\nstate: { mode: directory }\n');
    await at.run('run', '--once');
    expect((await at.run('engine')).out).toContain('embedded, epoch 1');
    expect((await at.run('engine', 'kargo')).out).toContain('kargo, epoch 2\nset engine: kargo');
    const refused = await at.run('run', '--once');
    expect(refused.exit).toBe(3);
    expect(refused.err).toContain('owned by the kargo engine (epoch 2)');
    expect((await at.run('engine', 'kargo')).out).toContain('kargo, epoch 2');
    expect((await at.run('engine', 'embedded')).out).toContain('embedded, epoch 3');
    expect((await at.run('run', '--once')).exit).toBe(0);
    expect((await at.run('engine', 'argo')).exit).toBe(2);
  });

  it('refuses while a rebuild is open', async () => {
    await job('run', '--once');
    at.pass(hour / 2);
    await at.enrol('[]', `engine: kargo\nstate: { mode: git, remote: "${at.remote.path}" }\n`);
    const { exit, err } = await at.run('engine', 'embedded', '--no-wait');
    expect(exit).toBe(3);
    expect(err).toContain('rebuilds are still open: app');
  });

  it('ends what a server left open that is gone', async () => {
    await at.enrol(
      managed(at, 'app').replace('provider: local', 'provider: webhook'),
      settings(
        at,
        `engine: kargo
kargo: { server: 'http://127.0.0.1:1' }
providers: { webhook: { start: { url: 'http://127.0.0.1:1/start' } } }
`,
      ),
    );
    await at.remote.commit({ 'app/Dockerfile': `FROM ${at.registry.host}/library/base:1\n` });
    await at.run('run', '--once');
    expect([...(await at.state()).intents.keys()]).toEqual(['app']);
    at.pass(2 * hour);
    expect((await at.run('engine', 'embedded', '--no-wait')).out).toContain('embedded, epoch 2');
    expect((await at.state()).images.get('app')?.rebuilds.map(({ outcome }) => outcome)).toEqual(['failure']);
  });
});
