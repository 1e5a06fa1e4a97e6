import type { SelectionStrategy } from '../enrolment/types.ts';
import type { PlatformName } from '../reference/types.ts';
import {
  anything,
  anyMap,
  count,
  digest,
  flag,
  instant,
  instantOrUnknown,
  oneOf,
  optional,
  orElse,
  orEmpty,
  orNoEntries,
  recordOf,
  required,
  text,
  listOf,
  onlyTrue,
  type Codec,
} from './fields.ts';
import { hold, ledgerEntry, platformContents } from './ledger-codec.ts';
import { lenientDigest, noMap } from './older-fields.ts';
import type {
  BuiltFrom,
  Dependency,
  ImageContent,
  ImageRecord,
  Pin,
  Rebuild,
  SourceRequest,
  ToldAlert,
  ToldEvent,
  VersionAllocation,
  WrittenVersion,
} from './types.ts';

/** A platform name of a file is taken as it is: the parser made it when it was written. */
export const platformName: Codec<PlatformName> = {
  read: (value) => text.read(value) as PlatformName,
  write: text.write,
};

export const selectionStrategy: Codec<SelectionStrategy> = oneOf(
  'Lexical',
  'SemVer',
  'NewestBuild',
  'Digest',
);

export const pin: Codec<Pin> = recordOf<Pin>({
  base: required(text),
  reference: required(text),
  digest: required(digest),
});

const dependency = recordOf<Dependency>({
  reference: required(text),
  kind: required(oneOf('from', 'copy-from', 'mount-from', 'syntax')),
  stage: required(text),
  platform: required(platformName),
  final: required(flag),
  base: optional(text),
  written: required(text),
  range: required(text),
});

export const rebuild: Codec<Rebuild> = recordOf<Rebuild>({
  key: required(text),
  attempt: required(count),
  reason: required(text),
  startedAt: required(instant),
  endedAt: required(instant),
  outcome: required(oneOf('success', 'failure', 'cancelled', 'superseded', 'base-drift')),
  pins: orEmpty(pin),
  digest: optional(digest),
  run: optional(text),
  log: optional(text),
  error: optional(text),
  overdue: optional(onlyTrue),
  requestedBy: optional(text),
  revision: optional(text),
  tries: optional(count),
});

const content = recordOf<ImageContent>({
  digest: required(digest),
  firstSeen: required(instant),
  platforms: required(platformContents),
  annotatedBase: optional(
    recordOf<NonNullable<ImageContent['annotatedBase']>>({ name: optional(text), digest: required(digest) }),
  ),
  buildKey: optional(text),
});

const builtFrom = recordOf<BuiltFrom>({
  digest: required(digest),
  evidence: required(oneOf('signed-provenance', 'layers', 'record', 'provenance', 'annotation')),
});

const sourceRequest = recordOf<SourceRequest>({
  branch: required(text),
  number: optional(count),
  url: optional(text),
  digests: orNoEntries(text),
  openedAt: required(instant),
  changedAt: orEmpty(instant),
  head: optional(text),
  madeOn: optional(text),
  after: optional(count),
  closing: optional(onlyTrue),
  ended: optional(
    recordOf<NonNullable<SourceRequest['ended']>>({
      at: required(instant),
      outcome: required(oneOf('merged', 'declined', 'moot')),
      moved: optional(onlyTrue),
    }),
  ),
});

const toldAlert = recordOf<ToldAlert>({
  kind: required(text),
  base: optional(text),
  since: required(instant),
  told: orNoEntries(instant),
  issues: orNoEntries(text),
  over: optional(instant),
});

export const toldEvent = recordOf<ToldEvent>({ event: required(text), channels: orEmpty(text) });

/** state/images/<name>.yaml; the first fields in the order of the older format, ours behind them. */
export const imageCodec: Codec<ImageRecord> = recordOf<ImageRecord>({
  name: required(text),
  enrolledAt: instantOrUnknown,
  lastDiscovery: optional(instant),
  discoveryStatus: orElse(oneOf('pending', 'success', 'failed', 'external'), 'pending', () => false),
  discoveryError: optional(text),
  enrollment: orElse(anyMap, {}, noMap),
  allowTags: optional(text),
  imageSelectionStrategy: optional(selectionStrategy),
  repoURL: optional(text),
  baseImages: orElse(listOf(text), [], () => false),
  currentVersion: optional(text),
  currentDigest: optional(lenientDigest),
  lastBuilt: optional(instant),
  hold: optional(hold),
  pullRequest: optional(sourceRequest),
  approved: optional(
    recordOf<NonNullable<ImageRecord['approved']>>({ tag: required(text), digest: required(digest) }),
  ),
  dockerfile: optional(text),
  dependencies: orEmpty(dependency),
  builtFrom: orNoEntries(builtFrom),
  content: optional(content),
  clearedAt: optional(instant),
  versions: optional(
    listOf(
      recordOf<VersionAllocation>({ version: required(text), key: optional(text), at: required(instant) }),
    ),
  ),
  versionRequest: optional(sourceRequest),
  versionFile: optional(
    recordOf<WrittenVersion>({ path: required(text), version: required(text), at: required(instant) }),
  ),
  rebuilds: orEmpty(rebuild),
  alerts: optional(listOf(toldAlert)),
  toldEvents: optional(listOf(toldEvent)),
  ledger: orEmpty(ledgerEntry),
  verification: optional(anything),
  scan: optional(anything),
});
