import { join } from 'node:path';
import { quickStatePlace } from '@image-factory/core/enrolment/state-place.ts';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { StateFiles } from '@image-factory/core/ports/state-store.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { ProblemsError } from './problems-error.ts';
import { readConfigFile, requireFactoryDirectory } from './config-file.ts';
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
  const store = await openStore(options.dir, await statePlace(options.dir), io);
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

/**
 * From factory.yaml alone: reading the enrolments would take most of the time, and what is recorded can be looked at
 * while they are wrong.
 */
async function statePlace(dir: string): Promise<Settings['state']> {
  requireFactoryDirectory(dir);
  const factory = await readConfigFile(join(dir, 'factory.yaml'));
  const quick = quickStatePlace(factory?.text);
  if (quick) return quick;
  const { readSettingsAlone } = await import('@image-factory/core/enrolment/read-config.ts');
  const { settings, problems } = readSettingsAlone(factory);
  if (!settings) throw new ProblemsError(problems);
  return settings.state;
}
