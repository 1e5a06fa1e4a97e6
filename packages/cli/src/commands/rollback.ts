import { randomUUID } from 'node:crypto';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { FactoryError, formatProblem, problemOf } from '@image-factory/core/problem.ts';
import { withContent } from '@image-factory/core/rebuild/content.ts';
import { parseDigest } from '@image-factory/core/reference/digest.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { FactoryState, Hold, ImageContent, ImageRecord } from '@image-factory/core/state/types.ts';
import { contentOf } from '@image-factory/engine/enter.ts';
import type { Answer } from '../answer.ts';
import { managedAs } from '../enrolled.ts';
import { openFactory, type Factory } from '../factory.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { personOf } from '../person.ts';
import { reasonOf } from '../reason.ts';
import { stopSignal } from '../stop-signal.ts';

/** How an image got back to what it was. */
type Way = 're-tagged' | 'rebuilt';

/**
 * Lets an image be what it was: its tags point at the earlier digest again, or, where the registry does not let tags be
 * moved, it is rebuilt on the earlier pins. Then it is held, so that the next cycle does not undo it.
 */
export async function rollback(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  const reason = reasonOf(flags);
  const by = personOf(io);
  const factory = await openFactory(options, io);
  const stop = stopSignal();
  try {
    const enrolment = managedAs(
      name,
      factory.config.images,
      `Hold its newer digest: image-factory hold ${name} --digest ...`,
    );
    const record = await recordOf(factory, name);
    const target = targetOf(record, flags['to']);
    const from = record.content?.digest ?? record.currentDigest;
    if (target === from)
      throw usage(name, `${name} is at ${target} already`, 'Name another digest with --to.');
    const hold: Hold = { reason: `rolled back: ${reason}`, by, since: factory.deps.clock.now() };
    let way: Way = 're-tagged';
    let now: Digest = target;
    try {
      const content = await retagged(factory, enrolment, target, stop.signal);
      await factory.change(`Roll ${name} back to ${target}: ${reason}`, (state) => ({
        state: held(withContent(state, name, content, []), name, hold),
        events: [eventOf(name, hold, way, from, target)],
      }));
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem.code !== 'REGISTRY_DENIED' && problem.code !== 'REGISTRY_NOT_FOUND') throw thrown;
      factory.log.warn(`${formatProblem(problem)}; it is rebuilt on its earlier pins instead`);
      way = 'rebuilt';
      now = await rebuilt(factory, record, target, { by, reason }, stop.signal);
      await factory.change(`Hold ${name}: ${hold.reason}`, (state) => ({
        state: held(state, name, hold),
        events: [eventOf(name, hold, way, from, now)],
      }));
    }
    return {
      value: { image: name, from, to: target, digest: now, way, hold },
      text: () => `${name} was ${way}: it is at ${now}\nit is on hold until image-factory release ${name}\n`,
    };
  } finally {
    stop.dispose();
    await factory.close();
  }
}

async function recordOf(factory: Factory, name: string): Promise<ImageRecord> {
  const found = (await factory.read()).images.get(name);
  if (found) return found;
  throw new FactoryError({
    code: 'NOT_FOUND',
    message: `${name} is enrolled, and not in the state yet`,
    hint: 'Run image-factory run --once first.',
    subject: { kind: 'image', name },
  });
}

/** What was asked for, or the build before the present one. */
function targetOf({ name, content, rebuilds }: ImageRecord, said: unknown): Digest {
  if (typeof said === 'string') {
    const digest = parseDigest(said);
    if (digest.ok) return digest.value;
    throw usage(name, `--to: ${digest.error}`, 'Write it whole: sha256:<64 hex digits>.');
  }
  const earlier = rebuilds.findLast(
    ({ outcome, digest }) => outcome === 'success' && digest !== undefined && digest !== content?.digest,
  );
  if (earlier?.digest) return earlier.digest;
  throw usage(
    name,
    `no earlier build of ${name} is recorded`,
    `Name the digest: --to sha256:...; image-factory history ${name} lists what was built.`,
  );
}

/** All tags that its build moves, so that nobody reads one of them from before. */
async function retagged(
  factory: Factory,
  { registry: domain, repository: path, tags }: ManagedEnrolment,
  target: Digest,
  signal: AbortSignal,
): Promise<ImageContent> {
  const { registry, clock } = factory.deps;
  const described = await registry.describe({ domain, path }, target, signal);
  const content = contentOf({ digest: target, described }, clock.now());
  if (!content) {
    throw new FactoryError({
      code: 'REGISTRY_NOT_FOUND',
      message: `${domain}/${path}@${target} is not served any more`,
      hint: 'Name another digest with --to.',
    });
  }
  for (const tag of tags) await registry.retag({ domain, path, tag }, target, signal);
  return content;
}

async function rebuilt(
  factory: Factory,
  { name, rebuilds }: ImageRecord,
  target: Digest,
  { by, reason }: { readonly by: string; readonly reason: string },
  signal: AbortSignal,
): Promise<Digest> {
  const build = rebuilds.findLast(({ digest }) => digest === target);
  if (!build) {
    throw usage(
      name,
      `${target} cannot be tagged again, and the pins that it was built on are not recorded`,
      `image-factory history ${name} lists the builds whose pins are known.`,
    );
  }
  const request = { id: randomUUID(), reason: `roll back: ${reason}`, by, skipDelay: true, pins: build.pins };
  const report = await factory.cycle({
    requests: new Map([[name, request]]),
    startOnly: new Set([name]),
    follow: true,
    signal,
  });
  const ended = report.ended.findLast(({ image }) => image === name);
  if (ended?.rebuild.outcome === 'success' && ended.rebuild.digest) return ended.rebuild.digest;
  throw new FactoryError({
    code: 'BUILD_FAILED',
    message: ended
      ? `the rebuild ended as ${ended.rebuild.outcome}: ${ended.rebuild.error ?? ''}`
      : 'the rebuild was not started',
    hint: `image-factory explain ${name} tells why.`,
    subject: { kind: 'image', name },
  });
}

function held(state: FactoryState, name: string, hold: Hold): FactoryState {
  const record = state.images.get(name);
  return record ? { ...state, images: new Map(state.images).set(name, { ...record, hold }) } : state;
}

function eventOf(image: string, hold: Hold, way: Way, from: Digest | undefined, to: Digest) {
  const text = `${image} was ${way} by ${hold.by ?? 'a person'}: from ${from ?? 'unknown'} to ${to} (${hold.reason})`;
  return { at: hold.since, type: 'rollback', image, text, data: { way, to, ...(from ? { from } : {}) } };
}

function usage(name: string, message: string, hint: string): FactoryError {
  return new FactoryError({ code: 'USAGE', message, hint, subject: { kind: 'image', name } });
}
