import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../command-line.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lint-kargo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function lint(words: string, input?: string): Promise<{ exit: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const exit = await runCommandLine(['lint-kargo', ...words.split(' ')], {
    env: { NO_COLOR: '1' },
    cwd: folder,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: 100,
    out: (text) => (out += text),
    err: (text) => (err += text),
    now: () => 0,
    ...(input === undefined ? {} : { input: () => chunks(input) }),
  });
  return { exit, out, err };
}

/** In pieces, as a pipe brings it: also in the middle of a character. */
async function* chunks(text: string): AsyncIterable<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 7) yield await Promise.resolve(bytes.slice(at, at + 7));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

const head = 'apiVersion: kargo.akuity.io/v1alpha1\nkind: Warehouse\nmetadata:\n';
const spec = 'spec:\n  interval: 5m0s\n  subscriptions:\n    - image:\n        repoURL: ghcr.io/acme/web\n';

function warehouse(name: string, more = ''): string {
  return `${head}  name: ${name}\n  namespace: factory\n${spec}${more}`;
}

describe('lint-kargo', () => {
  test('says where, which rule, which image, and what to do', async () => {
    const labelled = `${head}  name: web\n  namespace: factory\n  labels: { image-factory.dev/image: web }\n`;
    await write('two.yaml', `# ä\n${warehouse('api')}---\n${labelled}${spec}        semverConstraint: ^1\n`);
    const { exit, out, err } = await lint('two.yaml');
    expect(out).toBe(
      'two.yaml:24:9 error image-semver-constraint Warehouse factory/web for image web\n' +
        '      spec.subscriptions[0].image.semverConstraint: semverConstraint of an image is ignored; expected constraint\n' +
        '      Rename it to constraint.\n' +
        '1 error, 0 warnings in 2 resources of 1 file\n',
    );
    expect([exit, err]).toEqual([1, '']);
  });

  test('reads standard input, and answers as JSON', async () => {
    const { exit, out } = await lint('- --output json', `---\n${warehouse('wäb')}`);
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      files: 1,
      resources: 1,
      errors: 1,
      warnings: 0,
      findings: [
        { file: '-', line: 5, column: 3, rule: 'name-invalid', path: 'metadata.name', severity: 'error' },
      ],
    });
  });

  test('good manifests', async () => {
    await write('good.yaml', warehouse('web'));
    expect(await lint('good.yaml')).toEqual({
      exit: 0,
      out: 'nothing found in 1 resource of 1 file\n',
      err: '',
    });
  });

  test('warnings fail with --strict only', async () => {
    await write('warning.yaml', warehouse('web').replace('5m0s', '1m0s'));
    expect((await lint('warning.yaml')).exit).toBe(0);
    const { exit, out } = await lint('warning.yaml --strict');
    expect(exit).toBe(1);
    expect(out).toContain('warning.yaml:7:3 warning interval-short');
  });

  test('files are one set: references go from one to the other', async () => {
    await write('set/a/warehouse.yml', warehouse('web'));
    const stage = {
      apiVersion: 'kargo.akuity.io/v1alpha1',
      kind: 'Stage',
      metadata: { name: 'rebuild', namespace: 'factory' },
      spec: { requestedFreight: [{ origin: { kind: 'Warehouse', name: 'wbe' }, sources: { direct: true } }] },
    };
    await write('set/b.json', JSON.stringify(stage, undefined, 2));
    const { exit, out } = await lint('set');
    expect(exit).toBe(1);
    expect(out).toMatch(/^set\/b\.json:13:\d+ error warehouse-unknown Stage factory\/rebuild\n/);
    expect(out).toContain('1 error, 0 warnings in 2 resources of 2 files');
  });

  test('a folder may hold other files, and links that lead out of it', async () => {
    await write('mixed/values.yaml', 'replicas: 3\n');
    await write('mixed/notes.md', '# no');
    await write(
      'mixed/kustomization.yaml',
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n',
    );
    await write('elsewhere/broken.yaml', 'a: [');
    await symlink(join(folder, 'elsewhere'), join(folder, 'mixed/link'));
    await symlink(join(folder, 'elsewhere/broken.yaml'), join(folder, 'mixed/broken.yaml'));
    expect(await lint('mixed')).toEqual({
      exit: 0,
      out: 'nothing found in 1 resource of 2 files\n',
      err: '',
    });
    expect((await lint('mixed/values.yaml')).out).toContain('not-a-resource');
  });

  test('what cannot be read ends with 2, and the rest is looked at', async () => {
    await write('bad.yaml', `${warehouse('web')}---\n${warehouse('Web')}---\na: [1\nb: 2\n`);
    const { exit, out, err } = await lint('bad.yaml none.yaml');
    expect(exit).toBe(2);
    expect(out).toContain('bad.yaml:15:3 error name-invalid');
    expect(err).toContain('none.yaml cannot be read');
    expect(err).toMatch(/bad\.yaml:2\d:\d+: not valid YAML/);
  });

  test('aliases that multiply are refused as YAML', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `  a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]\n`,
    );
    await write('bomb.yaml', `kind: ConfigMap\ndata:\n  a0: &a0 [x]\n${levels.join('')}`);
    const { exit, err } = await lint('bomb.yaml');
    expect(exit).toBe(2);
    expect(err).toContain('[CONFIG_SYNTAX]');
  });

  test('keys that stand twice, and text that is no UTF-8', async () => {
    await write('twice.yaml', 'kind: Stage\nkind: Stage\n');
    expect((await lint('twice.yaml')).err).toContain('twice.yaml:2:1');
    await writeFile(join(folder, 'latin.yaml'), Buffer.from([0x61, 0xe4]));
    expect((await lint('latin.yaml')).err).toContain('not UTF-8');
  });

  test('documents end at their markers, and only there', async () => {
    const config =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: Settings }\ndata:\n  a: |\n    ---\n    b\n';
    const { out } = await lint(
      '-',
      `# first\n---\n# nothing\n---\n${config}...\n--- # last\n${warehouse('Web')}`,
    );
    expect(out).toMatch(/^-:7:\d+ error name-invalid ConfigMap Settings$/m);
    expect(out).toMatch(/^-:17:3 error name-invalid Warehouse factory\/Web$/m);
    expect(out).toContain('in 2 resources');
  });
});
