import { runCommandLine } from '../command-line.ts';
import { processIo } from '../io.ts';
import { startProcess, type OwnProcess } from './own-process.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Tells the story: headings, the commands with their output, and what has to be true after them. */
export interface Stage {
  heading(text: string): void;
  say(text: string): void;
  /** Shows a command and its output, as a person would run it. */
  show(...args: readonly string[]): Promise<string>;
  /** Starts a command as a process of its own, with these variables besides; what it prints is not shown. */
  start(more: Variables, ...args: readonly string[]): OwnProcess;
  /** Runs a command quietly for its JSON answer. */
  ask<T>(...args: readonly string[]): Promise<T>;
  /** Something that the demo promises; the first that is not true ends it. */
  prove(claim: string, holds: boolean, detail?: string): void;
  readonly proved: number;
  /** The same story in another factory directory. */
  elsewhere(dir: string, env: Variables): Stage;
}

export function createStage(dir: string, env: Variables, told = { chapters: 0, proved: 0 }): Stage {
  const io = processIo();
  const colour = io.stdoutIsTerminal && !env['NO_COLOR'];
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const common = ['--dir', dir, '--log-level', 'warn'];
  const shown = (args: readonly string[]): string =>
    `${paint(36, `$ image-factory ${args.map(quoted).join(' ')}`)}`;

  async function run(
    args: readonly string[],
    isShown: boolean,
  ): Promise<{ out: string; err: string; exit: number }> {
    let out = '';
    let err = '';
    const exit = await runCommandLine([...common, ...args], {
      ...io,
      env,
      width: 110,
      stderrIsTerminal: false,
      stdoutIsTerminal: isShown && io.stdoutIsTerminal,
      out: (text) => (out += text),
      err: (text) => (err += text),
    });
    return { out, err, exit };
  }

  return {
    heading(text) {
      io.out(`\n${paint(1, `${++told.chapters}. ${text}`)}\n`);
    },
    say(text) {
      io.out(`${text}\n`);
    },
    async show(...args) {
      io.out(`${shown(args)}\n`);
      const { out, err } = await run(args, true);
      io.out(indented(out) + indented(err));
      return out;
    },
    start(more, ...args) {
      const running = startProcess([...common, ...args], { ...env, ...more });
      io.out(`${shown(args)}   # process ${running.pid}\n`);
      return running;
    },
    async ask<T>(...args: readonly string[]): Promise<T> {
      const { out, err } = await run(['--output', 'json', ...args], false);
      try {
        return JSON.parse(out) as T;
      } catch (cause) {
        throw new Error(`image-factory ${args.join(' ')} gave no JSON: ${out}${err}`, { cause });
      }
    },
    prove(claim, holds, detail) {
      if (!holds) throw new Error(`not true: ${claim}${detail === undefined ? '' : ` (${detail})`}`);
      told.proved++;
      io.out(`${paint(32, '✓')} ${claim}\n`);
    },
    get proved() {
      return told.proved;
    },
    elsewhere: (other, otherEnv) => createStage(other, otherEnv, told),
  };
}

function quoted(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word}'`;
}

function indented(text: string): string {
  return text === '' ? '' : `${text.trimEnd().replaceAll(/^/gm, '  ')}\n`;
}
