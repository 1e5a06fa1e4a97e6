interface SecretReference {
  readonly secretRef: { readonly name: string };
}

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/** Which Warehouses a generic receiver refreshes. */
export interface ReceiverTarget {
  readonly kind: 'Warehouse';
  readonly name?: string;
  readonly labelSelector?: LabelSelector;
  readonly indexSelector?: {
    readonly matchIndices: readonly {
      readonly key: 'subscribedURLs' | 'receiverPaths';
      readonly operator: 'Equals' | 'NotEquals';
      readonly value: string;
    }[];
  };
}

export interface ReceiverAction {
  readonly action: 'Refresh';
  /** A bare expression of `request`. */
  readonly whenExpression?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly targetSelectionCriteria: readonly [ReceiverTarget, ...ReceiverTarget[]];
}

/** What each type of receiver takes. */
export interface ReceiverTypes {
  readonly artifactory: SecretReference & { readonly virtualRepoName?: string };
  readonly azure: SecretReference;
  readonly bitbucket: SecretReference;
  readonly dockerhub: SecretReference;
  readonly generic: SecretReference & { readonly actions: readonly [ReceiverAction, ...ReceiverAction[]] };
  readonly gitea: SecretReference;
  readonly github: SecretReference;
  readonly gitlab: SecretReference;
  readonly harbor: SecretReference;
  readonly quay: SecretReference;
}

/** A name, and exactly one type. */
export type WebhookReceiver = {
  [Type in keyof ReceiverTypes]: { readonly name: string } & {
    readonly [Key in Type]: ReceiverTypes[Type];
  } & {
    readonly [Other in Exclude<keyof ReceiverTypes, Type>]?: never;
  };
}[keyof ReceiverTypes];

/** The key that the receiver's Secret must have. Source: Kargo's webhook receiver documentation, v1.11. */
export const receiverSecretKeys: Readonly<Record<keyof ReceiverTypes, string>> = {
  artifactory: 'secret-token',
  azure: 'secret',
  bitbucket: 'secret',
  dockerhub: 'secret',
  generic: 'secret',
  gitea: 'secret',
  github: 'secret',
  gitlab: 'secret-token',
  harbor: 'auth-header',
  quay: 'secret',
};
