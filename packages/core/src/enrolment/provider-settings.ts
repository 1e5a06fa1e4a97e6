/** Where a secret is to be found; the secret itself never stands in a configuration file. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  /** A file that holds it, such as a mounted Kubernetes secret; relative paths are taken from the factory directory. */
  | { readonly kind: 'file'; readonly path: string }
  /** Whatever `git credential fill` answers for the provider's address. */
  | { readonly kind: 'git-credential' };

interface ForgeSettings {
  /** Address of the API's root, without a slash at its end. */
  readonly url: string;
  /** Undefined: the provider's usual environment variable, where it is set. */
  readonly token: SecretReference | undefined;
  /** File with further certificate authorities (PEM). */
  readonly ca: string | undefined;
  /** Do the workflows of this provider claim their build key before they build? */
  readonly claims: boolean;
  /** Secret of the webhook by which it tells `serve` of runs; undefined: it is not listened to. */
  readonly callBack: SecretReference | undefined;
}

export interface GithubSettings extends ForgeSettings {
  readonly app:
    | {
        readonly id: string;
        /** Undefined: found out by repository. */
        readonly installation: number | undefined;
        readonly privateKey: SecretReference;
      }
    | undefined;
  readonly start: 'workflow_dispatch' | 'repository_dispatch';
}

export interface GitlabSettings extends ForgeSettings {
  /** Starts pipelines where the token may not; it cannot read them. */
  readonly triggerToken: SecretReference | undefined;
  /** How a pipeline is given what it needs. */
  readonly start: 'inputs' | 'variables';
}

export type GiteaSettings = ForgeSettings;

/** One HTTP request with `{{name}}` places in its parts. */
export interface WebhookCall {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Headers whose value is a secret, each with what stands before it (`Bearer `). */
  readonly secretHeaders: Readonly<
    Record<string, { readonly secret: SecretReference; readonly prefix: string }>
  >;
  readonly body: string | undefined;
}

/** The run's state, found in an answer. */
export interface WebhookStatus extends WebhookCall, EndWords {
  /** JSON path of the state. */
  readonly state: string;
  /** JSON path of a list: the run is the item that has `key/attempt` or `key-attempt` in one of its texts. */
  readonly items: string | undefined;
  readonly digest: string | undefined;
  readonly link: string | undefined;
  readonly log: string | undefined;
}

/** HMAC over a body, in a header, as hex digits. */
export interface BodySignature {
  readonly header: string;
  readonly secret: SecretReference;
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly prefix: string;
}

/** The words that a state has at its end; every other one means: still running. */
export interface EndWords {
  readonly success: readonly string[];
  readonly failure: readonly string[];
  readonly cancelled: readonly string[];
  /** States that mean that it found its key claimed and left. */
  readonly superseded: readonly string[];
}

/** Where a signed request of the CI system says how a run is: JSON paths in its body. */
export interface WebhookCallBack extends EndWords {
  readonly sign: BodySignature;
  readonly key: string;
  readonly attempt: string;
  readonly state: string;
  readonly digest: string | undefined;
  readonly link: string | undefined;
  readonly log: string | undefined;
}

export interface WebhookSettings {
  readonly start: WebhookCall;
  /** Of every request that has a body. */
  readonly sign: BodySignature | undefined;
  /** JSON path of the run's id in the answer, or a header that names it; undefined: it is `key-attempt`. */
  readonly run: { readonly path: string | undefined; readonly header: string | undefined } | undefined;
  readonly status: WebhookStatus | undefined;
  /** Finds a run by key and attempt: the answer is read as that of `status`, the id as by the path of `run`. */
  readonly find: (WebhookCall & { readonly items: string | undefined }) | undefined;
  readonly cancel: WebhookCall | undefined;
  readonly callBack: WebhookCallBack | undefined;
  readonly ca: string | undefined;
  readonly claims: boolean;
}

/** Undefined: nothing is said of it; forges then have their public address. */
export interface ProviderSettings {
  readonly github: GithubSettings;
  readonly gitlab: GitlabSettings;
  readonly gitea: GiteaSettings | undefined;
  readonly forgejo: GiteaSettings | undefined;
  readonly webhook: WebhookSettings | undefined;
}

export const defaultProviders: ProviderSettings = {
  github: {
    url: 'https://api.github.com',
    token: undefined,
    ca: undefined,
    claims: true,
    callBack: undefined,
    app: undefined,
    start: 'workflow_dispatch',
  },
  gitlab: {
    url: 'https://gitlab.com',
    token: undefined,
    ca: undefined,
    claims: true,
    callBack: undefined,
    triggerToken: undefined,
    start: 'inputs',
  },
  gitea: undefined,
  forgejo: undefined,
  webhook: undefined,
};
