import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';
import { describe, expect, it } from 'vitest';
import { digest, fakeBuildx, makeBench } from './run-script.ts';

const a = `sha256:${'a'.repeat(64)}` as Digest;
const b = `sha256:${'b'.repeat(64)}` as Digest;
const base = '127.0.0.1:5000/team/base:1';
const node = 'docker.io/library/node:22';

function use(reference: string, written: string, final: boolean): Dependency {
  return {
    reference,
    written,
    kind: 'from',
    stage: '0',
    platform: 'linux/amd64' as PlatformName,
    final,
    base: 'base',
    range: '1:6-1:10',
  };
}

/** What the factory really gives, as the workflow hands it on. */
const given = Object.fromEntries(
  Object.entries(
    runInputs({
      key: 'k'.repeat(32),
      attempt: 2,
      image: { name: 'app' },
      reason: 'newer-base',
      commit: 'c'.repeat(40),
      pins: [
        { base: 'base', reference: base, digest: a },
        { base: 'node', reference: node, digest: b },
      ],
      dependencies: [use(base, base, true), use(node, '${NODE_IMAGE}', false)],
    }),
  ).map(([name, value]) => [name.toUpperCase(), value]),
);

const usual = {
  ...given,
  BUILD_IMAGE: 'ghcr.io/acme/app',
  BUILD_TAGS: '1, latest',
  SOURCE_URL: 'https://github.com/acme/platform',
  SOURCE_COMMIT: 'c'.repeat(40),
};

async function build(environment: Readonly<Record<string, string>>, shell = 'sh', then = fakeBuildx) {
  const bench = await makeBench();
  await bench.tool('docker', then);
  const end = await bench.run('build.sh', { ...usual, ...environment }, { shell });
  return { ...end, bench, args: (await bench.calls('docker'))[0] ?? [] };
}

/** The values of an option. */
function of(args: readonly string[], option: string): readonly string[] {
  return args.flatMap((word, index) => (word === option ? [args[index + 1] ?? ''] : []));
}

describe('a build', () => {
  it.each(['sh', 'bash'])(
    'hands pins, tags and annotations to buildx, and says the digest (%s)',
    async (shell) => {
      const { code, stderr, args, outputs } = await build(
        {
          BUILD_VERSION: '1.4.0',
          BUILD_DOCKERFILE: 'app/Dockerfile',
          BUILD_CONTEXT: 'app',
          BUILD_TARGET: 'runtime',
          BUILD_PLATFORMS: 'linux/amd64,linux/arm64',
          BUILD_ARGS: `NODE_IMAGE=docker.io/library/node:22\nGREETING=a "b" $HOME '$(id)' \\n`,
          BUILD_CACHE: 'ghcr.io/acme/app:cache',
        },
        shell,
      );
      expect([code, stderr]).toEqual([0, expect.stringContaining(`pushed ghcr.io/acme/app@${digest}`)]);
      expect(args.slice(0, 2)).toEqual(['buildx', 'build']);
      expect(args.at(-1)).toBe('./app');
      expect(args).toContain('--push');
      expect(of(args, '--file')).toEqual(['./app/Dockerfile']);
      expect(of(args, '--tag')).toEqual(['1', 'latest', '1.4.0'].map((tag) => `ghcr.io/acme/app:${tag}`));
      expect(of(args, '--build-context')).toEqual([
        `${base}=docker-image://127.0.0.1:5000/team/base@${a}`,
        `${node}=docker-image://docker.io/library/node@${b}`,
      ]);
      // What was approved comes last, and so wins.
      expect(of(args, '--build-arg')).toEqual([
        'NODE_IMAGE=docker.io/library/node:22',
        `GREETING=a "b" $HOME '$(id)' \\n`,
        `NODE_IMAGE=docker.io/library/node@${b}`,
      ]);
      expect(of(args, '--target')).toEqual(['runtime']);
      expect(of(args, '--platform')).toEqual(['linux/amd64,linux/arm64']);
      expect(of(args, '--cache-to')).toEqual(['type=registry,ref=ghcr.io/acme/app:cache,mode=max']);
      expect(args).toEqual(expect.arrayContaining(['--sbom=true', '--provenance=mode=max', '--pull']));
      const said = [
        `org.opencontainers.image.base.name=${base}`,
        `org.opencontainers.image.base.digest=${a}`,
        'org.opencontainers.image.source=https://github.com/acme/platform',
        `org.opencontainers.image.revision=${'c'.repeat(40)}`,
        'org.opencontainers.image.version=1.4.0',
        `io.image-factory.build-key=${'k'.repeat(32)}`,
        'io.image-factory.attempt=2',
      ];
      expect(of(args, '--label')).toEqual(said);
      expect(of(args, '--annotation')).toEqual(said.map((each) => `index,manifest:${each}`));
      expect(Object.fromEntries(outputs)).toEqual({ digest, digest_hex: digest.slice(7) });
    },
  );

  it('that a person starts has no pins and no key, and takes no labels of its base', async () => {
    const empty = Object.fromEntries(Object.keys(given).map((name) => [name, '']));
    const { code, args } = await build({ ...empty, BUILD_SBOM: 'false', BUILD_PROVENANCE: 'false' });
    expect(code).toBe(0);
    expect(of(args, '--build-context')).toEqual([]);
    expect(of(args, '--label')).toContain('io.image-factory.build-key=');
    expect(of(args, '--annotation').join(' ')).not.toContain('build-key');
    // One platform and no attestation make no index that could be annotated.
    expect(of(args, '--annotation').every((each) => each.startsWith('manifest:'))).toBe(true);
  });

  it('gives secrets in files that are gone afterwards, never in arguments', async () => {
    const { code, args, bench, stderr } = await build(
      { BUILD_SECRETS: 'npm=s3cr=t\n\nother=x y' },
      'sh',
      `for word in "$@"; do case $word in id=*) cat "\${word#*src=}" >> "$NOTES/secrets"; echo >> "$NOTES/secrets"; esac; done\n${fakeBuildx}`,
    );
    expect(code).toBe(0);
    expect([args.join(' '), stderr].join(' ')).not.toContain('s3cr=t');
    const files = of(args, '--secret').map((each) => /^id=(\w+),src=(.*)$/.exec(each)?.slice(1) ?? []);
    expect(files.map(([id]) => id)).toEqual(['npm', 'other']);
    expect(files.some(([, file = '']) => existsSync(file))).toBe(false);
    expect(await readFile(join(bench.dir, 'notes/secrets'), 'utf8')).toBe('s3cr=t\nx y\n');
  });

  it.each([
    ['FACTORY_BUILD_CONTEXTS', 'node=docker-image://node:22'],
    ['FACTORY_BUILD_CONTEXTS', `node=docker-image://node@${a} --allow security.insecure`],
    ['FACTORY_BUILD_CONTEXTS', `node=./folder`],
    ['FACTORY_BUILD_CONTEXTS', `$(touch pwned)=docker-image://node@${a}`],
    ['FACTORY_BUILD_ARGS', `BASE=node:22`],
    ['FACTORY_BUILD_ARGS', `BASE=$(touch pwned)@${a}`],
    ['BUILD_ARGS', '--push'],
    ['BUILD_SECRETS', '../../etc=1'],
    ['BUILD_TAGS', ''],
    ['BUILD_TAGS', '$(touch pwned)'],
    ['BUILD_TAGS', '`touch pwned`'],
    ['BUILD_IMAGE', 'ghcr.io/acme/app:1'],
    ['BUILD_IMAGE', '--load'],
    ['BUILD_IMAGE', 'ghcr.io/acme/app\n--load'],
    ['BUILD_CONTEXT', '../..'],
    ['BUILD_DOCKERFILE', '/etc/passwd'],
    ['BUILD_CACHE', 'x,src=/'],
  ])('refuses %s=%j and builds nothing', async (name, value) => {
    const { code, args, outputs, bench } = await build({ [name]: value });
    expect([code, args, outputs.size]).toEqual([1, [], 0]);
    expect(existsSync(join(bench.dir, 'work/pwned'))).toBe(false);
  });

  it('that fails, or does not say what it pushed, is no success', async () => {
    const failed = await build({}, 'sh', `${fakeBuildx}\nexit 3`);
    expect([failed.code, failed.outputs.size]).toEqual([1, 0]);
    const silent = await build({}, 'sh', '');
    expect([silent.code, silent.outputs.size]).toEqual([1, 0]);
  });
});

describe('signing', () => {
  const signed = { BUILD_IMAGE: 'ghcr.io/acme/app', DIGEST: digest };

  it('is by digest, for every platform, with the identity of the job or a key', async () => {
    const bench = await makeBench();
    await bench.tool('cosign');
    const keyless = await bench.run('sign.sh', signed);
    const byKey = await bench.run('sign.sh', { ...signed, SIGN: 'key', COSIGN_PRIVATE_KEY: 'k3y' });
    const none = await bench.run('sign.sh', { ...signed, SIGN: 'none' });
    expect([keyless.code, byKey.code, none.code]).toEqual([0, 0, 0]);
    expect(await bench.calls('cosign')).toEqual([
      ['sign', '--yes', '--recursive', `ghcr.io/acme/app@${digest}`],
      ['sign', '--yes', '--recursive', '--key', 'env://COSIGN_PRIVATE_KEY', `ghcr.io/acme/app@${digest}`],
    ]);
  });

  it.each([{ SIGN: 'maybe' }, { SIGN: 'key' }, { DIGEST: '' }, { DIGEST: 'sha256:x' }])(
    'refuses %j',
    async (more) => {
      const bench = await makeBench();
      await bench.tool('cosign');
      expect((await bench.run('sign.sh', { ...signed, ...more })).code).toBe(1);
      expect(await bench.calls('cosign')).toEqual([]);
    },
  );

  it('fails where cosign does, or there is none', async () => {
    const bench = await makeBench();
    const none = await bench.run('sign.sh', signed);
    await bench.tool('cosign', 'exit 5');
    const failed = await bench.run('sign.sh', signed);
    expect([none.code === 0, failed.code === 0]).toEqual([false, false]);
  });
});

it('the password of the registry goes to docker by its input', async () => {
  const bench = await makeBench();
  await bench.tool('docker', 'cat > "$NOTES/input"');
  for (const image of ['ghcr.io/acme/app', 'localhost:5000/app', 'acme/app'])
    await bench.run('login.sh', { BUILD_IMAGE: image, REGISTRY_USER: 'ada', REGISTRY_TOKEN: 'p4ss' });
  await bench.run('login.sh', { BUILD_IMAGE: 'ghcr.io/acme/app', REGISTRY_TOKEN: '' });
  const calls = await bench.calls('docker');
  expect(calls.map((call) => call.at(-1))).toEqual(['ghcr.io', 'localhost:5000', 'docker.io']);
  expect(calls[0]).toEqual(['login', '--username', 'ada', '--password-stdin', 'ghcr.io']);
  expect(await readFile(join(bench.dir, 'notes/input'), 'utf8')).toBe('p4ss');
});
