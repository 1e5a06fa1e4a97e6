import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type {
  BaseRecord,
  Dependency,
  EngineRecord,
  Event,
  Hold,
  ImageRecord,
  Intent,
  LedgerEntry,
  Pin,
  PlatformContent,
  Rebuild,
  ToldAlert,
  VersionAllocation,
} from '@image-factory/core/state/types.ts';
import fc from 'fast-check';
import { digest } from './records.ts';

/** Records of every form that the types allow, for properties that must hold of all of them. */

const aDigest: fc.Arbitrary<Digest> = fc.nat(30).map((n) => digest(`d${n}`));
const anInstant = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000 }).map((n) => n * 1_000_000),
  fc.integer({ min: 1, max: 4_000_000_000_000 }),
);
const aWord = fc.oneof(
  fc.constantFrom(
    'app',
    'node-22',
    'yes',
    '3.10',
    '7d',
    'null',
    'two words',
    'a: b',
    'c #d',
    '',
    "it's",
    '2026-01-01',
    'ü',
    'x\ny',
  ),
  fc.string({ maxLength: 12 }),
);
const aName = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/);
const aPlatform = fc
  .constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v7')
  .map((name) => name as PlatformName);
const someMap = fc.dictionary(
  aWord,
  fc.oneof(aWord, fc.integer(), fc.boolean(), fc.array(aWord, { maxLength: 2 })),
  { maxKeys: 3 },
);

/** Absent as often as not; never present and undefined. */
function optional<T extends object, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  ...required: K[]
) {
  return fc.record(model, { requiredKeys: required as never[], noNullPrototype: true });
}

const aContent = optional<Required<PlatformContent>, 'digest' | 'diffIds' | 'config'>(
  {
    digest: aDigest,
    diffIds: fc.array(aDigest, { maxLength: 4 }),
    config: aDigest,
    onBuild: fc.array(aWord, { maxLength: 2 }),
  },
  'digest',
  'diffIds',
  'config',
) as fc.Arbitrary<PlatformContent>;
const somePlatforms = fc.dictionary(aPlatform, aContent, {
  maxKeys: 3,
  noNullPrototype: true,
}) as fc.Arbitrary<Record<PlatformName, PlatformContent>>;

const anEntry = optional<Required<LedgerEntry>, 'digest' | 'firstSeen' | 'appeared'>(
  {
    digest: aDigest,
    tag: aWord,
    firstSeen: anInstant,
    appeared: anInstant,
    previousLastSeenAt: anInstant,
    settledAt: anInstant,
    lastSeenAt: anInstant,
    replacedAt: anInstant,
    stood: fc.nat(),
    baseline: fc.constant(true as const),
    withdrawnAt: anInstant,
    publishedAt: anInstant,
    platforms: somePlatforms,
    equalTo: aDigest,
    goneAt: anInstant,
    refused: aWord,
    retagged: fc.constant(true as const),
  },
  'digest',
  'firstSeen',
  'appeared',
) as fc.Arbitrary<LedgerEntry>;

const aHold = optional<Required<Hold>, 'reason' | 'since'>(
  { reason: aWord, by: aWord, since: anInstant, until: anInstant, digest: aDigest },
  'reason',
  'since',
) as fc.Arbitrary<Hold>;

const aPin: fc.Arbitrary<Pin> = fc.record(
  { base: aName, reference: aWord, digest: aDigest },
  { noNullPrototype: true },
);

const aDependency = optional<Required<Dependency>, Exclude<keyof Dependency, 'base'>>(
  {
    reference: aWord,
    kind: fc.constantFrom('from', 'copy-from', 'mount-from', 'syntax'),
    stage: aWord,
    platform: aPlatform,
    final: fc.boolean(),
    base: aName,
    written: aWord,
    range: aWord,
  },
  'reference',
  'kind',
  'stage',
  'platform',
  'final',
  'written',
  'range',
) as fc.Arbitrary<Dependency>;

const someToldEvents = fc.array(
  fc.record({ event: aWord, channels: fc.array(aName, { maxLength: 2 }) }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 3 },
);

const aRebuild = optional<
  Required<Rebuild>,
  'key' | 'attempt' | 'reason' | 'startedAt' | 'endedAt' | 'outcome' | 'pins'
>(
  {
    key: aWord,
    attempt: fc.nat(9),
    reason: aWord,
    startedAt: anInstant,
    endedAt: anInstant,
    outcome: fc.constantFrom('success', 'failure', 'cancelled', 'superseded', 'base-drift'),
    pins: fc.array(aPin, { maxLength: 2 }),
    digest: aDigest,
    run: aWord,
    log: aWord,
    error: aWord,
    overdue: fc.constant(true as const),
    requestedBy: aWord,
    revision: aWord,
    tries: fc.nat(9),
  },
  'key',
  'attempt',
  'reason',
  'startedAt',
  'endedAt',
  'outcome',
  'pins',
) as fc.Arbitrary<Rebuild>;

const selection = fc.constantFrom(
  'Lexical' as const,
  'SemVer' as const,
  'NewestBuild' as const,
  'Digest' as const,
);

const aToldAlert = optional<Required<ToldAlert>, 'kind' | 'since' | 'told' | 'issues'>(
  {
    kind: aWord,
    base: aName,
    since: anInstant,
    told: fc.dictionary(aName, anInstant, { maxKeys: 2, noNullPrototype: true }),
    issues: fc.dictionary(aName, aWord, { maxKeys: 2, noNullPrototype: true }),
    over: anInstant,
  },
  'kind',
  'since',
  'told',
  'issues',
) as fc.Arbitrary<ToldAlert>;

const aSourceRequest = fc.record(
  {
    branch: aWord,
    number: fc.integer({ min: 1, max: 100_000 }),
    url: aWord,
    digests: fc.dictionary(aName, aWord, { maxKeys: 2, noNullPrototype: true }),
    openedAt: anInstant,
    changedAt: fc.array(anInstant, { maxLength: 2 }),
    head: aWord,
    closing: fc.constant(true as const),
    ended: fc.record(
      {
        at: anInstant,
        outcome: fc.constantFrom('merged' as const, 'declined' as const, 'moot' as const),
        moved: fc.constant(true as const),
      },
      { requiredKeys: ['at', 'outcome'], noNullPrototype: true },
    ),
  },
  { requiredKeys: ['branch', 'digests', 'openedAt', 'changedAt'], noNullPrototype: true },
);

export function anImage(name: fc.Arbitrary<string> = aName): fc.Arbitrary<ImageRecord> {
  return optional<
    Required<ImageRecord>,
    | 'name'
    | 'enrolledAt'
    | 'discoveryStatus'
    | 'enrollment'
    | 'baseImages'
    | 'dependencies'
    | 'builtFrom'
    | 'rebuilds'
    | 'ledger'
  >(
    {
      name,
      enrolledAt: anInstant,
      lastDiscovery: anInstant,
      discoveryStatus: fc.constantFrom('pending', 'success', 'failed', 'external'),
      discoveryError: aWord,
      enrollment: someMap,
      baseImages: fc.array(aName, { maxLength: 3 }),
      currentVersion: aWord,
      currentDigest: aDigest,
      lastBuilt: anInstant,
      repoURL: aWord,
      allowTags: aWord,
      imageSelectionStrategy: selection,
      dependencies: fc.array(aDependency, { maxLength: 3 }),
      dockerfile: aWord,
      content: fc.record(
        { digest: aDigest, firstSeen: anInstant, platforms: somePlatforms, buildKey: aWord },
        { requiredKeys: ['digest', 'firstSeen', 'platforms'], noNullPrototype: true },
      ),
      builtFrom: fc.dictionary(
        aName,
        fc.record({ digest: aDigest, evidence: fc.constantFrom('layers' as const, 'record' as const) }),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      ),
      rebuilds: fc.array(aRebuild, { maxLength: 3 }),
      hold: aHold,
      versionRequest: aSourceRequest,
      versionFile: fc.record({ path: aWord, version: aWord, at: anInstant }, { noNullPrototype: true }),
      pullRequest: aSourceRequest,
      alerts: fc.array(aToldAlert, { minLength: 1, maxLength: 3 }),
      toldEvents: someToldEvents,
      versions: fc.array(
        optional<Required<VersionAllocation>, 'version' | 'at'>(
          { version: aWord, key: aWord, at: anInstant },
          'version',
          'at',
        ) as fc.Arbitrary<VersionAllocation>,
        { maxLength: 2 },
      ),
      clearedAt: anInstant,
      ledger: fc.array(anEntry, { maxLength: 3 }),
      approved: fc.record({ tag: aWord, digest: aDigest }, { noNullPrototype: true }),
      verification: someMap,
      scan: someMap,
    },
    'name',
    'enrolledAt',
    'discoveryStatus',
    'enrollment',
    'baseImages',
    'dependencies',
    'builtFrom',
    'rebuilds',
    'ledger',
  ) as fc.Arbitrary<ImageRecord>;
}

/** The parts of the reference agree with `fullImage`, as they do in every record. */
export function aBase(name: fc.Arbitrary<string> = aName): fc.Arbitrary<BaseRecord> {
  const reference = fc
    .record({
      registry: fc.constantFrom('docker.io', 'ghcr.io', '127.0.0.1:5000'),
      repository: fc.constantFrom('library/node', 'acme/app', 'a/b/c'),
      tag: fc.constantFrom('22', '3.10', 'latest', '22-bookworm-slim'),
    })
    .map((parts) => ({ ...parts, fullImage: `${parts.registry}/${parts.repository}:${parts.tag}` }));
  const rest = optional<
    Required<Omit<BaseRecord, 'registry' | 'repository' | 'tag' | 'fullImage'>>,
    'name' | 'firstDiscovered' | 'rebuildEligibleAt' | 'metadata' | 'updateHistory' | 'ledger' | 'holds'
  >(
    {
      name,
      repoURL: aWord,
      allowTags: aWord,
      imageSelectionStrategy: selection,
      firstDiscovered: anInstant,
      currentDigest: aDigest,
      lastUpdated: anInstant,
      previousDigest: aDigest,
      rebuildEligibleAt: fc.record({ default: anInstant }, { requiredKeys: [], noNullPrototype: true }),
      metadata: someMap,
      updateHistory: fc.array(someMap, { maxLength: 2 }),
      managedBy: aName,
      ledger: fc.array(anEntry, { maxLength: 4 }),
      holds: fc.array(aHold, { maxLength: 2 }),
      toldEvents: someToldEvents,
      verification: someMap,
      scan: someMap,
    },
    'name',
    'firstDiscovered',
    'rebuildEligibleAt',
    'metadata',
    'updateHistory',
    'ledger',
    'holds',
  );
  return fc.tuple(rest, reference).map(([record, parts]) => ({ ...record, ...parts }) as BaseRecord);
}

export function anIntent(image: fc.Arbitrary<string> = aName): fc.Arbitrary<Intent> {
  return optional<
    Required<Intent>,
    | 'image'
    | 'key'
    | 'attempt'
    | 'createdAt'
    | 'writer'
    | 'epoch'
    | 'provider'
    | 'reason'
    | 'pins'
    | 'platforms'
  >(
    {
      image,
      key: aWord,
      attempt: fc.nat(9),
      createdAt: anInstant,
      writer: aWord,
      takenOverAt: anInstant,
      epoch: fc.nat(9),
      provider: aWord,
      reason: aWord,
      requestedBy: aWord,
      emergency: fc.constant(true as const),
      pins: fc.array(aPin, { maxLength: 2 }),
      platforms: fc.array(aPlatform, { maxLength: 2 }),
      request: aWord,
      commit: aWord,
      revision: aWord,
      retry: fc.record(
        { by: aWord, tries: fc.nat(9), after: aWord },
        { requiredKeys: ['by', 'tries'], noNullPrototype: true },
      ),
      run: fc.record(
        { id: aWord, url: aWord, startedAt: anInstant },
        { requiredKeys: ['id', 'startedAt'], noNullPrototype: true },
      ),
      reported: fc.record(
        {
          at: anInstant,
          status: fc.constantFrom(
            'success' as const,
            'failure' as const,
            'cancelled' as const,
            'superseded' as const,
          ),
          run: aWord,
          digest: aDigest,
          url: aWord,
          log: aWord,
          error: aWord,
        },
        { requiredKeys: ['at', 'status', 'run'], noNullPrototype: true },
      ),
    },
    'image',
    'key',
    'attempt',
    'createdAt',
    'writer',
    'epoch',
    'provider',
    'reason',
    'pins',
    'platforms',
  ) as fc.Arbitrary<Intent>;
}

export const anEngine: fc.Arbitrary<EngineRecord> = fc.record(
  {
    engine: fc.constantFrom('embedded' as const, 'kargo' as const),
    epoch: fc.nat(),
    version: fc.constant(1),
  },
  { noNullPrototype: true },
);

export const anEvent = fc.record(
  { at: anInstant, type: aWord, image: aName, base: aName, text: aWord, data: someMap },
  { requiredKeys: ['at', 'type', 'text'], noNullPrototype: true },
) as fc.Arbitrary<Event>;
