import type { KubernetesManifest, NamespacedMeta } from './manifest.ts';

export interface ServiceAccountManifest extends KubernetesManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'ServiceAccount';
  readonly metadata: NamespacedMeta;
  readonly automountServiceAccountToken?: boolean;
}

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface RoleManifest extends KubernetesManifest {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'Role';
  readonly metadata: NamespacedMeta;
  readonly rules: readonly PolicyRule[];
}

export interface RoleBindingManifest extends KubernetesManifest {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'RoleBinding';
  readonly metadata: NamespacedMeta;
  readonly roleRef: {
    readonly apiGroup: 'rbac.authorization.k8s.io';
    readonly kind: 'Role' | 'ClusterRole';
    readonly name: string;
  };
  readonly subjects: readonly {
    readonly kind: 'ServiceAccount';
    readonly name: string;
    readonly namespace: string;
  }[];
}

interface NetworkPeer {
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface NetworkPort {
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number | string;
}

export interface NetworkPolicySpec {
  readonly podSelector: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly policyTypes: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly {
    readonly from?: readonly NetworkPeer[];
    readonly ports?: readonly NetworkPort[];
  }[];
  readonly egress?: readonly {
    readonly to?: readonly NetworkPeer[];
    readonly ports?: readonly NetworkPort[];
  }[];
}

export interface NetworkPolicyManifest extends KubernetesManifest {
  readonly apiVersion: 'networking.k8s.io/v1';
  readonly kind: 'NetworkPolicy';
  readonly metadata: NamespacedMeta;
  readonly spec: NetworkPolicySpec;
}
