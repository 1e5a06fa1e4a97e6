import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Answer } from './answer.ts';
import type { Flags } from './flags.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { logLevels } from './log.ts';
import { printable } from './render/style.ts';

/** Commands import what they need when they run, so that `status` does not pay for what `run` needs. */
type Run = (options: GlobalOptions, io: Io, args: readonly string[], flags: Flags) => Promise<Answer>;

/** The manifest lies beside both `src` and the built `dist`. */
function manifest(): { readonly version: string; readonly description: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as ReturnType<
    typeof manifest
  >;
}

/** Carries out a command whose line was read. */
export type Execute = (options: GlobalOptions, run: () => Promise<Answer>) => Promise<void>;

/** Every command with its options: a command line is read by it, and the page of the commands is written from it. */
export function buildProgram(
  io: Io,
  execute: Execute,
  complain: (text: string) => void = (text) => io.err(printable(text)),
): Command {
  const { version, description } = manifest();
  const program = new Command('image-factory')
    .description(description)
    .version(version)
    .option(
      '--dir <dir>',
      'the factory directory, which holds images.yaml',
      io.env['IMAGE_FACTORY_DIR'] ?? '.',
    )
    .addOption(new Option('--output <form>', 'form of the answer').choices(['text', 'json']).default('text'))
    .addOption(
      new Option('--log-level <level>', 'how much is said on stderr')
        .choices([...logLevels])
        .default(logLevels.find((level) => level === io.env['IMAGE_FACTORY_LOG_LEVEL']) ?? 'info'),
    )
    .showHelpAfterError('(run with --help for the options)')
    .enablePositionalOptions(false)
    // Commands inherit these two, so they stand before the first of them.
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: complain });

  function add(usage: string, about: string, load: () => Promise<Run>): Command {
    return program
      .command(usage)
      .description(about)
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const args = command.processedArgs
          .flat()
          .filter((value): value is string => typeof value === 'string');
        const options = command.optsWithGlobals<GlobalOptions>();
        await execute(options, async () => (await load())(options, io, args, command.opts()));
      });
  }

  add(
    'init',
    'write a first images.yaml and factory.yaml',
    async () => (await import('./commands/init.ts')).init,
  );
  add(
    'enroll <name>',
    'add an image to images.yaml',
    async () => (await import('./commands/enroll.ts')).enroll,
  )
    .option('--repository <image>', 'where the image is pushed or pulled: ghcr.io/acme/backstage')
    .option(
      '--repo <repo>',
      'source repository: owner/name, a URL, or . for this one; makes it a managed image',
    )
    .option('--provider <provider>', 'github, gitlab, gitea, forgejo, local or webhook')
    .option('--branch <branch>', 'source branch')
    .option('--dockerfile <path>', 'path in the source repository')
    .option('--context <path>', 'build context in the source repository')
    .option('--tags <tags>', 'tags that its build moves, with commas', words)
    .option('--allow-tags <regex>', 'external image: the tags to watch')
    .option('--strategy <strategy>', 'external image: Lexical, SemVer, NewestBuild or Digest')
    .option('--delay <duration>', 'rebuildDelay: 7d, 12h');
  add(
    'validate',
    'check images.yaml, images.d and factory.yaml',
    async () => (await import('./commands/validate.ts')).validate,
  );
  add(
    'dependencies <file>',
    'list the images that a Dockerfile is built from',
    async () => (await import('./commands/dependencies.ts')).dependencies,
  )
    .option('--build-arg <name=value>', 'a build argument; repeatable', collect, [])
    .option('--target <stage>', 'the stage to build')
    .option('--platform <platform>', 'the target platform; repeatable', collect, [])
    .option('--build-context <name=value>', 'a named build context; repeatable', collect, []);
  atJob(
    add(
      'analyze',
      'read every Dockerfile and record what it is built from',
      async () => (await import('./commands/analyze.ts')).analyze,
    )
      .option('--image <name>', 'only this image')
      .option('--tag <tag>', 'the version that was built')
      .option('--digest <digest>', 'the digest that was built')
      .option('--dockerfile <path>', 'read this path instead of the enrolled one')
      .option('--source-repo <repo>', 'read from this repository instead of the enrolled one')
      .option('--source-provider <provider>', 'provider of that repository'),
  );
  add(
    'check',
    'look at every base in its registry and record what is new',
    async () => (await import('./commands/check.ts')).check,
  ).option('--force', 'ask registries although they were asked lately');
  atJob(
    add(
      'observe',
      'look at a tag that is said to have moved, and decide what follows',
      async () => (await import('./commands/observe.ts')).observe,
    )
      .option('--name <name>', 'the base or external image')
      .option('--tag <tag>', 'its tag, for the record')
      .option('--digest <digest>', 'the digest that is said to be there, for the record'),
  );
  add(
    'plan',
    'show what a run would do now, for every image',
    async () => (await import('./commands/plan.ts')).plan,
  )
    .option('--offline', 'from the recorded state only: ask no registry and no repository')
    .option('--all', 'show images for which nothing is to be done, too');
  add(
    'explain <name>',
    'why an image is, or is not, rebuilt',
    async () => (await import('./commands/explain.ts')).explain,
  ).option('--offline', 'from the recorded state only');
  atJob(
    add(
      'run',
      'run cycles: discover, observe, decide, rebuild, record',
      async () => (await import('./commands/run.ts')).run,
    )
      .option('--once', 'one cycle')
      .option('--force', 'with --once: ask registries although they were asked lately')
      .option('--wait', 'with --once: wait for runs of remote CI too'),
  );
  atJob(
    add(
      'serve',
      'run cycles as run does, and listen: to CI systems that tell of their runs, and to Kargo',
      async () => (await import('./commands/serve.ts')).serve,
    ).option('--listen <host:port>', 'where; default: server.listen of factory.yaml, else 127.0.0.1:8480'),
  );
  add(
    'rebuild <name>',
    'rebuild one image now, with a reason, or run its last build again',
    async () => (await import('./commands/rebuild.ts')).rebuild,
  )
    .option('--reason <text>', 'why; recorded. Only --retry goes without')
    .option('--retry', 'run again what failed of the last run: the same build, the same attempt')
    .option('--respect-delay', 'use only digests whose delay is over')
    .option('--wait', 'wait for the run of remote CI');
  add(
    'status [name]',
    'what is known of the images, of one of them, or of a base',
    async () => (await import('./commands/status.ts')).status,
  );
  add(
    'graph',
    'how images build on each other',
    async () => (await import('./commands/graph.ts')).graph,
  ).addOption(
    new Option('--format <format>', 'form of the graph')
      .choices(['text', 'mermaid', 'dot', 'svg', 'json'])
      .default('text'),
  );
  add(
    'history <name>',
    'what happened to an image or base',
    async () => (await import('./commands/history.ts')).history,
  ).option('--limit <count>', 'at most so many lines', count, 50);
  add(
    'hold <name>',
    'stop an image, a base, or one digest',
    async () => (await import('./commands/hold.ts')).hold,
  )
    .requiredOption('--reason <text>', 'why; recorded')
    .option('--until <time>', 'when it ends: a duration such as 3d, or a time such as 2026-12-24')
    .option('--digest <digest>', 'only this digest');
  add(
    'release <name>',
    'end a hold, and clear what failures stopped',
    async () => (await import('./commands/hold.ts')).release,
  ).option('--digest <digest>', 'only the hold on this digest');
  add(
    'doctor',
    'check what a first user gets wrong, and say how to mend it',
    async () => (await import('./commands/doctor.ts')).doctor,
  );
  add(
    'workflows [names...]',
    'write the CI workflows of images whose repository has none',
    async () => (await import('./commands/workflows.ts')).workflows,
  )
    .option('--write <dir>', 'write the files there, a folder for each repository; else they are printed')
    .option('--force', 'with --write: replace files that differ')
    .option(
      '--github-build <address>',
      'the reusable workflow to call: owner/name/.github/workflows/build-image.yml@COMMIT',
    )
    .option(
      '--gitlab-component <address>',
      'the component to include: host/group/project/build-image@VERSION',
    );
  add(
    'notify',
    'send a test message to those who are told of news',
    async () => (await import('./commands/notify.ts')).notify,
  ).requiredOption('--test [channel]', 'to this channel; without a name to all');
  add(
    'schema [name]',
    'print the JSON Schema of images.yaml or factory.yaml',
    async () => (await import('./commands/schema.ts')).schema,
  );
  add('completion <shell>', 'print a completion script for bash, zsh or fish', async () => {
    const { completion } = await import('./commands/completion.ts');
    return (options, _io, args) => completion(program, options, args);
  });
  add(
    'rollback <name>',
    'let an image be what it was before, and hold it there',
    async () => (await import('./commands/rollback.ts')).rollback,
  )
    .requiredOption('--reason <text>', 'why; recorded')
    .option('--to <digest>', 'the digest to go back to; default: the build before this one');
  atJob(
    add(
      'version <action> <name>',
      'version next NAME: give a build the next version of its image',
      async () => (await import('./commands/version.ts')).version,
    )
      .option('--bump <part>', 'patch, minor or major', 'patch')
      .option('--channel <word>', 'a pre-release: beta gives 1.3.0-beta.1')
      .option('--key <key>', 'asked again with it, the answer is the same; default: FACTORY_KEY'),
  );
  add(
    'engine [engine]',
    'show which engine owns the state, or hand it over to embedded or kargo',
    async () => (await import('./commands/engine.ts')).engine,
  ).option('--no-wait', 'do not wait for open rebuilds');
  add(
    'synth',
    'write what Kargo needs to run this factory',
    async () => (await import('./commands/synth.ts')).synth,
  )
    .option('--check', 'write nothing; fail where the folder is not up to date')
    .addOption(
      new Option('--layout <layout>', 'one file, or one for each resource')
        .choices(['single', 'files'])
        .default('single'),
    )
    .option('--out <folder>', 'where to; default: dist in the factory directory');
  add(
    'lint-kargo <file...>',
    'find what Kargo would refuse or fail at in manifests',
    async () => (await import('./commands/lint-kargo.ts')).lintKargo,
  ).option('--strict', 'warnings fail too');
  add(
    'spread-looks',
    'in a cluster: move the looks at bases to their hours of the day',
    async () => (await import('./commands/spread-looks.ts')).spreadLooks,
  )
    .option('--dry-run', 'ask for nothing')
    .option(
      '--service-account <folder>',
      'where its token, ca.crt and namespace are; default: where Kubernetes puts them',
    );
  add(
    'migrate',
    'take over a factory directory of the older Python tool',
    async () => (await import('./commands/migrate.ts')).migrate,
  )
    .option('--from <path>', 'the older factory directory; it is only read')
    .option('--write', 'put the result into --dir, which must be new or empty');
  return program;
}

/** Where a Job finds the factory directory. */
function atJob(command: Command): Command {
  return command
    .option(
      '--git-repo <url>',
      'the repository that holds the factory directory; it is cloned for this command',
    )
    .option('--git-branch <branch>', 'its branch')
    .option('--image-factory-dir <dir>', 'the factory directory within it, or here');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function words(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}

function count(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('write a whole number');
  return Number(text);
}
