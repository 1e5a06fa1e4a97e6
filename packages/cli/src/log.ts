import type { Log } from '@image-factory/engine/deps.ts';
import type { Io } from './io.ts';
import { printable } from './render/style.ts';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Log lines and a progress line on stderr; the progress line only on a terminal. */
export function createLog(io: Io, level: LogLevel): Log & { clear(): void } {
  const rank = logLevels.indexOf(level);
  const live = io.stderrIsTerminal && rank >= logLevels.indexOf('info');
  let shown = false;
  let lastProgress = 0;
  const clear = (): void => {
    if (shown) io.err('\r\u001b[K');
    shown = false;
  };
  const line = (at: LogLevel) => (message: string) => {
    if (logLevels.indexOf(at) > rank) return;
    clear();
    io.err(`${at === 'info' ? '' : `${at}: `}${printable(message)}\n`);
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    progress(message) {
      const now = io.now();
      if (!live || now - lastProgress < 80) return;
      lastProgress = now;
      shown = true;
      io.err(`\r\u001b[K${printable(message).slice(0, io.width - 1)}`);
    },
    clear,
  };
}
