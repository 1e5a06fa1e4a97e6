// Commits so many times and prints each version: argv is the remote, the cache folder, a name, and the count.
import { realClock } from '@image-factory/testing/real-clock.ts';
import { createGitStateStore } from '../state-store.ts';

const [, , remote = '', cacheDir = '', name = '', count = '5'] = process.argv;
const author = { name, email: 'factory@example.com' };
const store = createGitStateStore({ remote, branch: 'state', cacheDir, author, clock: realClock });
process.stdout.write('started\n');
for (let round = 0; round < Number(count); round += 1) {
  const { version } = await store.commit({
    subject: `${name} round ${round}`,
    change: (files) =>
      new Map([
        ['counter', String(Number(files.get('counter') ?? 0) + 1)],
        ['half', String(Number(files.get('half') ?? 0) + 1)],
        [`own/${name}/${round}`, 'x'],
      ]),
  });
  process.stdout.write(`${version}\n`);
}
