import { Buffer } from 'node:buffer';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Duration } from '@image-factory/core/time.ts';
import { gitEnvironment, type Environment } from './environment.ts';
import { GitFailure, gitArguments } from './process.ts';

export type ObjectAnswer =
  | { readonly kind: 'object'; readonly type: string; readonly bytes: Buffer }
  | { readonly kind: 'too-large'; readonly type: string; readonly size: number }
  | { readonly kind: 'missing' };

/** Reads objects by id from one repository through a `git cat-file` that stays until it is idle. */
export interface ObjectReader {
  /** Answers in order. Bodies above `limit` bytes are skipped, not kept. */
  read(ids: readonly string[], limit: number): Promise<readonly ObjectAnswer[]>;
  close(): void;
}

interface ReaderOptions {
  readonly idleTime?: Duration;
  /** Of git's own, such as where else objects are. */
  readonly variables?: Readonly<Record<string, string>>;
}

interface Batch {
  readonly count: number;
  readonly limit: number;
  readonly answers: ObjectAnswer[];
  readonly resolve: (answers: readonly ObjectAnswer[]) => void;
  readonly reject: (failure: Error) => void;
}

type CatFile = ChildProcessByStdio<Writable, Readable, null>;

/** From so many objects on, a process of their own with buffered output is four times as fast. */
const bulk = 64;
/** No byte for so long: the repository hangs (a network mount, a lazy fetch). */
const stallTime = 60_000;

export function createObjectReader(
  gitDir: string,
  environment: Environment,
  { idleTime = 5000, variables = {} }: ReaderOptions = {},
): ObjectReader {
  const outer = () => ({ ...gitEnvironment(environment), ...variables });
  let lasting: Conversation | undefined;
  let idle: NodeJS.Timeout | undefined;
  function close(): void {
    clearTimeout(idle);
    lasting?.end();
    lasting = undefined;
  }
  return {
    async read(ids, limit) {
      if (ids.length === 0) return [];
      if (ids.some((id) => !/^[0-9a-f]{40,64}$/.test(id)))
        throw new Error('object ids must be whole hexadecimal ids');
      if (ids.length >= bulk) {
        const once = converse(gitDir, outer(), ['--batch', '--buffer']);
        const answers = once.ask(ids, limit);
        once.end();
        return answers;
      }
      clearTimeout(idle);
      if (lasting === undefined || lasting.broken()) lasting = converse(gitDir, outer(), ['--batch']);
      const answers = await lasting.ask(ids, limit);
      clearTimeout(idle);
      idle = setTimeout(close, idleTime).unref();
      return answers;
    },
    close,
  };
}

interface Conversation {
  ask(ids: readonly string[], limit: number): Promise<readonly ObjectAnswer[]>;
  broken(): boolean;
  /** No more questions; what was asked is answered. */
  end(): void;
}

function converse(
  gitDir: string,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[],
): Conversation {
  const child: CatFile = spawn('git', gitArguments(['cat-file', ...flags], gitDir), {
    cwd: gitDir,
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting: Batch[] = [];
  let failed = false;
  let stall: NodeJS.Timeout | undefined;
  const parse = answerParser(
    () => waiting[0]?.limit ?? 0,
    (answer) => {
      const batch = waiting[0];
      if (batch === undefined) return;
      batch.answers.push(answer);
      if (batch.answers.length < batch.count) return;
      waiting.shift();
      batch.resolve(batch.answers);
      if (waiting.length === 0) setReferenced(child, false);
    },
  );
  function fail(): void {
    failed = true;
    clearTimeout(stall);
    for (const batch of waiting.splice(0))
      batch.reject(new GitFailure('exit', 'cat-file', `cat-file ended early in ${gitDir}`));
  }
  function watch(): void {
    clearTimeout(stall);
    if (waiting.length > 0) stall = setTimeout(() => child.kill('SIGKILL'), stallTime);
  }
  child.stdout.on('data', (chunk: Buffer) => {
    parse(chunk);
    watch();
  });
  child.stdin.on('error', () => {});
  child.on('error', fail);
  child.on('close', fail);
  return {
    ask(ids, limit) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ObjectAnswer[]>();
      if (failed)
        return Promise.reject(new GitFailure('exit', 'cat-file', `cat-file has ended in ${gitDir}`));
      setReferenced(child, true);
      waiting.push({ count: ids.length, limit, answers: [], resolve, reject });
      watch();
      child.stdin.write(`${ids.join('\n')}\n`);
      return promise;
    },
    broken: () => failed,
    end: () => child.stdin.end(),
  };
}

/** An idle reader must not keep the program from ending. */
function setReferenced(child: CatFile, referenced: boolean): void {
  for (const part of [child, child.stdin, child.stdout] as unknown as {
    ref?: () => void;
    unref?: () => void;
  }[]) {
    if (referenced) part.ref?.();
    else part.unref?.();
  }
}

/** Splits `<id> <type> <size>\n<bytes>\n` and `<id> missing\n` out of a stream of chunks. */
function answerParser(limit: () => number, emit: (answer: ObjectAnswer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let body: { type: string; size: number; bytes: Buffer | undefined; filled: number } | undefined;
  return function parse(chunk) {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    while (data.length > 0) {
      if (body !== undefined) {
        const wanted = body.size - body.filled;
        const part = data.subarray(0, wanted);
        if (body.bytes !== undefined) part.copy(body.bytes, body.filled);
        body.filled += part.length;
        if (data.length <= wanted) return;
        data = data.subarray(wanted + 1);
        const { type, size, bytes } = body;
        body = undefined;
        emit(bytes === undefined ? { kind: 'too-large', type, size } : { kind: 'object', type, bytes });
        continue;
      }
      const newline = data.indexOf(10);
      if (newline === -1) {
        rest = data;
        return;
      }
      const [, type = '', size = ''] = data.toString('latin1', 0, newline).split(' ');
      data = data.subarray(newline + 1);
      if (size === '') {
        emit({ kind: 'missing' });
        continue;
      }
      const length = Number(size);
      if (length <= limit() && data.length > length) {
        emit({ kind: 'object', type, bytes: data.subarray(0, length) });
        data = data.subarray(length + 1);
      } else {
        body = {
          type,
          size: length,
          bytes: length <= limit() ? Buffer.allocUnsafe(length) : undefined,
          filled: 0,
        };
      }
    }
  };
}
