import type {
  BaseRecord,
  EngineRecord,
  Event,
  ImageRecord,
  Intent,
  VersionAllocation,
} from '@image-factory/core/state/types.ts';
import fc from 'fast-check';
import {
  aDependency,
  aHold,
  anEntry,
  aPin,
  aRebuild,
  aSourceRequest,
  aToldAlert,
  selection,
  somePlatforms,
  someToldEvents,
} from './arbitrary-parts.ts';
import { aDigest, aName, anInstant, aPlatform, aWord, optional, someMap } from './arbitrary-values.ts';

/** A record of every form that the types allow, for properties that must hold of all of them; so are the others here. */
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
