import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { stateStoreContract } from '@image-factory/testing/state-store-contract.ts';
import { createGitStateStore } from './state-store.ts';

stateStoreContract('git', async () => {
  const remote = await createGitRemote();
  const cacheDir = await mkdtemp(join(tmpdir(), 'image-factory-state-'));
  const branch = 'image-factory/state';
  const author = { name: 'Image Factory', email: 'factory@example.com' };
  return {
    open: () => createGitStateStore({ remote: remote.path, branch, cacheDir, author, clock: realClock }),
    commits: async () => (await remote.log(branch)).length,
    async dispose() {
      await remote.remove();
      await rm(cacheDir, { recursive: true, force: true });
    },
  };
});
