import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Milliseconds of one run of the work. */
export async function timeOf(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('median of nothing');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export interface Comparison {
  /** Medians in milliseconds. */
  readonly subject: number;
  readonly baseline: number;
  readonly ratio: number;
}

/**
 * Times two pieces of work in turn, so that a machine that slows down meanwhile slows both. One run of each beforehand is
 * not counted: it fills caches.
 */
export async function compare(
  times: number,
  subject: () => unknown,
  baseline: () => unknown,
): Promise<Comparison> {
  const subjectTimes: number[] = [];
  const baselineTimes: number[] = [];
  await baseline();
  await subject();
  for (let round = 0; round < times; round += 1) {
    baselineTimes.push(await timeOf(baseline));
    subjectTimes.push(await timeOf(subject));
  }
  const medians = { subject: median(subjectTimes), baseline: median(baselineTimes) };
  return { ...medians, ratio: medians.subject / medians.baseline };
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are no failure; default only 0. */
  readonly exitCodes?: readonly number[];
}

export interface ChildRun {
  /** Milliseconds from start to end. */
  readonly wall: number;
  readonly stdout: string;
}

/** Runs a command to its end; throws with the end of its stderr if it fails. */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildRun> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildRun>();
  const began = performance.now();
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  child.on('error', reject);
  child.on('close', (code, signal) => {
    const wall = performance.now() - began;
    if (code !== null && (options.exitCodes ?? [0]).includes(code)) return resolve({ wall, stdout });
    reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${stderr}`));
  });
  return promise;
}

/**
 * Wall time and peak resident memory (bytes) of one run of a Node program, its own children not counted. The measuring hook
 * adds some milliseconds: for short programs time them with {@link runChild}.
 */
export async function runNodeWithMemory(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildRun & { readonly peakMemory: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-memory-'));
  try {
    const file = join(folder, 'peak');
    const hook = new URL('./peak-memory.mjs', import.meta.url).href;
    const env = { ...options.env, IMAGE_FACTORY_PEAK_FILE: file };
    const run = await runChild(process.execPath, ['--import', hook, ...args], { ...options, env });
    return { ...run, peakMemory: Number(await readFile(file, 'utf8')) * 1024 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `0.84 ms`, `12.3 ms`, `950 ms`, `1.25 s`. */
export function formatTime(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? Math.round(ms) : ms.toPrecision(3)} ms`;
}

/** In megabytes of 1024 x 1024 bytes. */
export function formatMemory(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
