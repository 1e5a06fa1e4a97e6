import { buildProgram } from '../packages/cli/src/program.ts';
import type { Io } from '../packages/cli/src/io.ts';

type Command = ReturnType<typeof buildProgram>;
type Option = Command['options'][number];
type Argument = Command['registeredArguments'][number];

/** What a command does to the world outside, and what a person wants to know beyond its options. */
interface Note {
  /** The state and files that it writes. */
  readonly writes: string;
  /** Whom it asks. */
  readonly asks: string;
  readonly text: string;
}

const notes: Readonly<Record<string, Note>> = {
  init: {
    writes: '`images.yaml` and `factory.yaml`',
    asks: 'nobody',
    text: 'Refuses to write where one of the two files is there already.',
  },
  enroll: {
    writes: '`images.yaml`',
    asks: 'nobody',
    text: 'Adds an entry and keeps the comments of the file. With `--repo` it is a managed image, with `--allow-tags` an external one. An entry that `validate` would refuse is not written.',
  },
  validate: {
    writes: 'nothing',
    asks: 'nobody',
    text: 'Reports every mistake at once, with file, line and column. Exits with 2 if there is one.',
  },
  dependencies: {
    writes: 'nothing',
    asks: 'nobody',
    text: 'Needs no factory directory. A Dockerfile that BuildKit would refuse ends with exit code 1, with the line.',
  },
  analyze: {
    writes: 'state',
    asks: 'source repositories',
    text: 'The first step of a cycle by itself. With `--image` it reads one image only; `--tag` and `--digest` then record the version that was built. An analysis Job passes all of these flags. With `--git-repo` the repository is cloned (FACTORY_GIT_TOKEN holds its token), and `--image-factory-dir` is a folder within it; where that is a factory directory of this machine, the repository keeps the state instead.',
  },
  check: {
    writes: 'state',
    asks: 'source repositories, registries',
    text: 'The first two steps of a cycle by themselves. A public registry is asked at most once in 24 h for a tag; `--force` asks all the same.',
  },
  observe: {
    writes: 'state, images',
    asks: 'source repositories, registries, CI systems',
    text: 'A cycle that looks at one base or external image whenever it was asked last: for Jobs that Kargo starts when a tag moved, and for webhooks of registries. What the caller says of the digest is not believed; the look is.',
  },
  plan: {
    writes: 'nothing',
    asks: 'source repositories, registries; with `--offline` nobody but the state',
    text: 'Without `--all` it lists the managed images for which something is to be done.',
  },
  explain: {
    writes: 'nothing',
    asks: 'as `plan`',
    text: 'The decision for one image with all its reasons. [Troubleshooting](troubleshooting.md) lists every reason.',
  },
  run: {
    writes: 'state, images',
    asks: 'source repositories, registries, builders',
    text: 'Without `--once` it runs cycle after cycle, with a pause of `timing.interval`, until SIGINT or SIGTERM; builds that run in its own process are then cancelled and recorded, and a second signal ends it at once. `--force` and `--wait` are refused without `--once`.',
  },
  serve: {
    writes: 'state, images',
    asks: 'source repositories, registries, builders',
    text: 'Runs until SIGINT or SIGTERM, as `run` does, and answers HTTP requests ([the server](server.md)). With `--git-repo` the factory directory is cloned and brought up to date before each cycle. With the kargo engine it starts what Kargo asks for and follows that (`kargo.server`).',
  },
  rebuild: {
    writes: 'state, images',
    asks: 'source repositories, registries, builders',
    text: 'One cycle in which this image alone may start. It uses the newest settled digests although their delay is not over, unless `--respect-delay` is given. Slot, back-off, the daily limit, `autoRebuild: false` and `mode: pull-request` do not stop it; a hold, a freeze window without `allowEmergency` and the limits on concurrent rebuilds do. Exits with 1 if it was not started or did not succeed. With `--retry` no build is begun: what failed of the last run is run again, under its key and its attempt ([concepts](concepts.md#the-same-run-again)).',
  },
  status: {
    writes: 'nothing',
    asks: 'the state',
    text: 'What the last cycle recorded. With the name of an image: what it contains and how that is known. With the name of a base, or its reference (`node:22`): its ledger, and for every image that is built from it the delay, what is approved and what stands in the way of what is newer.',
  },
  graph: {
    writes: 'nothing',
    asks: 'the state',
    text: 'Bases on top, what is built on them below. A copy or a mount is marked, or drawn as a dashed line.',
  },
  history: {
    writes: 'nothing',
    asks: 'the state',
    text: 'Takes the name of an image or of a base. Events come first, the ledger after them, both newest first.',
  },
  hold: {
    writes: 'state',
    asks: 'the state',
    text: 'Takes the name of an image or of a base. `--digest` is for bases and external images; on a managed image, which a hold stops as a whole, it is refused.',
  },
  release: {
    writes: 'state',
    asks: 'the state',
    text: 'Takes the name of an image or of a base.',
  },
  doctor: {
    writes: 'nothing but its cache folder',
    asks: 'source repositories, registries, builders, the state',
    text: 'Checks git, the cache folder, the configuration, the local builder, tokens, the secrets of `serve`, channels, the state, every Dockerfile, one tag of every registry, and the clock. Exits with 1 if something has to be mended.',
  },
  rollback: {
    writes: 'state, tags in the registry; an image where a tag cannot be moved',
    asks: 'the registry of the image, the state; builders where it has to rebuild',
    text: 'Points all `tags` of the image at the earlier digest. Where the registry does not let tags be moved, or the digest is gone, it rebuilds on the pins of that build. Either way the image is held afterwards: `release` lets it follow its bases again.',
  },
  version: {
    writes: 'state',
    asks: 'the registry of the image, the state',
    text: '`version next` prints the version alone. It is above every whole version among the tags and above every one that was given away before, so that builds of one commit that run at once get different ones; with the same `--key` the answer is the same. An image without versions starts at 0.1.0.',
  },
  engine: {
    writes: 'state',
    asks: 'the state; CI systems while rebuilds are open',
    text: 'Without an argument it only tells. Handing over waits up to an hour for open rebuilds (`--no-wait` refuses instead) and begins a new epoch: what the old engine decided and did not start is never started. Stop the old engine first, and change `engine` in factory.yaml afterwards.',
  },
  'lint-kargo': {
    writes: 'nothing',
    asks: 'nobody',
    text: 'Takes files with any number of documents, folders (every `.yaml`, `.yml` and `.json` below them that says `apiVersion` and `kind`) and `-` for standard input, and needs no factory directory. All of them are one set: a Stage may name a Warehouse of another file. [Rules for Kargo](reference/kargo-rules.md) lists what it finds. Exits with 1 if there is an error, with `--strict` also for a warning, and with 2 if something could not be read.',
  },
  'spread-looks': {
    writes: 'one annotation of Warehouses, in the cluster',
    asks: 'the API server of the cluster',
    text: 'Run every hour by the CronJob of [components/spread-looks](kargo.md#looks-over-the-day); needs no factory directory. It asks Kargo for one look at each upstream Warehouse whose label names this hour and whose last look was in another one, so that the later looks stay in the hour. Twice in an hour it does no more than once.',
  },
  migrate: {
    writes: 'with `--write` a new factory directory at `--dir`',
    asks: 'nobody',
    text: 'Reads `images.yaml`, the records in `images` and `base-images` (at the root or in `state/`), the settings of its generator and the manifests in `dist`, and says what changes and why; what it marks with `to do` is for a person. Records are taken along as they are. With `--write` the result is put in place by one rename, into a folder that is new or empty; where something cannot be taken over, nothing is written and the exit code is 2. [Coming from the older tool](kargo.md#coming-from-the-older-tool) goes through it.',
  },
  synth: {
    writes: 'the folder `dist`, or the one that `--out` names',
    asks: 'the remote of the state',
    text: 'Needs `engine: kargo`, `state.mode: git` with an http(s) remote, and `kargo.image`. Everything is validated first ([Rules for Kargo](reference/kargo-rules.md)), and nothing is written where Kargo would refuse any of it, nor from a state that cannot be read in full. The same factory and state give the same bytes. `--layout files` writes a file for each resource, and takes away those that it wrote before and are generated no more. Exits with 1 if there are images that Kargo cannot watch or rebuild; with `--check` nothing is written, and 1 means that the folder is not up to date.',
  },
  workflows: {
    writes: 'with `--write` files below the folder that it names',
    asks: 'source repositories',
    text: 'For images that GitHub, GitLab, Gitea or Forgejo build. It looks for the workflow file of each, and makes one where there is none; where the repository cannot be read it says so and makes one all the same. Without `--github-build` or `--gitlab-component` the build itself is written beside its callers. Commit the files yourself; [Workflows](workflows.md) explains them. Nothing is written where a file is there and differs.',
  },
  notify: {
    writes: 'nothing',
    asks: 'the channels of `notifications`',
    text: 'Exits with 1 if a channel could not be told. At an issue tracker it opens an issue and closes it. [Notifications](notifications.md) has the settings.',
  },
  schema: {
    writes: 'nothing',
    asks: 'nobody',
    text: 'NAME is `images` (the default) or `factory`.',
  },
  completion: {
    writes: 'nothing',
    asks: 'nobody',
    text: 'For bash: `source <(image-factory completion bash)`.',
  },
};

/** The reference page of the command line, as Markdown. */
export function cliPage(): string {
  const program = buildProgram(silentIo, async () => undefined);
  const overview = program.commands.map((command) => {
    const { writes, asks } = noteOf(command);
    return `| [\`${command.name()}\`](#${command.name()}) | ${cell(command.description())} | ${cell(writes)} | ${cell(asks)} |`;
  });
  return [
    introduction,
    '## Options of every command',
    '',
    'They may stand before or after the command.',
    '',
    optionTable(program.options),
    '',
    '## Commands',
    '',
    '| command | what it does | writes | asks |',
    '|---|---|---|---|',
    ...overview,
    '',
    ...program.commands.map((command) => section(command)),
  ].join('\n');
}

/** Names of the notes: each must be a command, and each command must have one. */
export const notedCommands: readonly string[] = Object.keys(notes);

function noteOf(command: Command): Note {
  const note = notes[command.name()];
  if (!note) throw new Error(`tools/cli-page.ts has no note for the command ${command.name()}`);
  return note;
}

function section(command: Command): string {
  const usage = ['image-factory', command.name(), ...command.registeredArguments.map(argumentText)];
  if (command.options.length > 0) usage.push('[options]');
  const parts = [
    `### ${command.name()}`,
    '',
    '```',
    usage.join(' '),
    '```',
    '',
    sentence(command.description()),
    noteOf(command).text,
    '',
  ];
  if (command.options.length > 0) parts.push(optionTable(command.options), '');
  return parts.join('\n');
}

function argumentText(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => {
    const choices = option.argChoices ? `: ${option.argChoices.map((word) => `\`${word}\``).join(', ')}` : '';
    const value = option.defaultValue as unknown;
    const shown = typeof value === 'string' || typeof value === 'number' ? `\`${value}\`` : '';
    return `| \`${option.flags}\` | ${cell(option.description + choices)} | ${option.mandatory ? 'required' : shown} |`;
  });
  return ['| option | meaning | default |', '|---|---|---|', ...rows].join('\n');
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** Nothing of this machine gets into the page. */
const silentIo: Io = {
  env: {},
  cwd: '/',
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  width: 80,
  out: () => undefined,
  err: () => undefined,
  now: () => 0,
};

const introduction = `<!-- Written by \`npm run generate\` from the program itself and tools/cli-page.ts: change it there. -->

# The command line

\`\`\`
image-factory [--dir DIR] [--output text|json] [--log-level LEVEL] COMMAND
\`\`\`

The answer goes to stdout, everything else (progress, log, problems in text form) to stderr. With \`--output json\` the answer
is one JSON value; [its shapes](json-output.md) are described. Colour appears only on a terminal and never with \`NO_COLOR\`.

| exit code | meaning |
|---|---|
| 0 | All well. |
| 1 | Some images failed; the rest was done. \`doctor\`: something has to be mended. |
| 2 | The configuration or the command line is wrong; nothing was done. |
| 3 | Nothing could be done: the state is unreachable, or the clock is wrong. |
| 141 | The reader of the output went away (as \`head\` does), which ends a command as SIGINT does: in order, and without a word. |

| variable | meaning |
|---|---|
| \`IMAGE_FACTORY_DIR\` | The factory directory, where \`--dir\` is not given. |
| \`IMAGE_FACTORY_CACHE_DIR\` | Folder of the caches, build records and build logs. Default: \`image-factory\` in \`XDG_CACHE_HOME\`, else in \`~/.cache\`. |
| \`IMAGE_FACTORY_LOG_LEVEL\` | How much is said on stderr, where \`--log-level\` is not given: \`error\`, \`warn\`, \`info\` or \`debug\`; anything else counts as \`info\`. |
| \`IMAGE_FACTORY_USER\` | Who is recorded as the author of a hold or a rebuild. Default: the user of the process. |
| \`NO_COLOR\` | No colour, also on a terminal. |
`;
