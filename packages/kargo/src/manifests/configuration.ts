import type { KubernetesManifest, NamespacedMeta, ObjectMeta } from './manifest.ts';

export interface NamespaceManifest extends KubernetesManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Namespace';
  readonly metadata: ObjectMeta;
}

export interface ConfigMapManifest extends KubernetesManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: NamespacedMeta;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * A Secret as it may stand in git: labels, a type and what is no secret (a repository URL, a user name). There is no
 * field for the rest; people or External Secrets put it in.
 */
export interface SecretManifest extends KubernetesManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: NamespacedMeta;
  readonly type?: 'Opaque' | 'kubernetes.io/dockerconfigjson';
  readonly stringData?: {
    readonly repoURL?: string;
    readonly repoURLIsRegex?: 'true' | 'false';
    readonly username?: string;
  };
}

/** Takes a Secret from where the team keeps it. Source: External Secrets Operator, external-secrets.io/v1. */
export interface ExternalSecretSpec {
  readonly refreshInterval: string;
  readonly secretStoreRef: { readonly name: string; readonly kind: 'SecretStore' | 'ClusterSecretStore' };
  readonly target: {
    readonly name: string;
    readonly creationPolicy?: 'Owner' | 'Merge' | 'Orphan' | 'None';
    readonly template?: {
      readonly type?: string;
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      /** What is no secret, and templates that the operator fills in. */
      readonly data?: Readonly<Record<string, string>>;
    };
  };
  readonly data: readonly {
    readonly secretKey: string;
    readonly remoteRef: { readonly key: string; readonly property?: string; readonly version?: string };
  }[];
}

export interface ExternalSecretManifest extends KubernetesManifest {
  readonly apiVersion: 'external-secrets.io/v1';
  readonly kind: 'ExternalSecret';
  readonly metadata: NamespacedMeta;
  readonly spec: ExternalSecretSpec;
}
