// Commits one generation after the other until it is killed: argv is the state folder, the number of files, and "fast" to leave out flushing.
import { realClock } from '@image-factory/testing/real-clock.ts';
import { createDirectoryStateStore } from '../state-store.ts';

const [, , root = '', count = '20', speed = ''] = process.argv;
const store = createDirectoryStateStore({ root, clock: realClock, durable: speed !== 'fast' });
process.stdout.write('started\n');
for (;;) {
  await store.commit({
    subject: 'next generation',
    change(files) {
      const generation = Number(files.get('f/0') ?? 0) + 1;
      const changes = new Map<string, string | null>();
      for (let index = 0; index < Number(count); index += 1) changes.set(`f/${index}`, String(generation));
      changes.set(`only/${generation}/here`, 'x');
      changes.set(`only/${generation - 1}/here`, null);
      return changes;
    },
  });
}
