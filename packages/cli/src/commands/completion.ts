import { FactoryError } from '@image-factory/core/problem.ts';
import type { Command } from 'commander';
import type { Answer } from '../answer.ts';
import type { GlobalOptions } from '../global-options.ts';

/** Completion of commands and their options, generated from the program itself. */
export async function completion(
  program: Command,
  _options: GlobalOptions,
  args: readonly string[],
): Promise<Answer> {
  const shell = args[0] ?? '';
  const globals = longOptions(program);
  const commands = program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    options: [...longOptions(command), ...globals],
  }));
  const scripts: Readonly<Record<string, () => string>> = {
    bash: () => bash(commands, globals),
    zsh: () => zsh(commands),
    fish: () => fish(commands),
  };
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (!script) {
    throw new FactoryError({
      code: 'USAGE',
      message: `no completion for "${shell}"`,
      hint: 'Write bash, zsh or fish.',
    });
  }
  const text = script();
  return { value: { shell, script: text }, text: () => text };
}

interface Completed {
  readonly name: string;
  readonly about: string;
  readonly options: readonly string[];
}

function longOptions(command: Command): string[] {
  return command.options.flatMap(({ long }) => long ?? []);
}

function bash(commands: readonly Completed[], globals: readonly string[]): string {
  const cases = commands
    .map(({ name, options }) => `    ${name}) words="${options.join(' ')}" ;;`)
    .join('\n');
  return `# source <(image-factory completion bash)
_image_factory() {
  local word=\${COMP_WORDS[COMP_CWORD]} command= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --dir|--output|--log-level) i=$((i + 1)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command in
    '') words="${commands.map(({ name }) => name).join(' ')} ${globals.join(' ')}" ;;
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _image_factory image-factory
`;
}

function zsh(commands: readonly Completed[]): string {
  const list = commands
    .map(({ name, about }) => `    '${name}:${about.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`)
    .join('\n');
  const cases = commands
    .map(({ name, options }) => `      ${name}) compadd -- ${options.join(' ')}; _files ;;`)
    .join('\n');
  return `#compdef image-factory
# image-factory completion zsh > "\${fpath[1]}/_image-factory"
_image_factory() {
  local -a commands=(
${list}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    case $words[2] in
${cases}
    esac
  fi
}
compdef _image_factory image-factory
`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, about, options }) => [
    `complete -c image-factory -n __fish_use_subcommand -f -a ${name} -d '${about.replaceAll("'", "\\'")}'`,
    ...options.map(
      (option) => `complete -c image-factory -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
    ),
  ]);
  return `# image-factory completion fish | source\n${lines.join('\n')}\n`;
}
