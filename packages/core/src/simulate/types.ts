import type { Criticality, FreezeWindow, Schedule, Settings } from '../enrolment/types.ts';
import type { Digest } from '../reference/types.ts';
import type { Hold, Pin, RebuildOutcome } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';

/** A tag was moved to this digest. */
export interface Publication {
  readonly at: Instant;
  /** A digest, or any name: the same name is the same digest. */
  readonly digest: string;
  /** Names of the platform manifests; equal names are the same manifest. Default: one of its own per platform. */
  readonly manifests?: Readonly<Record<string, string>>;
  /** Equal names have equal layers and config, under whatever digest. Default: layers of its own. */
  readonly layers?: string;
}

export interface SimulatedBase {
  /** `docker.io/library/node:22` */
  readonly reference: string;
  /** Default: `linux/amd64`. */
  readonly platforms?: readonly string[];
  /** In order of time. What stands at the beginning of the scenario is the baseline. */
  readonly published: readonly Publication[];
  readonly holds?: readonly Hold[];
}

/** What an image is built from: a simulated base by its reference, or the tag `latest` of another simulated image. */
export type Use = ({ readonly base: string } | { readonly image: string }) & {
  /** Copied from, instead of built on. */
  readonly copied?: boolean;
};

export interface SimulatedImage {
  readonly name: string;
  readonly uses: readonly Use[];
  /** It exists at the beginning, built on what stood then; default: it was never built. */
  readonly exists?: boolean;
  /** What exists at the beginning has none of its base's layers, so that nobody knows what it was built on. */
  readonly squashed?: boolean;
  /** Default: `linux/amd64`. */
  readonly platforms?: readonly string[];
  /** Default: 7 days. */
  readonly delay?: Duration;
  /** The delay that its children give it; default: none. */
  readonly ownDelay?: Duration;
  readonly schedule?: Schedule;
  readonly criticality?: Criticality;
  readonly rebuildOn?: 'all' | 'final';
  readonly autoRebuild?: boolean;
  /** How long a build takes; default: 10 minutes. */
  readonly buildTime?: Duration;
  /** Equal bases make equal content. */
  readonly reproducible?: boolean;
  readonly hold?: Hold;
}

/** The first rule that fits a build says how it ends; without one it succeeds. */
export interface OutcomeRule {
  readonly image?: string;
  /** Only builds that pin this name or digest. */
  readonly digest?: string;
  /** Only builds that start at or after this time... */
  readonly from?: Instant;
  /** ...and before this one. */
  readonly until?: Instant;
  readonly outcome: Exclude<RebuildOutcome, 'success'>;
}

/** A critical CVE in every digest that was published before the one that fixes it. */
export interface Flaw {
  readonly base: string;
  readonly id: string;
  readonly fixedIn: string;
  /** When the scanner knows. */
  readonly knownAt: Instant;
}

export interface TimedRequest {
  readonly at: Instant;
  readonly image: string;
  readonly by: string;
  readonly reason: string;
  readonly skipDelay: boolean;
}

/** A world to run the plan in: plain data. The same scenario gives the same report to the byte. */
export interface Scenario {
  readonly name: string;
  readonly from: Instant;
  readonly until: Instant;
  /** Between two ordinary looks at a tag. Follow-up looks come on top. */
  readonly poll: Duration;
  readonly bases: readonly SimulatedBase[];
  readonly images: readonly SimulatedImage[];
  readonly outcomes?: readonly OutcomeRule[];
  readonly flaws?: readonly Flaw[];
  readonly requests?: readonly TimedRequest[];
  readonly settings?: {
    readonly timing?: Partial<Settings['timing']>;
    readonly limits?: Partial<Settings['limits']>;
    readonly waves?: Partial<Settings['waves']>;
    readonly freezeWindows?: readonly FreezeWindow[];
  };
}

export interface SimulatedRebuild {
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
  /** The code of the first reason. */
  readonly reason: string;
  readonly emergency: boolean;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly outcome: RebuildOutcome;
  readonly pins: readonly Pin[];
  /** Bases of which it pins a digest whose delay was not over, that was neither the baseline nor inside already. */
  readonly young: readonly string[];
  /** What it made. */
  readonly digest?: Digest;
}

/** What became of one publication of a base in one image that uses it directly. */
export interface Adoption {
  readonly image: string;
  readonly base: string;
  readonly digest: string;
  readonly publishedAt: Instant;
  /** When the image first contained it, something newer, or the same content; absent: not yet at the end. */
  readonly adoptedAt?: Instant;
  /** From publication to adoption, or to the end of the scenario. */
  readonly lag: Duration;
}

/** A rebuild took a base back to a digest that was seen earlier, although the newer one was not withdrawn. */
export interface Downgrade {
  readonly image: string;
  readonly base: string;
  readonly from: string;
  readonly to: string;
  readonly at: Instant;
}

/** The same digest of a base came into an image again by another way, in a rebuild of its own. */
export interface SplitChange {
  readonly image: string;
  readonly base: string;
  readonly digest: string;
  readonly at: Instant;
}

export interface ImageSummary {
  readonly image: string;
  readonly succeeded: number;
  readonly failed: number;
  /** The longest of its adoption lags; absent where nothing was published. */
  readonly longestLag?: Duration;
}

export interface SimulationReport {
  readonly scenario: string;
  readonly from: Instant;
  readonly until: Instant;
  /** By start. Runs that are open at the end are not among them. */
  readonly rebuilds: readonly SimulatedRebuild[];
  readonly images: readonly ImageSummary[];
  readonly adoptions: readonly Adoption[];
  readonly downgrades: readonly Downgrade[];
  readonly splitChanges: readonly SplitChange[];
  /** The most starts in any hour and in any 24 hours, and the most runs at once. */
  readonly peaks: { readonly startsPerHour: number; readonly startsPerDay: number; readonly running: number };
  /** Starts that the state refused although the plan wanted them: always empty unless a rule is broken. */
  readonly refused: readonly { readonly image: string; readonly at: Instant; readonly key: string }[];
  /** How often a registry was looked at with news, and how often a plan was made. */
  readonly effort: { readonly looks: number; readonly plans: number };
  /** What each image was told to do, whenever that changed; only if asked for. */
  readonly timeline?: readonly TimelineEntry[];
}

export interface TimelineEntry {
  readonly at: Instant;
  readonly image: string;
  readonly action: string;
  /** Codes of what it is due for, then of the notes. */
  readonly reasons: readonly string[];
  /** When it is to start, where that is known. */
  readonly startsAt?: Instant;
}
