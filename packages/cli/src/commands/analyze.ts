import { FactoryError } from '@image-factory/core/problem.ts';
import type { Enrolment, Source } from '@image-factory/core/enrolment/types.ts';
import { parseDigest } from '@image-factory/core/reference/digest.ts';
import { analysisCycle } from '../analysis-cycle.ts';
import type { Answer } from '../answer.ts';
import { enrolledAs } from '../enrolled.ts';
import type { Flags } from '../flags.ts';
import { openFactory, type Factory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { atJobPlace } from '../job-place.ts';
import { table } from '../render/table.ts';

/**
 * Reads Dockerfiles and records what they are built from. With the flags that the analysis job passes, only for one
 * image, and its built version is recorded too.
 */
export async function analyze(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  // A Job that knows nothing of the built image hands over empty text.
  const text = (name: string): string | undefined =>
    typeof flags[name] === 'string' && flags[name] !== '' ? flags[name] : undefined;
  return atJobPlace(options, io, flags, async (place) => {
    const factory = await openFactory(place.options, place.io, place.override);
    try {
      const wanted = text('image');
      const image = wanted === undefined ? undefined : enrolled(factory, wanted);
      const changed = image ? overridden(image, text) : undefined;
      const report = await factory.cycle({
        ...analysisCycle(factory.config.settings.engine, image?.name, text('digest')),
        ...(changed ? { instead: changed } : {}),
      });
      if (image) await recordVersion(factory, image.name, text('tag'), text('digest'), io.now());
      const records = [...report.state.images.values()]
        .filter(({ name }) => image === undefined || name === image.name)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const value = records.map(({ name, discoveryStatus, baseImages, dependencies, discoveryError }) => ({
        name,
        discoveryStatus,
        baseImages,
        dependencies,
        ...(discoveryError === undefined ? {} : { discoveryError }),
      }));
      return {
        value: { images: value },
        text: (style) =>
          table(
            ['image', 'discovery', 'bases'],
            value.map((record) => [
              { text: record.name, paint: style.bold },
              record.discoveryStatus,
              record.discoveryError ?? record.baseImages.join(', '),
            ]),
            style,
          ),
        problems: report.problems,
      };
    } finally {
      await factory.close();
    }
  });
}

/** By its name, or by the reference that it is pushed to. */
function enrolled(factory: Factory, wanted: string): Enrolment {
  const { images } = factory.config;
  const found = images.find(
    ({ name, registry, repository }) =>
      name === wanted ||
      repository === wanted ||
      `${registry}/${repository}` === wanted.replace(/[:@].*$/, ''),
  );
  return found ?? enrolledAs(wanted, images);
}

const providers = ['github', 'gitlab', 'gitea', 'forgejo', 'local', 'webhook'] as const;

function overridden(image: Enrolment, text: (name: string) => string | undefined): Enrolment | undefined {
  if (image.kind !== 'managed') return undefined;
  const dockerfile = text('dockerfile');
  const repo = text('sourceRepo');
  const said = text('sourceProvider');
  const provider = providers.find((known) => known === said);
  if (said !== undefined && !provider) {
    throw new FactoryError({
      code: 'USAGE',
      message: `--source-provider ${said} is not known`,
      hint: `Write one of ${providers.join(', ')}.`,
    });
  }
  const source: Source = {
    ...image.source,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...(repo === undefined ? {} : { repo }),
    ...(provider === undefined ? {} : { provider }),
  };
  return { ...image, source };
}

async function recordVersion(
  factory: Factory,
  name: string,
  tag: string | undefined,
  digest: string | undefined,
  now: number,
): Promise<void> {
  if (tag === undefined && digest === undefined) return;
  const parsed = digest === undefined ? undefined : parseDigest(digest);
  if (parsed && !parsed.ok) {
    throw new FactoryError({
      code: 'USAGE',
      message: `--digest: ${parsed.error}`,
      hint: 'Write it whole: sha256:<64 hex digits>.',
    });
  }
  await factory.change(`Record the version of ${name}`, (state) => {
    const record = state.images.get(name);
    if (!record) return { state, events: [] };
    const next = {
      ...record,
      ...(tag === undefined ? {} : { currentVersion: tag }),
      ...(parsed?.ok ? { currentDigest: parsed.value } : {}),
    };
    if (next.currentVersion === record.currentVersion && next.currentDigest === record.currentDigest)
      return { state, events: [] };
    const text = `${name} is at ${[tag, digest].filter((word) => word !== undefined).join(' ')}`;
    return {
      state: { ...state, images: new Map(state.images).set(name, next) },
      events: [{ at: now, type: 'version', image: name, text }],
    };
  });
}
