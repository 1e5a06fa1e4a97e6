import { outputClosed } from './closed-output.ts';

/**
 * Aborted by SIGINT or SIGTERM, and when nobody reads the output any more: what runs ends in order. A second signal ends
 * the process at once.
 */
export function stopSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error('asked to stop'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: AbortSignal.any([controller.signal, outputClosed]),
    dispose() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
