/** What shells report of a program that SIGPIPE ended: 128 + 13. */
const endedBySigpipe = 141;

const closed = new AbortController();

/** Aborted when nobody reads stdout or stderr any more: what runs ends in order, as after a stop signal. */
export const outputClosed: AbortSignal = closed.signal;

/**
 * A reader that has seen enough (`| head`) is no failure of ours: the rest of the output is dropped, and the process ends
 * with the exit code of a program that wrote into a closed pipe. Node ignores SIGPIPE and would end with a stack instead.
 */
export function endQuietlyWhenClosed(streams: readonly NodeJS.WriteStream[]): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (outputClosed.aborted) return;
      // The last word on the exit code: the answer of the command comes later, or was the one that nobody read.
      process.once('exit', () => (process.exitCode = endedBySigpipe));
      closed.abort(new Error('nobody reads the output any more'));
    });
  }
}
