import { createRegistry } from '@image-factory/adapters/registry/create-registry.ts';
import type { Reference } from '@image-factory/core/reference/types.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { clientOptions } from '@image-factory/testing/registry/client-options.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { Pool } from 'undici';
import type { Bench, Row } from './bench.ts';
import { formatTime, median, timeOf } from './measure.ts';

const tagCount = 2000;
const atOnce = 32;
const rounds = 5;

export const bench: Bench = {
  name: 'check',
  about: `Looks at ${tagCount.toLocaleString('en')} distinct tags of a registry in the same process, ${atOnce} at once, against a bare loop of HEAD requests with the same pool size; in turn, median of ${rounds}.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const registry = await startRegistry();
  const pool = new Pool(registry.origin, { connections: atOnce });
  const client = createRegistry({ ...clientOptions(registry.host), clock: realClock });
  try {
    const references = await pushTags(registry);
    const look = () =>
      inTurn(references, async (reference) => void (await client.look(reference, { force: true })));
    const bare = () =>
      inTurn(references, async ({ path, tag }) => {
        const { body } = await pool.request({
          method: 'HEAD',
          path: `/v2/${path}/manifests/${tag ?? ''}`,
          headers: { accept: manifestTypes },
          reset: false,
        });
        await body.dump();
      });
    await look();
    await bare();
    registry.log.clear();
    await look();
    const perTag = registry.log.all().length / tagCount;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await timeOf(look));
      theirs.push(await timeOf(bare));
    }
    const ratio = median(theirs) / median(ours);
    return [
      {
        what: 'requests per tag, warm',
        measured: perTag.toFixed(2),
        aim: { text: '1.00', met: perTag === 1 },
      },
      {
        what: `looks at ${tagCount.toLocaleString('en')} tags`,
        measured: formatTime(median(ours)),
        comparedWith: `bare HEAD loop: ${formatTime(median(theirs))}`,
        ratio,
        aim: { text: 'at least 0.9 of its throughput', met: ratio >= 0.9 },
      },
    ];
  } finally {
    await client.close();
    await pool.close();
    await registry.close();
  }
}

const manifestTypes =
  'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

async function pushTags(registry: Awaited<ReturnType<typeof startRegistry>>): Promise<readonly Reference[]> {
  const references: Reference[] = [];
  for (let number = 0; number < tagCount; number += 1) {
    const path = `team/app-${number % 200}`;
    const tag = `v${Math.floor(number / 200)}`;
    await registry.pushImage(path, tag, { layers: [`${path}:${tag}`] });
    references.push({ domain: registry.host, path, tag });
  }
  return references;
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
