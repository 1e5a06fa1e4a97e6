import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { stateStoreContract } from '@image-factory/testing/state-store-contract.ts';
import { createDirectoryStateStore } from './state-store.ts';

stateStoreContract('directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-state-'));
  return {
    open: () => createDirectoryStateStore({ root: join(folder, 'state'), clock: realClock }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});
