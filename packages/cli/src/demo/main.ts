import { preparePlace } from './place.ts';
import { play } from './story.ts';

const place = await preparePlace();
const interrupted = (): void => void place.leave().finally(() => process.exit(130));
process.once('SIGINT', interrupted);
process.once('SIGTERM', interrupted);
try {
  await play(place);
} catch (thrown) {
  process.stderr.write(`\nThe demo failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await place.leave();
}
