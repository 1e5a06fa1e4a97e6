import { createRegistry, type RegistryClient } from '@image-factory/adapters/registry/create-registry.ts';
import type { Reference } from '@image-factory/core/reference/types.ts';
import { startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { clientOptions } from '@image-factory/testing/registry/client-options.ts';
import { pushImage, type ImageSink } from '@image-factory/testing/registry/push.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { Pool } from 'undici';
import type { Bench, Row } from './bench.ts';
import { compare, formatTime } from './measure.ts';

const tagCount = 2000;
const atOnce = 32;
const rounds = 5;

export const bench: Bench = {
  name: 'check',
  about: `Looks at ${tagCount.toLocaleString('en')} distinct tags of Debian's docker-registry, ${atOnce} at once, against a bare loop of HEAD requests with as many connections; in turn, median of ${rounds}. Requests are counted on a registry of our own, which keeps a log.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const registry = await startDockerRegistry();
  const pool = new Pool(registry.origin, { connections: atOnce });
  const client = clientOf(registry.host);
  try {
    const references = await pushTags(registry.host, registry.sink);
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
    const { subject, baseline } = await compare(rounds, () => lookAtAll(client, references), bare);
    const perTag = await requestsPerTag();
    return [
      {
        what: 'requests per tag, warm',
        measured: perTag.toFixed(2),
        aim: { text: '1.00', met: perTag === 1 },
      },
      {
        what: `looks at ${tagCount.toLocaleString('en')} tags`,
        measured: formatTime(subject),
        comparedWith: `bare HEAD loop: ${formatTime(baseline)}`,
        ratio: baseline / subject,
        aim: { text: 'at least 0.9 of its throughput', met: baseline / subject >= 0.9 },
      },
    ];
  } finally {
    await client.close();
    await pool.close();
    await registry.stop();
  }
}

async function requestsPerTag(): Promise<number> {
  const registry = await startRegistry();
  const client = clientOf(registry.host);
  try {
    const references = await pushTags(registry.host, registry.storage);
    await lookAtAll(client, references);
    registry.log.clear();
    await lookAtAll(client, references);
    return registry.log.all().length / tagCount;
  } finally {
    await client.close();
    await registry.close();
  }
}

function clientOf(host: string): RegistryClient {
  return createRegistry({ ...clientOptions(host, { concurrency: atOnce }), clock: realClock });
}

function lookAtAll(client: RegistryClient, references: readonly Reference[]): Promise<void> {
  return inTurn(references, async (reference) => void (await client.look(reference, { force: true })));
}

const manifestTypes =
  'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

async function pushTags(host: string, sink: ImageSink): Promise<readonly Reference[]> {
  const references = Array.from({ length: tagCount }, (_, number) => ({
    domain: host,
    path: `team/app-${number % 200}`,
    tag: `v${Math.floor(number / 200)}`,
  }));
  await inTurn(references, async ({ path, tag }) => {
    await pushImage(sink, path, tag, { layers: [`${path}:${tag}`] });
  });
  return references;
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
