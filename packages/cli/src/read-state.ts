import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { ProblemsError } from './problems-error.ts';
import { loadConfig } from './config-files.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { openStore } from './open-store.ts';

export interface ReadState {
  readonly state: FactoryState;
  readonly files: StateFiles;
  readonly problems: readonly Problem[];
}

/** The recorded state, for commands that only look. */
export async function readState(options: GlobalOptions, io: Io): Promise<ReadState> {
  const config = await loadConfig(options.dir);
  if (!config.ok) throw new ProblemsError(config.error);
  const store = await openStore(options.dir, config.value.settings, io);
  try {
    const { files } = await store.read();
    const { state, problems } = decodeState(files);
    const newer = problems.find(({ code }) => code === 'STATE_NEWER');
    if (newer) throw new FactoryError(newer);
    return { state, files, problems };
  } finally {
    store.close();
  }
}
