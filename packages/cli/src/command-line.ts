import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { CommanderError } from 'commander';
import { exitOf, problemsText, type Answer, type ExitCode } from './answer.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { ProblemsError } from './problems-error.ts';
import { buildProgram, type Execute } from './program.ts';
import { createStyle, toTerminal } from './render/style.ts';

/** Runs one command line and answers its exit code; prints the answer to stdout and everything else to stderr. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exit: ExitCode = 0;
  const isJson = asksForJson(argv);
  const execute: Execute = async (options, run) => {
    exit = await answer(options, io, run);
  };
  // As JSON a wrong command line is told below, and nowhere else.
  const program = isJson ? buildProgram(io, execute, () => {}) : buildProgram(io, execute);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return 0;
    if (isJson) io.out(jsonText({ problems: [usageProblem(thrown)] }));
    return 2;
  }
}

/** Read by hand: a command line that is wrong has no options yet. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const forms = words.flatMap((word, index) => {
    if (word === '--output') return words[index + 1] ?? [];
    return word.startsWith('--output=') ? word.slice('--output='.length) : [];
  });
  return forms.at(-1) === 'json';
}

function usageProblem({ code, message }: CommanderError): Problem {
  const hint = 'image-factory --help lists the commands and options.';
  if (code === 'commander.help') return { code: 'USAGE', message: 'there is no command', hint };
  const [what = '', ...near] = message.replace(/^error: /, '').split('\n');
  const guess = near.join(' ').replace(/^\((.*)\)$/, '$1 ');
  return { code: 'USAGE', message: what, hint: `${guess}${hint}` };
}

async function answer(options: GlobalOptions, io: Io, run: () => Promise<Answer>): Promise<ExitCode> {
  const style = createStyle({ width: io.width, now: io.now() });
  const plain = Boolean(io.env['NO_COLOR']);
  const complain = (problems: readonly Problem[]): void =>
    io.err(toTerminal(problemsText(problems, style), io.stderrIsTerminal && !plain));
  try {
    const { value, text, problems = [], exit, selfContained = false } = await run();
    if (options.output === 'json') {
      const whole = problems.length > 0 && !selfContained && isRecord(value) ? { ...value, problems } : value;
      io.out(jsonText(whole));
    } else {
      io.out(toTerminal(text(style), io.stdoutIsTerminal && !plain));
      complain(problems);
    }
    return exit ?? (problems.length > 0 ? 1 : 0);
  } catch (thrown) {
    const problem = problemOf(thrown);
    const problems = thrown instanceof ProblemsError ? thrown.problems : [problem];
    if (options.output === 'json') io.out(jsonText({ problems }));
    else complain(problems);
    if (problem.code === 'INTERNAL' && options.logLevel === 'debug' && thrown instanceof Error)
      io.err(`${thrown.stack ?? ''}\n`);
    return exitOf(problem);
  }
}

/** JSON escapes only half of what a terminal takes for commands; the other half is escaped here, with the same meaning. */
function jsonText(value: unknown): string {
  const escaped = (character: string): string =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value, undefined, 2).replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped)}\n`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
