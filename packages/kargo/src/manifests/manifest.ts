/** What a manifest calls itself, and how others find it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Metadata of a kind that lives in a namespace. */
export interface NamespacedMeta extends ObjectMeta {
  readonly namespace: string;
}

/** What every Kubernetes resource has in common. */
export interface KubernetesManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/**
 * Label, or annotation where the name is no label value, that says which enrolled image a resource is for. Findings of
 * the validator name it.
 */
export const imageLabel = 'image-factory.dev/image';

/** Annotation of a Warehouse with a platform: every tag that it can find is a multi-arch index, and somebody has looked. */
export const multiArchAnnotation = 'image-factory.dev/multi-arch';

export const kargoApiVersion = 'kargo.akuity.io/v1alpha1';
export const rolloutsApiVersion = 'argoproj.io/v1alpha1';

/** Labels and annotations that Kargo itself reads (v1.11). */
export const kargoKeys = {
  /** Label of a namespace that is a Project's: Kargo refuses every resource in one without it. */
  project: 'kargo.akuity.io/project',
  /** Label of a Secret: what its credentials are for. */
  credentialType: 'kargo.akuity.io/cred-type',
  /** Annotation of a Project or Namespace: do not delete the namespace with the Project. */
  keepNamespace: 'kargo.akuity.io/keep-namespace',
  /** Annotation: a new value makes Kargo look again at once. */
  refresh: 'kargo.akuity.io/refresh',
  description: 'kargo.akuity.io/description',
  color: 'kargo.akuity.io/color',
  shard: 'kargo.akuity.io/shard',
} as const;

/** One `${{ … }}` or `${% … %}` that Kargo evaluates when the promotion runs, with any text around it. */
export type Expression = `${string}\${{${string}}}${string}` | `${string}\${%${string}%}${string}`;

/** A variable; its value is always text. Names: `^[a-zA-Z_]\w*$`. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}
