import type { PlatformName } from '@image-factory/core/reference/types.ts';
import type {
  Dependency,
  Hold,
  LedgerEntry,
  Pin,
  PlatformContent,
  Rebuild,
  ToldAlert,
} from '@image-factory/core/state/types.ts';
import fc from 'fast-check';
import { aDigest, aName, anInstant, aPlatform, aWord, optional } from './arbitrary-values.ts';

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

export const somePlatforms = fc.dictionary(aPlatform, aContent, {
  maxKeys: 3,
  noNullPrototype: true,
}) as fc.Arbitrary<Record<PlatformName, PlatformContent>>;

export const anEntry = optional<Required<LedgerEntry>, 'digest' | 'firstSeen' | 'appeared'>(
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

export const aHold = optional<Required<Hold>, 'reason' | 'since'>(
  { reason: aWord, by: aWord, since: anInstant, until: anInstant, digest: aDigest },
  'reason',
  'since',
) as fc.Arbitrary<Hold>;

export const aPin: fc.Arbitrary<Pin> = fc.record(
  { base: aName, reference: aWord, digest: aDigest },
  { noNullPrototype: true },
);

export const aDependency = optional<Required<Dependency>, Exclude<keyof Dependency, 'base'>>(
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

export const someToldEvents = fc.array(
  fc.record({ event: aWord, channels: fc.array(aName, { maxLength: 2 }) }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 3 },
);

export const aRebuild = optional<
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

export const selection = fc.constantFrom(
  'Lexical' as const,
  'SemVer' as const,
  'NewestBuild' as const,
  'Digest' as const,
);

export const aToldAlert = optional<Required<ToldAlert>, 'kind' | 'since' | 'told' | 'issues'>(
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

export const aSourceRequest = fc.record(
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
