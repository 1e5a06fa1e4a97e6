import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { managed, place, settings, type Place } from './testing/test-place.ts';

const escape = String.fromCharCode(27);
const bell = String.fromCharCode(7);
/** Everything but line feeds that a terminal may take for a command; tabs are not among it. */
// oxlint-disable-next-line no-control-regex -- these are the characters that must not be there
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

async function placeWithImage(): Promise<Place> {
  const at = await place();
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.remote.commit({ 'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
  await at.enrol(managed(at, 'web'));
  return at;
}

describe('the command line', () => {
  it.each([
    [['frobnicate'], 'unknown command'],
    [['statsu'], 'Did you mean status?'],
    [['status', '--none'], "unknown option '--none'"],
    [['rebuild', 'web'], "required option '--reason <text>'"],
    [['rebuild', 'web', '--retry', '--respect-delay'], '--respect-delay does not go with --retry'],
    [['hold', 'web'], "required option '--reason <text>'"],
    [['explain'], "missing required argument 'name'"],
    [['dependencies'], "missing required argument 'file'"],
    [['status', 'a', 'b'], 'too many arguments'],
    [['graph', '--format', 'png'], "argument 'png' is invalid"],
    [['--output', 'xml', 'status'], "argument 'xml' is invalid"],
    [['status', '--log-level', 'loud'], "argument 'loud' is invalid"],
    [['history', 'web', '--limit', 'many'], 'write a whole number'],
    [['history', 'web', '--limit', '-1'], 'write a whole number'],
    [['analyze', '--image'], 'argument missing'],
    [[], 'Usage: image-factory'],
  ])('%j is a mistake: exit 2, and says %s', async (argv, words) => {
    const at = await place();
    const { exit, out, err } = await at.runBare(...argv);
    expect({ exit, out }).toEqual({ exit: 2, out: '' });
    expect(err).toContain(words);
  });

  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['statsu'], "unknown command 'statsu'"],
    [['status', '--none'], "unknown option '--none'"],
    [['rebuild', 'web'], "required option '--reason <text>' not specified"],
    [['explain'], "missing required argument 'name'"],
    [['graph', '--format', 'png'], "argument 'png' is invalid"],
    [['--log-level', 'loud', 'status'], "argument 'loud' is invalid"],
    [['history', 'web', '--limit', 'many'], 'write a whole number'],
    [[], 'there is no command'],
  ])('%j is a mistake that programs can read: exit 2, and one document on stdout', async (argv, words) => {
    const at = await place();
    const first = await at.runBare('--output=json', ...argv);
    const last = await at.runBare(...argv, '--output', 'json');
    for (const { exit, out, err } of [first, last]) {
      expect({ exit, err }).toEqual({ exit: 2, err: '' });
      expect(JSON.parse(out)).toEqual({
        problems: [
          {
            code: 'USAGE',
            message: expect.stringContaining(words),
            hint: expect.stringContaining('image-factory --help'),
          },
        ],
      });
    }
  });

  it('guesses in JSON too, and leaves help and version as they are', async () => {
    const at = await place();
    const { out } = await at.runBare('statsu', '--output', 'json');
    expect(JSON.parse(out).problems[0].hint).toContain('Did you mean status?');
    expect(await at.runBare('--output', 'json', '--version')).toEqual({ exit: 0, out: '0.1.0\n', err: '' });
  });

  it.each([
    [['hold', 'web', '--reason', 'x', '--until', 'soon'], '--until soon'],
    [['hold', 'web', '--reason', 'x', '--digest', 'sha256:12'], '--digest'],
    [['release', 'web', '--digest', 'nonsense'], '--digest'],
    [['dependencies', 'Dockerfile', '--build-arg', '=x'], '--build-arg'],
    [['dependencies', 'Dockerfile', '--platform', 'linux/'], '--platform'],
    [['analyze', '--image', 'web', '--source-provider', 'svn'], '--source-provider svn'],
    [['analyze', '--image', 'web', '--tag', '1', '--digest', 'latest'], '--digest'],
    [['analyze', '--image', 'wbe'], 'Did you mean web?'],
  ])('%j has a wrong value: exit 2, in text and as JSON', async (argv, words) => {
    const at = await placeWithImage();
    at.io.cwd = at.dir;
    await at.write('Dockerfile', 'FROM scratch\n');
    const before = await at.stateFiles();
    const text = await at.run(...argv);
    expect({ exit: text.exit, out: text.out }).toEqual({ exit: 2, out: '' });
    expect(text.err).toContain(words);
    const json = await at.run('--output', 'json', ...argv);
    expect(json.exit).toBe(2);
    expect(JSON.parse(json.out).problems[0].hint).toMatch(/\S/);
    expect(json.err).toBe('');
    if (argv[0] !== 'analyze') expect(await at.stateFiles()).toEqual(before);
  });

  it('prints its version and its help on stdout with exit 0', async () => {
    const at = await place();
    expect(await at.runBare('--version')).toEqual({ exit: 0, out: '0.1.0\n', err: '' });
    const help = await at.runBare('--help');
    expect(help.exit).toBe(0);
    expect(help.out).toContain('rebuild [options] <name>');
    const one = await at.runBare('rebuild', '--help');
    expect({ exit: one.exit, err: one.err }).toEqual({ exit: 0, err: '' });
    expect(one.out).toContain('--respect-delay');
  });

  it('takes the options of all commands before and after the command, and the directory from the environment', async () => {
    const at = await placeWithImage();
    const before = await at.runBare('--dir', at.dir, '--output', 'json', 'validate');
    const after = await at.runBare('validate', '--dir', at.dir, '--output', 'json');
    at.env['IMAGE_FACTORY_DIR'] = at.dir;
    const around = await at.runBare('--output', 'json', 'validate');
    expect(before).toMatchObject({ exit: 0, err: '' });
    expect(JSON.parse(before.out)).toMatchObject({ valid: true, images: 1 });
    expect(after).toEqual(before);
    expect(around).toEqual(before);
  });

  it('validate says of a warning where, what, and what to do', async () => {
    const at = await place();
    const images =
      '- { name: a, repository: ghcr.io/acme/a, versionFiles: commit, source: { repo: acme/x } }';
    await at.enrol(images, '');
    const { exit, out } = await at.run('validate');
    expect(exit).toBe(0);
    expect(out).toMatch(
      /^warning \S*images\.yaml:1:\d+: image a: versionFiles has no effect .*\n {6}Add versionFile/,
    );
    expect(out).toContain('valid: 1 image, ');
  });

  it.each(['validate', 'analyze', 'plan', 'run --once', 'status', 'graph', 'history web', 'check'])(
    '%s says with exit 2 that a folder is no factory directory, and writes nothing there',
    async (command) => {
      const at = await place();
      const empty = join(at.root, 'empty');
      await mkdir(empty);
      for (const dir of [empty, join(at.root, 'nowhere')]) {
        const { exit, err } = await at.runBare('--dir', dir, ...command.split(' '));
        expect({ exit, err }).toEqual({ exit: 2, err: expect.stringContaining('CONFIG_MISSING') });
        expect(err).toContain('image-factory init');
        expect(err).toContain(dir);
      }
    },
  );
});

describe('the terminal', () => {
  it('gets colours on a terminal, none in a pipe, and none with NO_COLOR', async () => {
    const at = await placeWithImage();
    expect((await at.run('analyze')).out).not.toContain(escape);
    at.io.stdoutIsTerminal = true;
    at.io.stderrIsTerminal = true;
    const coloured = await at.run('status');
    expect(coloured.out).toContain(`${escape}[2mIMAGE`);
    expect((await at.run('status', 'wbe')).err).toContain(`${escape}[31merror`);
    expect((await at.run('--output', 'json', 'status')).out).not.toContain(escape);
    at.env['NO_COLOR'] = '1';
    const plain = await at.run('status');
    expect(plain.out).not.toMatch(controls);
    expect((await at.run('status', 'wbe')).err).not.toMatch(controls);
  });

  it('aligns its tables', async () => {
    const at = await placeWithImage();
    await at.enrol(managed(at, 'web') + managed(at, 'a-much-longer-name'));
    await at.run('analyze');
    const lines = (await at.run('status')).out.trimEnd().split('\n');
    const column = lines[0]?.indexOf('STATE') ?? -1;
    expect(lines.map((line) => line.slice(column - 2, column + 1))).toEqual(['  S', '  f', '  n']);
  });

  it('never sees control characters of names, Dockerfiles, reasons, hooks or registries', async () => {
    const at = await placeWithImage();
    const nasty = `x${escape}[2J${bell}\u202egnp`;
    at.io.stdoutIsTerminal = true;
    at.io.stderrIsTerminal = true;
    at.env['NO_COLOR'] = '1';
    const { host } = at.registry;
    await at.remote.commit({
      'web/Dockerfile': `FROM ${host}/base/os:1\n${nasty} y\n`,
      'odd/Dockerfile': `FROM ${host}/base/os:1\n`,
    });
    await at.enrol(managed(at, 'web') + managed(at, 'odd'));
    at.registry.faults.add({
      action: {
        kind: 'status',
        status: 403,
        body: JSON.stringify({ errors: [{ code: 'DENIED', message: nasty }] }),
      },
      when: ({ path }) => path.includes('/base/'),
    });
    const outcomes = [
      await at.run('run', '--once'),
      await at.run('status', 'web'),
      await at.run('history', 'web'),
      await at.run('status', nasty),
      await at.run('hold', 'web', '--reason', nasty),
      await at.run('status', 'web'),
      await at.run('explain', 'odd'),
      await at.run('graph', '--format', 'dot'),
      await at.runBare('--dir', join(at.root, nasty), 'validate'),
      await at.runBare(nasty),
      await at.runBare('status', `--${nasty}`),
      await at.runBare('--output', nasty, 'status'),
    ];
    const said = outcomes.map(({ out, err }) => (out + err).replaceAll('\r', ''));
    for (const text of said) expect(text).not.toMatch(controls);
    expect(said[0]).toContain('\uFFFD');
    expect(said[3]).toContain('\uFFFD');
    const json = await at.run('--output', 'json', 'status', 'web');
    expect(json.out).not.toMatch(controls);
    expect(JSON.parse(json.out).hold.reason).toBe(nasty);
  });

  it('shows progress on a terminal only, and clears it', async () => {
    const at = await placeWithImage();
    const quiet = await at.runBare('--dir', at.dir, 'check');
    expect(quiet.err).toBe('');
    at.io.stderrIsTerminal = true;
    const live = await at.runBare('--dir', at.dir, 'check', '--force');
    expect(live.err).toContain(`\r${escape}[Kreading`);
    expect(live.err.endsWith(`\r${escape}[K`)).toBe(true);
  });

  it('keeps credentials out of what it prints', async () => {
    const at = await placeWithImage();
    await writeFile(
      join(at.dir, 'images.yaml'),
      managed(at, 'web').replace(/repo: "[^"]*"/, 'repo: "https://bob:hunter2@127.0.0.1:1/a.git"'),
    );
    for (const command of [['run', '--once'], ['doctor'], ['plan']]) {
      const { out, err } = await at.runBare('--dir', at.dir, '--log-level', 'debug', ...command);
      expect(out + err).not.toContain('hunter2');
    }
    await at.enrol(
      managed(at, 'web'),
      settings({ ...at, remote: { path: 'https://bob:hunter2@127.0.0.1:1/state.git' } }),
    );
    const { out, err } = await at.runBare('--dir', at.dir, 'status');
    expect(out + err).not.toContain('hunter2');
  });
});
