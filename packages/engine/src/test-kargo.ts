import { askForge, type BuiltImage } from '@image-factory/testing/world/forge-endpoint.ts';
import type { SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Intent } from '@image-factory/core/state/types.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

/** An image that Kargo can start: a dispatch has to name its branch. */
export function dispatchable(name: string, more: Partial<ManagedEnrolment> = {}): ManagedEnrolment {
  const plain = image(name);
  return { ...plain, source: { ...plain.source, branch: 'main' }, ...more };
}

/** A factory of the kargo engine, whose images all stand on one base. */
export function kargoFactory(names: readonly string[], options: TestFactoryOptions = {}): TestFactory {
  const factory = new TestFactory(
    names.map((name) => dispatchable(name)),
    options,
  );
  factory.settings((settings) => ({ ...settings, engine: 'kargo' }));
  factory.world.push(debian, ['debian-1']);
  for (const name of names) factory.world.dockerfiles.set(`${name}/Dockerfile`, 'FROM debian:12\n');
  return factory;
}

export function builtImage(factory: TestFactory, name: string): BuiltImage | undefined {
  const enrolled = factory.config.images.find((each) => each.name === name);
  const record = factory.state.images.get(name);
  if (enrolled?.kind !== 'managed' || !record) return undefined;
  return { image: enrolled, dependencies: record.dependencies };
}

/** How a controller comes to send more than once what it was to send once. */
export interface Controller {
  /** Before it looks whether the intent is there. */
  readonly pickUp?: Duration;
  /** Requests that it sends in all: it dies between an answer and writing it down. */
  readonly sends?: number;
  /** Between two of them. */
  readonly apart?: Duration;
}

/**
 * What Kargo does with one intent: looks whether it is still there and without a run, and sends its request, at least
 * once.
 */
export function startByKargo(
  factory: TestFactory,
  { image: name, key, attempt }: Intent,
  { pickUp = 0, sends = 1, apart = minute }: Controller = {},
): SimulatedProcess {
  const { world, scheduler } = factory;
  return scheduler.spawn(`kargo ${name} ${key}/${attempt}`, async (own) => {
    await scheduler.sleep(own, pickUp);
    await world.at(own, 'clone');
    const open = factory.state.intents.get(name);
    if (!open?.request || open.key !== key || open.attempt !== attempt || open.run) return;
    const request = {
      method: 'POST',
      url: 'https://api.github.com/repos/acme/app/actions/workflows/build-image.yml/dispatches',
      body: open.request,
    };
    for (let sent = 0; sent < sends; sent++) {
      if (sent > 0) await scheduler.sleep(own, apart);
      await askForge(world, own, request, (image) => builtImage(factory, image)).catch(() => undefined);
    }
  });
}
