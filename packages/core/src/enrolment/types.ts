import type { PlatformName } from '../reference/types.ts';
import type { Duration, Instant } from '../time.ts';
import type { ImageUser } from './image-users.ts';
import type { KargoSettings } from './kargo-settings.ts';
import type { ServerSettings } from './server-settings.ts';
import type { Channel } from './notification-settings.ts';
import type { ProviderSettings } from './provider-settings.ts';

export type Provider = 'github' | 'gitlab' | 'gitea' | 'forgejo' | 'local' | 'webhook';
export type SelectionStrategy = 'Lexical' | 'SemVer' | 'NewestBuild' | 'Digest';
export type Criticality = 'low' | 'normal' | 'high';

/** Where an enrolment stands, for messages. */
export interface EntryPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Source {
  readonly provider: Provider;
  /** `owner/name`, a URL, or a path; relative paths are taken from the factory directory. `.` is the factory's own repository. */
  readonly repo: string;
  /** Undefined: the repository's default branch. */
  readonly branch: string | undefined;
  /** At most one of branch, tag and commit is set. */
  readonly tag?: string | undefined;
  /** Whole id of the one commit that is built. */
  readonly commit?: string | undefined;
  readonly dockerfile: string;
  /** Defaults to the Dockerfile's folder; `.` is the repository root. */
  readonly context: string;
  readonly target: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly workflow: string | undefined;
  /** Unified diffs for the source, in their order: paths from the factory directory. Left out where there are none. */
  readonly patches?: readonly string[];
  /** The Dockerfile stands in the factory directory's own repository, and only the context is the source's. */
  readonly ownDockerfile?: boolean;
  /** Repository whose CI builds the image, as `repo` is written. Undefined: the source's own. */
  readonly workflowRepo?: string | undefined;
  /** Undefined: its default branch. */
  readonly workflowBranch?: string | undefined;
}

/** When ordinary rebuilds start: the image's own minute of the day (from the hash of its name), or a cron expression. */
export type Schedule =
  | { readonly kind: 'daily' }
  | { readonly kind: 'cron'; readonly expression: string; readonly timeZone: string };

interface EnrolmentCommon {
  readonly name: string;
  readonly registry: string;
  /** As normalised: `library/postgres`. */
  readonly repository: string;
  /** Empty: every platform that the image has. */
  readonly platforms: readonly PlatformName[];
  readonly rebuildDelay: Duration;
  readonly owner: string | undefined;
  readonly criticality: Criticality;
  readonly place: EntryPlace;
  /** The entry as written, JSON-like: the state keeps a copy under `enrollment`. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A file that says the version of an image. */
export interface VersionFile {
  readonly path: string;
  /** `text`: nothing but the version stands in it. */
  readonly form: 'text' | 'json' | 'yaml' | 'toml';
  /** Keys on the way to the version; empty for `text`. */
  readonly key: readonly string[];
}

export interface ManagedEnrolment extends EnrolmentCommon {
  readonly kind: 'managed';
  readonly source: Source;
  /** Tags that its build moves; at least one (default: `latest`). */
  readonly tags: readonly string[];
  /** Set only where the entry says so: a base that we build ourselves has no delay of its own otherwise. */
  readonly ownDelay: Duration | undefined;
  readonly rebuildOn: 'all' | 'final';
  readonly autoRebuild: boolean;
  readonly mode: 'dispatch' | 'pull-request';
  readonly schedule: Schedule;
  /** Images of one repository and branch that name the same group share one request; undefined: one of its own. */
  readonly pullRequestGroup: string | undefined;
  /** Where the version that a build was given is written to after it succeeded. */
  readonly versionFile: VersionFile | undefined;
  /** How: by one request for a repository, or by a commit on its branch. */
  readonly versionFiles: 'request' | 'commit';
  /** Places in other repositories that name this image; the kargo engine keeps them up to date. */
  readonly updates: readonly ImageUser[];
}

export interface ExternalEnrolment extends EnrolmentCommon {
  readonly kind: 'external';
  /** Anchored where the user anchored it; checked to compile. */
  readonly allowTags: string;
  readonly imageSelectionStrategy: SelectionStrategy;
}

export type Enrolment = ManagedEnrolment | ExternalEnrolment;

/** A time in which nothing ordinary starts. */
export type FreezeWindow = {
  readonly name: string;
  readonly allowEmergency: boolean;
} & (
  | { readonly kind: 'between'; readonly from: Instant; readonly to: Instant }
  | {
      readonly kind: 'recurring';
      readonly cron: string;
      readonly timeZone: string;
      readonly duration: Duration;
    }
);

export interface RegistrySettings {
  readonly insecure: boolean;
  /** Public registries are asked at most once in this time per tag; default 24 h for docker.io, ghcr.io, quay.io, ... and 0 for others. */
  readonly minInterval: Duration | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly concurrency: number | undefined;
  /** Stop polling when the registry's remaining quota falls below this. */
  readonly quotaFloor: number | undefined;
  /** May redirects and token realms point at private addresses (in-cluster registries)? */
  readonly allowPrivateAddresses: boolean;
}

export interface Settings {
  readonly engine: 'embedded' | 'kargo';
  readonly state:
    | { readonly mode: 'directory' }
    | {
        readonly mode: 'git';
        /** Undefined: the repository that the factory directory stands in. */
        readonly remote: string | undefined;
        readonly branch: string;
        readonly author: { readonly name: string; readonly email: string };
        readonly signingKey: string | undefined;
        /** Name of the environment variable that holds a token for https remotes. */
        readonly tokenEnv: string | undefined;
      };
  readonly registries: Readonly<Record<string, RegistrySettings>>;
  readonly providers: ProviderSettings;
  readonly notifications: readonly Channel[];
  readonly kargo: KargoSettings;
  readonly server: ServerSettings;
  readonly timing: {
    /** After a change one more look, so long after the first; default 30 min. */
    readonly settle: Duration;
    /** A replaced digest counts only if it stood so long; default 12 h, never more than a fourteenth of the delay. */
    readonly minStanding: Duration;
    /** Pushes of managed parents and emergencies wait so long for more of their kind; default 30 min. */
    readonly coordinationWindow: Duration;
    /** A start waits so long for another digest that is about to mature, once; default 24 h. */
    readonly lookAhead: Duration;
    /** Between cycles of `run`; default 5 min. */
    readonly interval: Duration;
  };
  readonly limits: {
    /** Rebuilds running at once in all; default 10. */
    readonly concurrent: number;
    readonly perProvider: Readonly<Partial<Record<Provider, number>>>;
    /** Starts in one cycle; default 50. */
    readonly perCycle: number;
    /** Starts per image in 24 h, a person's requests not counted; default 4. */
    readonly perImageAndDay: number;
    /** Rebuilds per 24 h whose only reason is unknown evidence; default 5. */
    readonly unknownEvidencePerDay: number;
    /** One local build; default 1 h. */
    readonly buildTimeout: Duration;
    /** One run at a CI provider, its time in the queue included; default 6 h. */
    readonly runTimeout: Duration;
  };
  readonly waves: {
    /** Images that go first; the rest wait until they have succeeded. */
    readonly canaries: readonly string[];
    /** Stop starting when more than this share of the builds of a change has failed; default 0.3. */
    readonly maxFailureRatio: number;
    /** Judged from this many ended builds on; default 3. */
    readonly minBuilds: number;
  };
  readonly freezeWindows: readonly FreezeWindow[];
  readonly builder: {
    /** `auto` takes buildah, else docker buildx; `layers` adds files to the base without executing anything (demo only). */
    readonly tool: 'auto' | 'buildah' | 'docker' | 'layers';
  };
}

export interface FactoryConfig {
  readonly settings: Settings;
  readonly images: readonly Enrolment[];
}
