import { day, minute, type Duration } from '../time.ts';

/** Registries and forges that tell Kargo of a push. */
export const receiverTypes = [
  'artifactory',
  'azure',
  'bitbucket',
  'dockerhub',
  'generic',
  'gitea',
  'github',
  'gitlab',
  'harbor',
  'quay',
] as const;

export interface KargoReceiver {
  readonly type: (typeof receiverTypes)[number];
  readonly name: string;
  /** Name of the Kubernetes Secret that it is addressed and authenticated with. */
  readonly secret: string;
}

export interface KargoToleration {
  readonly key: string | undefined;
  readonly operator: 'Equal' | 'Exists';
  readonly value: string | undefined;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' | undefined;
}

/** How this factory runs on Kubernetes: what `synth` needs to know beyond the enrolment. */
export interface KargoSettings {
  /** Namespace and Project. */
  readonly namespace: string;
  /** Container image of our Jobs; `synth` needs it. */
  readonly image: string | undefined;
  /** https URL of the repository that holds the factory directory; undefined: `state.remote`. */
  readonly repository: string | undefined;
  readonly branch: string;
  /** The factory directory in that repository; `.` is its root. */
  readonly directory: string;
  /** Address of the `image-factory serve` that starts runs when Kargo asks; undefined: Kargo asks the forges itself. */
  readonly server: string | undefined;
  /** When the decide Job runs: five fields. */
  readonly schedule: { readonly expression: string; readonly timeZone: string };
  /** How often Kargo looks. */
  readonly intervals: {
    /** At images that we build. */
    readonly images: Duration;
    /** At the repositories that they are built from. */
    readonly source: Duration;
    /** At bases and external images; a registry's own `minInterval` goes first. */
    readonly bases: Duration;
    /** At the branch of the state, for new intents. */
    readonly intents: Duration;
  };
  /** Names of Kubernetes Secrets in the namespace. */
  readonly secrets: {
    /** `username` and `password`: the repositories of the factory, of its state and of image users. */
    readonly git: string;
    /** `token`: GitHub's API. */
    readonly github: string;
    /** `token`: GitLab's API. */
    readonly gitlab: string;
    /** `token`: the running Image Factory, where `server` names one. */
    readonly server: string;
    /** Environment variables of the server that is generated: what CI systems are asked and heard with. */
    readonly ci: string;
    /** Docker configuration with the credentials of registries, for the Jobs. */
    readonly registries: string | undefined;
  };
  /** Names of Secrets with which the nodes pull the image of the Jobs. */
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccount: string;
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly receivers: readonly KargoReceiver[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly KargoToleration[];
  /** May git servers be asked for commits without file contents? Most can; it saves most of a clone. */
  readonly partialClone: boolean;
}

export const defaultKargo: KargoSettings = {
  namespace: 'image-factory-kargo',
  image: undefined,
  repository: undefined,
  branch: 'main',
  directory: '.',
  server: undefined,
  schedule: { expression: '*/15 * * * *', timeZone: 'UTC' },
  intervals: { images: 5 * minute, source: 5 * minute, bases: day, intents: 5 * minute },
  secrets: {
    git: 'image-factory-git',
    github: 'github-token',
    gitlab: 'gitlab-token',
    server: 'image-factory-server',
    ci: 'image-factory-ci',
    registries: undefined,
  },
  imagePullSecrets: [],
  serviceAccount: 'image-factory',
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } },
  receivers: [],
  nodeSelector: {},
  tolerations: [],
  partialClone: true,
};
