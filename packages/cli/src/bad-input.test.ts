import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '@image-factory/core/problem.ts';
import { describe, expect, it } from 'vitest';
import { filesBelow, managed, place, settings, type Place } from './testing/test-place.ts';

/** Three hundred million words in half a kilobyte. */
const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
  .split('')
  .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`)
  .join('\n')}\n`;

/** A base, a good image, and whatever the test puts beside it. */
async function withGood(): Promise<Place> {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.remote.commit({ 'good/Dockerfile': from(at), 'good/app.txt': 'good' });
  await at.enrol(managed(at, 'good') + managed(at, 'bad'));
  return at;
}

function from({ registry }: Place): string {
  return `FROM ${registry.host}/base/os:1\n`;
}

interface RunReport {
  readonly problems?: readonly Problem[];
  readonly started: readonly string[];
  readonly ended: readonly { readonly image: string; readonly rebuild: { readonly outcome: string } }[];
}

/** The problem that `bad` has in a run, alone, told and on record, while `good` is built. */
async function problemOfBad(at: Place): Promise<Problem> {
  const { exit, out, err } = await at.run('--output', 'json', 'run', '--once');
  const report = JSON.parse(out) as RunReport;
  expect(exit, out + err).toBe(1);
  const [problem, ...others] = report.problems ?? [];
  expect(others).toEqual([]);
  expect(problem?.subject).toEqual({ kind: 'image', name: 'bad' });
  expect(problem?.hint).toMatch(/\S/);
  expect(report.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([['good', 'success']]);
  const { images, intents } = await at.state();
  expect([...intents.keys()]).toEqual([]);
  expect(images.get('bad')).toMatchObject({ discoveryStatus: 'failed', rebuilds: [] });
  expect(images.get('bad')?.discoveryError).toContain(problem?.message);
  // Without news nothing more is written, and the failure is still told.
  const before = await at.stateFiles();
  const again = await at.run('run', '--once');
  expect(again.exit).toBe(1);
  expect(again.err).toContain(`image bad: `);
  expect(await at.stateFiles()).toEqual(before);
  if (!problem) throw new Error('no problem');
  return problem;
}

describe('a bad Dockerfile stops its own image only', () => {
  it('missing: the names that may have been meant are told', async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile.prod': from(at) });
    const problem = await problemOfBad(at);
    expect(problem).toMatchObject({
      code: 'DOCKERFILE_MISSING',
      message: expect.stringMatching(/bad\/Dockerfile/),
    });
    expect(problem.hint).toContain('bad/Dockerfile.prod');
  });

  it('binary', async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile': Buffer.from([0x46, 0x52, 0x4f, 0x4d, 0, 0xff, 0xfe, 10]) });
    expect(await problemOfBad(at)).toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringMatching(/binary/),
    });
  });

  it('of 50 MB', { timeout: 60_000 }, async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile': Buffer.alloc(50_000_000, '# nothing to be read here\n') });
    expect(await problemOfBad(at)).toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringMatching(/bytes|large/),
    });
  });

  it('a folder', async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile/inner': 'FROM scratch\n' });
    expect(await problemOfBad(at)).toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringMatching(/folder/),
    });
  });

  it('not one that BuildKit accepts: with its line', async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile': `${from(at)}COPY a\nRUN x\n` });
    const problem = await problemOfBad(at);
    expect(problem).toMatchObject({ code: 'DOCKERFILE_INVALID', message: expect.stringMatching(/COPY/) });
    expect(problem.place).toEqual({ file: 'bad/Dockerfile', line: 2 });
  });

  it.each([
    ['out of the repository', '../../../../etc/passwd'],
    ['to an absolute path', '/etc/passwd'],
    ['to itself', 'Dockerfile'],
  ])('a symbolic link %s', async (_, target) => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile': { symlink: target } });
    const { code, message } = await problemOfBad(at);
    expect(code).toMatch(/^(CONFIG_PATH_ESCAPES|DOCKERFILE_)/);
    expect(message).toContain('bad/Dockerfile');
    expect(message).not.toContain('root:');
  });

  it('a symbolic link within the repository is followed', async () => {
    const at = await withGood();
    await at.remote.commit({
      'shared/Dockerfile': from(at),
      'bad/Dockerfile': { symlink: '../shared/Dockerfile' },
    });
    const { exit, out, err } = await at.run('run', '--once');
    expect({ exit, err }, out).toEqual({ exit: 0, err: '' });
  });

  it('a symbolic link of a plain folder beside the factory that leads out of it', async () => {
    const at = await withGood();
    await mkdir(join(at.dir, 'bad'));
    await writeFile(join(at.root, 'outside'), 'FROM secret.example/base:1\n');
    await symlink('../../outside', join(at.dir, 'bad/Dockerfile'));
    await at.enrol(managed(at, 'good') + managed(at, 'bad').replace(/repo: "[^"]*"/, 'repo: .'));
    const { code, message } = await problemOfBad(at);
    expect(code).toMatch(/^(CONFIG_PATH_ESCAPES|DOCKERFILE_)/);
    expect(message).toContain('bad/Dockerfile');
    expect(message).not.toContain('secret.example');
  });

  it('on a branch that does not exist: the branches that may have been meant are told', async () => {
    const at = await withGood();
    await at.enrol(
      managed(at, 'good') + managed(at, 'bad').replace('dockerfile:', 'branch: mian, dockerfile:'),
    );
    const problem = await problemOfBad(at);
    expect(problem).toMatchObject({ code: 'SOURCE_BRANCH_MISSING', message: expect.stringMatching(/mian/) });
    expect(problem.message + problem.hint).toContain('main');
  });

  it('in a repository that is not there', async () => {
    const at = await withGood();
    const nowhere = join(at.root, 'nowhere.git');
    await at.enrol(managed(at, 'good') + managed(at, 'bad').replace(/repo: "[^"]*"/, `repo: "${nowhere}"`));
    expect(await problemOfBad(at)).toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      message: expect.stringMatching(/nowhere\.git/),
    });
  });

  it('that only a real builder can build fails its build, and says with what it would go', async () => {
    const at = await withGood();
    await at.remote.commit({ 'bad/Dockerfile': `${from(at)}RUN make\n` });
    const { exit, out } = await at.run('run', '--once');
    expect(exit).toBe(1);
    expect(out).toContain('good success');
    expect(out).toMatch(/bad failure \(never-built\) bad\/Dockerfile:2: .*RUN/);
    expect(out).toContain('Install buildah');
    expect(out).toContain('log: ');
    const later = await at.run('explain', 'bad');
    expect(later.out).toContain('back-off');
  });
});

describe('a bad configuration: exit 2, every mistake with its place, nothing done', () => {
  /** What every command says of it. */
  async function refusal(at: Place): Promise<string> {
    const before = await filesBelow(at.dir);
    const started = performance.now();
    let said = '';
    for (const command of [['validate'], ['run', '--once'], ['plan'], ['graph']]) {
      const { exit, out, err } = await at.run(...command);
      expect({ exit, out }, err).toEqual({ exit: 2, out: '' });
      if (said !== '') expect(err).toBe(said);
      said = err;
    }
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(await filesBelow(at.dir)).toEqual(before);
    expect(at.registry.log.all()).toEqual([]);
    const json = await at.run('--output', 'json', 'validate');
    expect(json.exit).toBe(2);
    expect((JSON.parse(json.out) as RunReport).problems?.length).toBeGreaterThan(0);
    return said;
  }

  it.each(['images.yaml', 'factory.yaml', 'images.d/team.yaml'])('a YAML bomb in %s', async (file) => {
    const at = await withGood();
    await at.write(file, file === 'factory.yaml' ? bomb : `defaults: {}\n${bomb}images: *i\n`);
    expect(await refusal(at)).toMatch(new RegExp(`${file.replace('.', '\\.')}:\\d+:\\d+: .*CONFIG_`));
  });

  it('a file that is nested a hundred thousand deep', async () => {
    const at = await withGood();
    await at.write('images.yaml', '['.repeat(100_000));
    expect(await refusal(at)).toMatch(/images\.yaml.*CONFIG_SYNTAX/);
  });

  it('twenty mistakes are reported at once', async () => {
    const at = await withGood();
    const entry = (name: string, more: string): string =>
      `- name: ${name}\n  registry: ghcr.io\n  repository: acme/${name}\n  source: { repo: acme/x, dockerfile: Dockerfile }\n${more}`;
    const wrong = [
      '  rebuildDelay: 7 days\n',
      '  rebuildOn: finale\n',
      '  autoRebuild: maybe\n',
      '  mode: pull\n',
      '  schedule: sometimes\n',
      '  criticality: urgent\n',
      '  tags: [1]\n',
      '  platforms: [linux]\n',
      '  ownr: a\n',
      '  tags: 1\n',
      '  allowTags: ^1$\n',
    ];
    const entries = wrong.map((more, index) => entry(`image-${index}`, more));
    const sources = [
      'dockerfile: ../Dockerfile',
      'dockerfile: /etc/passwd',
      'context: ../..',
      'brnch: main',
      'provider: svn',
    ].map((more, index) =>
      entry(`source-${index}`, '').replace(
        'dockerfile: Dockerfile',
        more.startsWith('dockerfile') ? more : `dockerfile: Dockerfile, ${more}`,
      ),
    );
    const externals = ['allowTags: "["', 'imageSelectionStrategy: Newest'].map(
      (more, index) =>
        `- name: external-${index}\n  repository: docker.io/library/redis\n${more.startsWith('allow') ? '' : '  allowTags: ^7$\n'}  ${more}\n`,
    );
    await at.enrol(
      [...entries, ...sources, ...externals, entry('image-0', ''), '- name: nothing\n'].join(''),
      'engin: embedded\n',
    );
    const said = await refusal(at);
    const places = said.split('\n').filter((line) => /^error .*(images|factory)\.yaml:\d+:\d+: /.test(line));
    expect(places.length).toBeGreaterThanOrEqual(20);
    for (const name of ['image-10', 'source-0', 'source-4', 'external-0', 'external-1', 'nothing', 'engin'])
      expect(said).toContain(name);
    expect(said).toContain('did you mean "owner"?');
    await expect(said.replaceAll(at.root, '/place')).toMatchFileSnapshot('testdata/twenty-mistakes.txt');
  });

  it('what is recorded can still be looked at, as long as it is clear where', async () => {
    const at = await withGood();
    await at.run('run', '--once');
    await at.write('images.yaml', '- name: [\n');
    const { exit, out } = await at.run('status');
    expect({ exit, out }).toMatchObject({ exit: 0, out: expect.stringMatching(/good\s+built/) });
    expect(await at.run('history', 'good')).toMatchObject({ exit: 0 });
    await at.write('factory.yaml', 'state: { mode: nowhere }\n');
    expect(await at.run('status')).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/factory\.yaml:1:\d+/),
    });
  });

  it.each(['images.yaml', 'factory.yaml'])('%s is a folder', async (file) => {
    const at = await place();
    await at.write(file === 'images.yaml' ? 'factory.yaml' : 'images.yaml', '');
    await mkdir(join(at.dir, file));
    expect(await refusal(at)).toMatch(new RegExp(`${file.replace('.', '\\.')} is not a file`));
  });

  it('images.yaml is not UTF-8, or larger than anybody would write it', async () => {
    const at = await withGood();
    await at.write('images.yaml', Buffer.from([0xff, 0xfe, 0x00]));
    expect(await refusal(at)).toMatch(/not UTF-8/);
    await truncate(join(at.dir, 'images.yaml'), 40 * 1024 * 1024);
    expect(await refusal(at)).toMatch(/larger than/);
  });

  it('images.d is a file', async () => {
    const at = await withGood();
    await at.write('images.d', '- name: lost\n');
    expect(await refusal(at)).toMatch(/images\.d/);
  });

  it('a pipe or a device instead of a file does not hold the command up', async () => {
    const at = await place();
    await symlink('/dev/zero', join(at.dir, 'images.yaml'));
    expect(await refusal(at)).toMatch(/images\.yaml is not a file/);
  });
});

describe('a state that cannot be read', () => {
  it.each([
    ['cut off', (text: string) => text.slice(0, text.length / 3)],
    ['binary', () => '\0\u0001\u0002'],
    ['empty', () => ''],
    ['of a merge conflict', (text: string) => `<<<<<<< ours\n${text}=======\n>>>>>>> theirs\n`],
    ['a bomb', () => `name: bad\n${bomb}`],
  ])(
    'a file that is %s belongs to its image, is never overwritten, and the rest goes on',
    async (_, spoil) => {
      const at = await withGood();
      await at.remote.commit({ 'bad/Dockerfile': from(at) });
      expect((await at.run('run', '--once')).exit).toBe(0);
      const path = join(at.dir, 'state/images/bad.yaml');
      const spoiled = spoil(await readFile(path, 'utf8'));
      await writeFile(path, spoiled);
      await at.registry.pushImage('base/os', '1', { layers: ['os 2'] });
      at.pass(3_600_000);
      await at.run('check', '--force');
      at.pass(8 * 86_400_000);
      // Due since a moment ago, it starts in the next slot: a second later.
      const first = await at.run('run', '--once', '--force');
      at.pass(2000);
      const { exit, err, out } = await at.run('run', '--once');
      expect(exit, out + err).toBe(1);
      expect(err).toContain('images/bad.yaml');
      expect(err).toMatch(/STATE_CORRUPT/);
      expect(first.out + out).toContain('good success (newer-base)');
      expect(await readFile(path, 'utf8')).toBe(spoiled);
      const status = await at.run('status');
      expect(status.exit).toBe(1);
      expect(status.out).toMatch(/good +built/);
      expect((await at.run('hold', 'bad', '--reason', 'x')).exit).not.toBe(0);
      expect(await readFile(path, 'utf8')).toBe(spoiled);
    },
  );

  it('one of a newer version is not touched at all: exit 3', async () => {
    const at = await withGood();
    expect((await at.run('analyze')).exit).toBe(1);
    const path = join(at.dir, 'state/engine.yaml');
    const text = await readFile(path, 'utf8');
    const newer = text.replace(/^version: \d+$/m, 'version: 99');
    expect(newer).not.toBe(text);
    await writeFile(path, newer);
    const before = await at.stateFiles();
    for (const command of [
      'run --once',
      'analyze',
      'check',
      'status',
      'plan',
      'history good',
      'hold good --reason x',
      'graph',
    ]) {
      const { exit, err } = await at.run(...command.split(' '));
      expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('STATE_NEWER') });
    }
    expect(await at.stateFiles()).toEqual(before);
    expect(at.registry.log.all()).toEqual([]);
  });

  it('one of another engine is not written: exit 3', async () => {
    const at = await withGood();
    await at.run('analyze');
    const path = join(at.dir, 'state/engine.yaml');
    await writeFile(path, (await readFile(path, 'utf8')).replace('embedded', 'kargo'));
    const before = await at.stateFiles();
    const { exit, err } = await at.run('run', '--once');
    expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('STATE_EPOCH') });
    expect(await at.stateFiles()).toEqual(before);
  });

  it('a symbolic link or a special file in it is refused, and not followed', async () => {
    const at = await withGood();
    await at.run('analyze');
    await writeFile(join(at.root, 'outside.yaml'), 'name: outside\n');
    await symlink('../../../outside.yaml', join(at.dir, 'state/images/other.yaml'));
    const { exit, err } = await at.run('run', '--once');
    expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('symbolic link') });
    expect(await readFile(join(at.root, 'outside.yaml'), 'utf8')).toBe('name: outside\n');
  });

  it('a file where the folder should be: exit 3', async () => {
    const at = await withGood();
    await at.enrol(managed(at, 'good'), settings(at).replace(/^.*\n/, 'state: { mode: directory }\n'));
    await writeFile(join(at.dir, 'state'), 'mine\n');
    const { exit, err } = await at.run('run', '--once');
    expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('STATE_') });
    expect(await readFile(join(at.dir, 'state'), 'utf8')).toBe('mine\n');
  });
});
