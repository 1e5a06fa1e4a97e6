import { nextVersion, type Allocated, type Bump } from '@image-factory/core/release/next-version.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import { enrolledAs } from '../enrolled.ts';
import { openFactory } from '../factory.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { atJobPlace } from '../job-place.ts';

const bumps: readonly Bump[] = ['patch', 'minor', 'major'];

/**
 * Gives a build the next version of its image. What was given away stands in the state, so that builds of one commit that
 * run at once get different versions, and a build that asks again gets its own.
 */
export async function version(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const [action, name = ''] = args;
  if (action !== 'next') throw usage(`there is no version ${action}`, 'Write version next NAME.');
  const bump = bumps.find((known) => known === (flags['bump'] ?? 'patch'));
  if (!bump) throw usage(`--bump ${String(flags['bump'])} is not known`, `Write one of ${bumps.join(', ')}.`);
  const { channel } = flags;
  const key = typeof flags['key'] === 'string' ? flags['key'] : io.env['FACTORY_KEY'];
  if (key !== undefined && !/^[\w.:/-]{1,200}$/.test(key))
    throw usage(
      '--key must be 1 to 200 letters, digits and the marks _ . : / -',
      'Hand on the build key as it is.',
    );
  return atJobPlace(options, io, flags, async (place) => {
    const factory = await openFactory(place.options, place.io, place.override);
    try {
      const image = enrolledAs(name, factory.config.images);
      if (image.kind === 'external')
        throw usage(`${name} is an external image: others give it its versions`, 'Name a managed image.');
      const tags = await factory.deps.registry
        .listTags({ domain: image.registry, path: image.repository }, { force: true })
        .catch(noneIfNew);
      let given: Allocated | undefined;
      await factory.change(`Give ${name} a version`, (state) => {
        const record = state.images.get(name);
        if (!record) throw notRecorded(name);
        const now = factory.deps.clock.now();
        const allocated = nextVersion(record, tags, {
          bump,
          now,
          ...(typeof channel === 'string' ? { channel } : {}),
          ...(key === undefined || key === '' ? {} : { key }),
        });
        if (!allocated.ok) throw usage(allocated.error, 'Example: --channel beta.');
        given = allocated.value;
        if (!given.fresh) return { state, events: [] };
        const text = `${name} ${given.version} is given to ${key ?? 'a build'}`;
        return {
          state: { ...state, images: new Map(state.images).set(name, given.record) },
          events: [{ at: now, type: 'version-given', image: name, text, data: { version: given.version } }],
        };
      });
      const answer = { image: name, version: given?.version ?? '', fresh: given?.fresh ?? false };
      return { value: answer, text: () => `${answer.version}\n` };
    } finally {
      await factory.close();
    }
  });
}

/** A registry makes a repository with the first push, and a build asks for its version before that. */
function noneIfNew(thrown: unknown): readonly string[] {
  if (problemOf(thrown).code === 'REGISTRY_NOT_FOUND') return [];
  throw thrown;
}

function usage(message: string, hint: string): FactoryError {
  return new FactoryError({ code: 'USAGE', message, hint });
}

function notRecorded(name: string): FactoryError {
  return new FactoryError({
    code: 'NOT_FOUND',
    message: `${name} is enrolled, and not in the state yet`,
    hint: 'Run image-factory analyze once.',
    subject: { kind: 'image', name },
  });
}
