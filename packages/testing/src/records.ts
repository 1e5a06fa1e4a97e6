import { createHash } from 'node:crypto';
import type { ExternalEnrolment, ManagedEnrolment, Source } from '@image-factory/core/enrolment/types.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type {
  BaseRecord,
  Dependency,
  FactoryState,
  ImageRecord,
  Intent,
  LedgerEntry,
  PlatformContent,
  Rebuild,
} from '@image-factory/core/state/types.ts';
import { day } from '@image-factory/core/time.ts';

/** Builders in which a test states only what differs from the usual. */

/** 2026-01-01T00:00:00Z: when the records of tests begin. */
export const epoch = Date.UTC(2026, 0, 1);

export const amd64 = 'linux/amd64' as PlatformName;
export const arm64 = 'linux/arm64' as PlatformName;

/** A digest that is the same for the same name. */
export function digest(name: string): Digest {
  return `sha256:${createHash('sha256').update(name).digest('hex')}` as Digest;
}

/** What a platform holds: layers by name, base first. */
export function platformContent(
  layers: readonly string[],
  more: Partial<PlatformContent> = {},
): PlatformContent {
  return {
    digest: digest(`manifest of ${layers.join(' ')}`),
    diffIds: layers.map(digest),
    config: digest(`config of ${layers.join(' ')}`),
    ...more,
  };
}

/** An entry that stands under its tag since the epoch, settled. */
export function ledgerEntry(more: Partial<LedgerEntry> & { readonly digest: Digest }): LedgerEntry {
  const firstSeen = more.firstSeen ?? epoch;
  return { firstSeen, appeared: firstSeen, settledAt: firstSeen, ...more };
}

/** A managed image that was enrolled at the epoch and never analysed. */
export function imageRecord(more: Partial<ImageRecord> = {}): ImageRecord {
  const name = more.name ?? 'app';
  return {
    name,
    enrolledAt: epoch,
    discoveryStatus: 'pending',
    enrollment: { registry: 'ghcr.io', repository: `acme/${name}` },
    baseImages: [],
    dependencies: [],
    builtFrom: {},
    rebuilds: [],
    ledger: [],
    ...more,
  };
}

/** The base `docker.io/library/<repository>:<tag>`; its name and reference follow from `repository` and `tag`. */
export function baseRecord(more: Partial<BaseRecord> = {}): BaseRecord {
  const registry = more.registry ?? 'docker.io';
  const repository = more.repository ?? 'library/node';
  const tag = more.tag ?? '22';
  const short = repository.replace(/^library\//, '');
  return {
    name: `${short.replaceAll('/', '-')}-${tag}`.replaceAll('.', '-'),
    fullImage: `${registry === 'docker.io' ? short : `${registry}/${repository}`}:${tag}`,
    registry,
    repository,
    tag,
    repoURL: `${registry}/${repository}`,
    allowTags: `^${tag.replaceAll('.', '\\.')}$`,
    imageSelectionStrategy: 'Lexical',
    firstDiscovered: epoch,
    rebuildEligibleAt: {},
    metadata: {},
    updateHistory: [],
    ledger: [],
    holds: [],
    ...more,
  };
}

/** A `FROM` of the final stage. */
export function dependency(more: Partial<Dependency> = {}): Dependency {
  return {
    reference: 'docker.io/library/node:22',
    kind: 'from',
    stage: '0',
    platform: amd64,
    final: true,
    base: 'node-22',
    written: 'node:22',
    range: '1:6-1:13',
    ...more,
  };
}

/** A rebuild of one minute that succeeded. */
export function rebuild(more: Partial<Rebuild> = {}): Rebuild {
  const startedAt = more.startedAt ?? epoch;
  return {
    key: 'key-1',
    attempt: 1,
    reason: 'base-updated',
    startedAt,
    endedAt: startedAt + 60_000,
    outcome: 'success',
    pins: [],
    ...more,
  };
}

export function intent(more: Partial<Intent> = {}): Intent {
  return {
    image: 'app',
    key: 'key-1',
    attempt: 1,
    createdAt: epoch,
    writer: 'writer-1',
    epoch: 1,
    provider: 'local',
    reason: 'base-updated',
    pins: [],
    platforms: [],
    ...more,
  };
}

export interface StateParts {
  readonly images?: readonly ImageRecord[];
  readonly bases?: readonly BaseRecord[];
  readonly intents?: readonly Intent[];
  readonly engine?: FactoryState['engine'];
}

export function stateOf({ images = [], bases = [], intents = [], engine }: StateParts = {}): FactoryState {
  return {
    images: new Map(images.map((image) => [image.name, image])),
    bases: new Map(bases.map((base) => [base.name, base])),
    intents: new Map(intents.map((open) => [open.image, open])),
    engine,
  };
}

/** `Dockerfile` at the root of the factory's own repository. */
export function sourceOf(more: Partial<Source> = {}): Source {
  return {
    provider: 'local',
    repo: '.',
    branch: undefined,
    dockerfile: 'Dockerfile',
    context: '.',
    target: undefined,
    buildArgs: {},
    workflow: undefined,
    ...more,
  };
}

/** What a builder is asked for an image on whose bases nothing is pinned. */
export function buildRequest(image: ManagedEnrolment, more: Partial<BuildRequest> = {}): BuildRequest {
  return {
    key: 'k1',
    attempt: 1,
    image,
    pins: [],
    dependencies: [],
    platforms: [],
    commit: undefined,
    reason: 'newer-base',
    ...more,
  };
}

type More<T> = Omit<Partial<T>, 'source' | 'kind'>;

/** A managed image that is built from `Dockerfile` at the root of the factory's own repository. */
export function enrolment(
  more: More<ManagedEnrolment> & { readonly source?: Partial<Source> } = {},
): ManagedEnrolment {
  const { source, ...rest } = more;
  const name = rest.name ?? 'app';
  const registry = rest.registry ?? 'ghcr.io';
  const repository = rest.repository ?? `acme/${name}`;
  return {
    kind: 'managed',
    name,
    registry,
    repository,
    source: sourceOf(source),
    tags: ['latest'],
    platforms: [],
    rebuildDelay: 7 * day,
    ownDelay: undefined,
    rebuildOn: 'all',
    autoRebuild: true,
    mode: 'dispatch',
    schedule: { kind: 'daily' },
    pullRequestGroup: undefined,
    versionFile: undefined,
    versionFiles: 'request',
    updates: [],
    owner: undefined,
    criticality: 'normal',
    place: { file: 'images.yaml', line: 1, column: 1 },
    raw: { name, registry, repository },
    ...rest,
  };
}

/** An image that others build: `docker.io/library/postgres`, tags of version 16. */
export function externalEnrolment(more: More<ExternalEnrolment> = {}): ExternalEnrolment {
  const name = more.name ?? 'postgres';
  const registry = more.registry ?? 'docker.io';
  const repository = more.repository ?? `library/${name}`;
  return {
    kind: 'external',
    name,
    registry,
    repository,
    allowTags: '^16[.0-9]*$',
    imageSelectionStrategy: 'SemVer',
    platforms: [],
    rebuildDelay: 7 * day,
    owner: undefined,
    criticality: 'normal',
    place: { file: 'images.yaml', line: 1, column: 1 },
    raw: { name, registry, repository },
    ...more,
  };
}
