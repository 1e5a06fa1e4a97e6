import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { parseDigest } from '@image-factory/core/reference/digest.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { FactoryState, Hold, ImageRecord } from '@image-factory/core/state/types.ts';
import { parseDuration, parseInstant, type Instant } from '@image-factory/core/time.ts';
import type { Changed } from '@image-factory/engine/enter.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { withFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { namesIn, unknownName } from '../names.ts';
import { personOf } from '../person.ts';
import { reasonOf } from '../reason.ts';

export async function hold(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  const now = io.now();
  const digest = digestOf(flags['digest']);
  const until = typeof flags['until'] === 'string' ? untilOf(flags['until'], now) : undefined;
  const stop: Hold = {
    reason: reasonOf(flags),
    by: personOf(io),
    since: now,
    ...(until === undefined ? {} : { until }),
    ...(digest === undefined ? {} : { digest }),
  };
  const change = (state: FactoryState): Changed => {
    const event = { at: now, type: 'hold', text: `${name} is held: ${stop.reason}` };
    const image = state.images.get(name);
    if (image) {
      if (digest !== undefined && image.discoveryStatus !== 'external')
        throw new FactoryError(wholeImage(image, digest));
      const images = new Map(state.images).set(name, { ...image, hold: stop });
      return { state: { ...state, images }, events: [{ ...event, image: name }] };
    }
    const base = state.bases.get(name);
    if (!base) throw new FactoryError(unknownName(name, namesIn(state)));
    const holds = [...base.holds.filter((other) => other.digest !== digest), stop];
    return {
      state: { ...state, bases: new Map(state.bases).set(name, { ...base, holds }) },
      events: [{ ...event, base: name }],
    };
  };
  await withFactory(options, io, (factory) => factory.change(`Hold ${name}: ${stop.reason}`, change));
  return { value: { name, hold: stop }, text: () => `${name} is on hold: ${stop.reason}\n` };
}

export async function release(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  const now = io.now();
  const digest = digestOf(flags['digest']);
  let released = false;
  const change = (state: FactoryState): Changed => {
    const event = { at: now, type: 'release', text: `${name} is released` };
    const image = state.images.get(name);
    if (image) {
      if (digest !== undefined && image.discoveryStatus !== 'external')
        throw new FactoryError(wholeImage(image, digest));
      const { hold: held, ...rest } = image;
      if (digest !== undefined && held?.digest !== digest) return { state, events: [] };
      const last = image.rebuilds.at(-1);
      const stopped =
        last !== undefined && last.outcome !== 'success' && last.endedAt > (image.clearedAt ?? 0);
      released = held !== undefined || stopped;
      if (!released) return { state, events: [] };
      const images = new Map(state.images).set(name, { ...rest, clearedAt: now });
      return { state: { ...state, images }, events: [{ ...event, image: name }] };
    }
    const base = state.bases.get(name);
    if (!base) throw new FactoryError(unknownName(name, namesIn(state)));
    const holds = digest === undefined ? [] : base.holds.filter((other) => other.digest !== digest);
    released = holds.length !== base.holds.length;
    if (!released) return { state, events: [] };
    return {
      state: { ...state, bases: new Map(state.bases).set(name, { ...base, holds }) },
      events: [{ ...event, base: name }],
    };
  };
  await withFactory(options, io, (factory) => factory.change(`Release ${name}`, change));
  return {
    value: { name, released },
    text: () =>
      released ? `${name} is released\n` : `${name} was not on hold, and nothing had stopped it\n`,
  };
}

/** A managed image is built from digests of its bases: of itself there is none to be kept away from. */
function wholeImage({ name, baseImages }: ImageRecord, digest: Digest): Problem {
  const bases = baseImages.length === 0 ? '' : `, one of ${baseImages.join(', ')}`;
  return {
    code: 'USAGE',
    message: `--digest: ${name} is built here, so that a hold stops all of it and never one digest`,
    hint: `Hold the digest at the base that has it${bases}: image-factory hold BASE --digest ${digest} --reason ... To stop ${name}, leave --digest out.`,
    subject: { kind: 'image', name },
  };
}

function digestOf(value: unknown): Digest | undefined {
  if (typeof value !== 'string') return undefined;
  const digest = parseDigest(value);
  if (digest.ok) return digest.value;
  throw new FactoryError({
    code: 'USAGE',
    message: `--digest: ${digest.error}`,
    hint: 'Write it whole: sha256:<64 hex digits>.',
  });
}

function untilOf(text: string, now: Instant): Instant {
  const duration = parseDuration(text);
  const instant = duration.ok ? now + duration.value : parseInstant(text);
  if (instant !== undefined && instant > now) return instant;
  if (instant !== undefined) {
    throw new FactoryError({
      code: 'USAGE',
      message: `--until ${text} is over already`,
      hint: 'Write a time that lies ahead, or a duration.',
    });
  }
  throw new FactoryError({
    code: 'USAGE',
    message: `--until ${text} is neither a duration nor a time`,
    hint: 'Write 3d, 12h, 2026-12-24 or 2026-12-24T08:00Z.',
  });
}
