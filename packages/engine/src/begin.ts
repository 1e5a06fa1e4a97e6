import { dispatchTarget } from '@image-factory/core/rebuild/dispatch.ts';
import type {
  Enrolment,
  FactoryConfig,
  ManagedEnrolment,
  Settings,
} from '@image-factory/core/enrolment/types.ts';
import type { Plan, Reason, RebuildRequest } from '@image-factory/core/plan/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { Duration } from '@image-factory/core/time.ts';
import type { CycleRun } from './cycle-run.ts';
import type { EngineDeps } from './deps.ts';
import type { Discovery } from './discover.ts';
import type { Records } from './records.ts';

export interface Beginning {
  readonly deps: EngineDeps;
  readonly config: FactoryConfig;
  readonly images: readonly Enrolment[];
  readonly managed: readonly ManagedEnrolment[];
  readonly records: Records;
  readonly problems: Problem[];
  readonly discoveries: readonly Discovery[];
  readonly options: {
    readonly dry?: boolean;
    readonly upTo?: 'discover' | 'observe' | 'all';
    readonly follow?: boolean;
    readonly requests?: ReadonlyMap<string, RebuildRequest>;
    readonly startOnly?: ReadonlySet<string>;
    readonly signal?: AbortSignal;
  };
  readonly skew: Duration;
}

/** What the deciding and acting half of a cycle starts from. */
export function newCycleRun(beginning: Beginning): CycleRun {
  const { deps, config, images, managed, records, problems, discoveries, options, skew } = beginning;
  const { dry = false, upTo = 'all', follow = false, startOnly, signal, requests } = options;
  const time = (): number => deps.clock.now() + skew;
  return {
    deps,
    records,
    settings: config.settings,
    images,
    managed: byName(managed),
    enrolled: byName(config.images.filter((image) => image.kind === 'managed')),
    sources: sourcesOf(discoveries),
    proofs: new Map(),
    requests: new Map(requests),
    problems,
    throttled: new Set(),
    started: [],
    ended: [],
    asked: new Set(),
    gone: new Set(),
    silent: new Set(),
    // A cycle that only looks asks for no builders.
    notNow: upTo === 'all' ? withoutBuilder(deps, config.settings, managed) : new Map<string, Reason>(),
    dry,
    follow,
    startOnly,
    signal,
    now: time(),
    time,
  };
}

function byName(managed: readonly ManagedEnrolment[]): ReadonlyMap<string, ManagedEnrolment> {
  return new Map(managed.map((enrolment) => [enrolment.name, enrolment]));
}

function sourcesOf(discoveries: readonly Discovery[]): CycleRun['sources'] {
  const sources = new Map<string, { revision: string; commit: string | undefined }>();
  for (const { image, source } of discoveries) {
    if (source) sources.set(image, { revision: source.revision, commit: source.commit });
  }
  return sources;
}

function withoutBuilder(
  { startable, builderFor }: EngineDeps,
  settings: Settings,
  managed: readonly ManagedEnrolment[],
): Map<string, Reason> {
  const { engine, kargo } = settings;
  const notNow = new Map<string, Reason>();
  for (const enrolment of managed) {
    const { name } = enrolment;
    const { provider } = enrolment.source;
    if (engine === 'kargo' && (kargo.server === undefined || provider === 'local')) {
      if (!dispatchTarget(enrolment, settings).ok) notNow.set(name, { code: 'no-builder', detail: provider });
    } else if (!(startable ? startable(provider) : builderFor(provider)))
      notNow.set(name, { code: 'no-builder', detail: provider });
  }
  return notNow;
}

/** One problem for each image that is due and that nothing here can build. */
export function missingBuilders({ managed }: CycleRun, { decisions }: Plan): readonly Problem[] {
  return decisions
    .filter(({ notes }) => notes.some(({ code }) => code === 'no-builder'))
    .map(({ image }) => ({
      code: 'BUILDER_MISSING',
      message: `nothing here can start builds of provider ${managed.get(image)?.source.provider}`,
      hint: 'Run image-factory doctor; set source.provider of the image, or install buildah or docker buildx.',
      subject: { kind: 'image', name: image },
    }));
}
