import type { SelectionStrategy } from '../enrolment/types.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { Instant } from '../time.ts';

/** What one platform of a digest holds; kept because upstream deletes old manifests. */
export interface PlatformContent {
  /** The platform manifest's digest. */
  readonly digest: Digest;
  /** Uncompressed layer digests, base first. */
  readonly diffIds: readonly Digest[];
  /** Hash of the image config without created, history and labels: equal content has equal diff ids and an equal hash. */
  readonly config: string;
  /** Triggers that a build on top of it runs (ONBUILD); absent where there are none. */
  readonly onBuild?: readonly string[];
}

/** "This tag pointed at this digest when we looked." */
export interface LedgerEntry {
  readonly digest: Digest;
  /** The tag, for external images whose selection has several. */
  readonly tag?: string;
  /** When the timer of this digest started: its first sight, or its return after a withdrawal. */
  readonly firstSeen: Instant;
  /** Its latest appearance under the tag; entries are ordered by it. */
  readonly appeared: Instant;
  /** The last look that saw the digest before it. */
  readonly previousLastSeenAt?: Instant;
  readonly settledAt?: Instant;
  /** The last look that saw it before another digest took the tag. Absent: it stands there now. */
  readonly lastSeenAt?: Instant;
  /** When we first saw another digest in its place. */
  readonly replacedAt?: Instant;
  /**
   * The longest time that looks prove it to have stood under the tag, in milliseconds; counted when it is replaced, and
   * where no look is remembered (Kargo) by one look of its own.
   */
  readonly stood?: number;
  readonly baseline?: true;
  /** The tag went back from it to an older digest. */
  readonly withdrawnAt?: Instant;
  /** A publisher's own date (registry push time or annotation); can only delay. */
  readonly publishedAt?: Instant;
  readonly platforms?: Readonly<Record<PlatformName, PlatformContent>>;
  /** An earlier digest of the ledger with the same content on every platform. */
  readonly equalTo?: Digest;
  /** The registry no longer serves it, seen at this time. */
  readonly goneAt?: Instant;
  /** Refused by verification, with the reason. */
  readonly refused?: string;
  /** A version tag that was pushed again with other content. */
  readonly retagged?: true;
}

/** A person's stop, with reason and expiry. Written by people or by `hold`; never by the machine's own decisions. */
export interface Hold {
  readonly reason: string;
  readonly by?: string;
  readonly since: Instant;
  readonly until?: Instant;
  /** Only this digest is held (on a base). */
  readonly digest?: Digest;
}

/** How a Dockerfile names one image that its build reads. */
export interface Dependency {
  /** Normalised: `docker.io/library/node:22`. */
  readonly reference: string;
  readonly kind: 'from' | 'copy-from' | 'mount-from' | 'syntax';
  readonly stage: string;
  readonly platform: PlatformName;
  /** Is it the base that the final image's layers start with? */
  readonly final: boolean;
  /** Name of the base record; absent where nothing can be watched. */
  readonly base?: string;
  /** The words as written in the Dockerfile, before expansion: a builder may need them as pin keys. */
  readonly written: string;
  /** `line:column-line:column` of the written word. */
  readonly range: string;
}

export type EvidenceStrength = 'signed-provenance' | 'layers' | 'record' | 'provenance' | 'annotation';

export interface BuiltFrom {
  readonly digest: Digest;
  readonly evidence: EvidenceStrength;
}

export type RebuildOutcome = 'success' | 'failure' | 'cancelled' | 'superseded' | 'base-drift';

export interface Pin {
  /** Name of the base record. */
  readonly base: string;
  /** Normalised reference with tag, as the Dockerfile means it. */
  readonly reference: string;
  readonly digest: Digest;
}

export interface Rebuild {
  readonly key: string;
  readonly attempt: number;
  readonly reason: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly outcome: RebuildOutcome;
  readonly pins: readonly Pin[];
  readonly digest?: Digest;
  readonly run?: string;
  readonly log?: string;
  readonly error?: string;
  /** Its time was over before the run was: the run may still come to an end. */
  readonly overdue?: true;
  /** A person asked for it: not counted in the daily limit. */
  readonly requestedBy?: string;
  /** Of Dockerfile and context, as they were when it was decided. */
  readonly revision?: string;
  /** How often its run was run, where a person had it run again. */
  readonly tries?: number;
}

/** A version that was given to a build, whether anything was pushed under it or not. */
export interface VersionAllocation {
  readonly version: string;
  /** Of the build that it was given to. */
  readonly key?: string;
  readonly at: Instant;
}

/**
 * The request by which this factory proposes to change the image's source: the newest one, open or ended. Images that
 * share a request each have a record of it, which says what of it is theirs.
 */
export interface SourceRequest {
  readonly branch: string;
  /** Absent until the forge's answer is known; it is found by its branch then. */
  readonly number?: number;
  readonly url?: string;
  /**
   * Base name to what the source would say of it: a digest, or a tag with or without one. In a request that changes a
   * version file: its path to the version.
   */
  readonly digests: Readonly<Record<string, string>>;
  readonly openedAt: Instant;
  /** When it was opened or changed, of the last day. */
  readonly changedAt: readonly Instant[];
  /** The commit that was pushed last, and the Dockerfile that it was made on, as `dockerfile` of the record says it. */
  readonly head?: string;
  readonly madeOn?: string;
  /** Number of the request before it, which had ended. */
  readonly after?: number;
  /** There is nothing left to propose: it is being closed by the factory. */
  readonly closing?: true;
  readonly ended?: {
    readonly at: Instant;
    /** `declined`: a person closed it; the same is not proposed again. `moot`: there was nothing left to propose. */
    readonly outcome: 'merged' | 'declined' | 'moot';
    /** The image goes on in a request of another branch: what was proposed here needs no other time there. */
    readonly moved?: true;
  };
}

/** A version that the image's file is known to say. */
export interface WrittenVersion {
  readonly path: string;
  readonly version: string;
  readonly at: Instant;
}

/** A condition of an image that channels are, or were, to be told of. */
export interface ToldAlert {
  readonly kind: string;
  readonly base?: string;
  readonly since: Instant;
  /** Channel to when it was told last. */
  readonly told: Readonly<Record<string, Instant>>;
  /** Channel to the number of the issue that it keeps for this. */
  readonly issues: Readonly<Record<string, string>>;
  /** When it was seen to be over; kept until those who were told of it know. */
  readonly over?: Instant;
}

/** An event that channels were told of; forgotten after two days. */
export interface ToldEvent {
  readonly event: string;
  readonly channels: readonly string[];
}

/** What we know of the image that we built or found in its registry. */
export interface ImageContent {
  readonly digest: Digest;
  readonly firstSeen: Instant;
  readonly platforms: Readonly<Record<PlatformName, PlatformContent>>;
  /** Base name and digest that the manifest's annotations claim. */
  readonly annotatedBase?: { readonly name?: string; readonly digest: Digest };
  readonly buildKey?: string;
}

export type DiscoveryStatus = 'pending' | 'success' | 'failed' | 'external';

/** state/images/<name>.yaml. Field names are those of the format that exists in the field already. */
export interface ImageRecord {
  readonly name: string;
  readonly enrolledAt: Instant;
  readonly lastDiscovery?: Instant;
  readonly discoveryStatus: DiscoveryStatus;
  readonly discoveryError?: string;
  readonly enrollment: Readonly<Record<string, unknown>>;
  readonly baseImages: readonly string[];
  readonly currentVersion?: string;
  readonly currentDigest?: Digest;
  readonly lastBuilt?: Instant;

  readonly repoURL?: string;
  readonly allowTags?: string;
  readonly imageSelectionStrategy?: SelectionStrategy;

  readonly dependencies: readonly Dependency[];
  /** Git object ids that the dependencies were read from; unchanged means: not read again. */
  readonly dockerfile?: string;
  readonly content?: ImageContent;
  readonly builtFrom: Readonly<Record<string, BuiltFrom>>;
  readonly rebuilds: readonly Rebuild[];
  readonly hold?: Hold;
  readonly pullRequest?: SourceRequest;
  /** Versions that `version next` gave away, oldest first. */
  readonly versions?: readonly VersionAllocation[];
  /** The request that writes a version into the image's file, as `pullRequest` is one for its pins. */
  readonly versionRequest?: SourceRequest;
  readonly versionFile?: WrittenVersion;
  /** Failures in a row were cleared by a person at this time. */
  readonly clearedAt?: Instant;
  readonly alerts?: readonly ToldAlert[];
  readonly toldEvents?: readonly ToldEvent[];
  /** External images only: the watched selection. */
  readonly ledger: readonly LedgerEntry[];
  /** External images only: the approved tag and digest. */
  readonly approved?: { readonly tag: string; readonly digest: Digest };
  readonly verification?: unknown;
  readonly scan?: unknown;
}

/** state/base-images/<name>.yaml: one tag that images are built from. */
export interface BaseRecord {
  readonly name: string;
  readonly fullImage: string;
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly repoURL?: string;
  readonly allowTags?: string;
  readonly imageSelectionStrategy?: SelectionStrategy;
  readonly firstDiscovered: Instant;
  readonly currentDigest?: Digest;
  readonly lastUpdated?: Instant;
  readonly previousDigest?: Digest;
  readonly rebuildEligibleAt: { readonly default?: Instant };
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly updateHistory: readonly unknown[];
  /** The managed image that moves this tag, if it is one of ours. */
  readonly managedBy?: string;
  readonly ledger: readonly LedgerEntry[];
  readonly holds: readonly Hold[];
  readonly toldEvents?: readonly ToldEvent[];
  readonly verification?: unknown;
  readonly scan?: unknown;
}

/** state/intents/<image>.yaml: a committed decision to start one build. */
export interface Intent {
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
  readonly createdAt: Instant;
  /** The process that wrote it: only it may start the run, within 60 s. */
  readonly writer: string;
  /** When this writer took it over from another one. */
  readonly takenOverAt?: Instant;
  readonly epoch: number;
  readonly provider: string;
  readonly reason: string;
  readonly requestedBy?: string;
  readonly emergency?: true;
  readonly pins: readonly Pin[];
  readonly platforms: readonly PlatformName[];
  /** Kargo starts this run, with this request body (JSON); only the kargo engine writes it. */
  readonly request?: string;
  /** The source commit that the decision was made on. */
  readonly commit?: string;
  /** Of Dockerfile and context, as they were when it was decided. */
  readonly revision?: string;
  /** A person has the ended run of this attempt run again. */
  readonly retry?: RetryMark;
  /** Set once the run is known. */
  readonly run?: { readonly id: string; readonly url?: string; readonly startedAt: Instant };
  /** Set where the CI system told by itself how the run ended, and nobody can be asked for it. */
  readonly reported?: RunReport;
}

/** How a run ended, by the word of its CI system. */
export interface RunReport {
  readonly at: Instant;
  readonly status: 'success' | 'failure' | 'cancelled' | 'superseded';
  /** The run's id, as its builder writes it. */
  readonly run: string;
  readonly digest?: Digest;
  readonly url?: string;
  readonly log?: string;
  readonly error?: string;
}

/** An attempt that is open again: the same key, the same attempt, the same run. */
export interface RetryMark {
  readonly by: string;
  /** How often its run is run, this time included. */
  readonly tries: number;
  /** `Run.tried` of the end that it had; absent where it went on, or had succeeded, before it was asked to. */
  readonly after?: string;
}

/** state/engine.yaml */
export interface EngineRecord {
  readonly engine: 'embedded' | 'kargo';
  readonly epoch: number;
  readonly version: number;
}

/** All records by name. */
export interface FactoryState {
  readonly images: ReadonlyMap<string, ImageRecord>;
  readonly bases: ReadonlyMap<string, BaseRecord>;
  readonly intents: ReadonlyMap<string, Intent>;
  readonly engine: EngineRecord | undefined;
}

/** One line of the audit log. */
export interface Event {
  readonly at: Instant;
  readonly type: string;
  readonly image?: string;
  readonly base?: string;
  readonly text: string;
  readonly data?: Readonly<Record<string, unknown>>;
}
