import type { Construct } from 'constructs';
import type {
  NetworkPolicyManifest,
  RoleBindingManifest,
  RoleManifest,
  ServiceAccountManifest,
} from '../manifests/access.ts';
import type {
  ConfigMapManifest,
  ExternalSecretManifest,
  NamespaceManifest,
  SecretManifest,
} from '../manifests/configuration.ts';
import type { CronJobManifest, JobManifest } from '../manifests/job.ts';
import { manifestOf, TypedObject, type Body, type ConstructMeta } from './kargo-object.ts';

const serviceAccountKind = { apiVersion: 'v1', kind: 'ServiceAccount' } as const;

export type ServiceAccountProps = Body<ServiceAccountManifest> & { readonly metadata?: ConstructMeta };

/** Who a Job is to the API server. */
export class ServiceAccount extends TypedObject<ServiceAccountManifest> {
  constructor(scope: Construct, id: string, props: ServiceAccountProps) {
    super(scope, id, serviceAccountKind, 'namespace', props);
  }
}

/** The manifest of a ServiceAccount, without cdk8s. */
export function serviceAccountManifest(
  metadata: ServiceAccountManifest['metadata'],
  body: Body<ServiceAccountManifest>,
): ServiceAccountManifest {
  return manifestOf<ServiceAccountManifest>(serviceAccountKind, metadata, body);
}

const roleKind = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' } as const;

export type RoleProps = Body<RoleManifest> & { readonly metadata?: ConstructMeta };

/** What may be done in a namespace. */
export class Role extends TypedObject<RoleManifest> {
  constructor(scope: Construct, id: string, props: RoleProps) {
    super(scope, id, roleKind, 'namespace', props);
  }
}

/** The manifest of a Role, without cdk8s. */
export function roleManifest(metadata: RoleManifest['metadata'], body: Body<RoleManifest>): RoleManifest {
  return manifestOf<RoleManifest>(roleKind, metadata, body);
}

const roleBindingKind = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' } as const;

export type RoleBindingProps = Body<RoleBindingManifest> & { readonly metadata?: ConstructMeta };

/** Who may do it. */
export class RoleBinding extends TypedObject<RoleBindingManifest> {
  constructor(scope: Construct, id: string, props: RoleBindingProps) {
    super(scope, id, roleBindingKind, 'namespace', props);
  }
}

/** The manifest of a RoleBinding, without cdk8s. */
export function roleBindingManifest(
  metadata: RoleBindingManifest['metadata'],
  body: Body<RoleBindingManifest>,
): RoleBindingManifest {
  return manifestOf<RoleBindingManifest>(roleBindingKind, metadata, body);
}

const networkPolicyKind = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' } as const;

export type NetworkPolicyProps = Body<NetworkPolicyManifest> & { readonly metadata?: ConstructMeta };

/** Which connections pods may have. */
export class NetworkPolicy extends TypedObject<NetworkPolicyManifest> {
  constructor(scope: Construct, id: string, props: NetworkPolicyProps) {
    super(scope, id, networkPolicyKind, 'namespace', props);
  }
}

/** The manifest of a NetworkPolicy, without cdk8s. */
export function networkPolicyManifest(
  metadata: NetworkPolicyManifest['metadata'],
  body: Body<NetworkPolicyManifest>,
): NetworkPolicyManifest {
  return manifestOf<NetworkPolicyManifest>(networkPolicyKind, metadata, body);
}

const namespaceKind = { apiVersion: 'v1', kind: 'Namespace' } as const;

export type NamespaceProps = Body<NamespaceManifest> & { readonly metadata?: ConstructMeta };

/** A namespace. */
export class Namespace extends TypedObject<NamespaceManifest> {
  constructor(scope: Construct, id: string, props: NamespaceProps = {}) {
    super(scope, id, namespaceKind, 'cluster', props);
  }
}

/** The manifest of a Namespace, without cdk8s. */
export function namespaceManifest(metadata: NamespaceManifest['metadata']): NamespaceManifest {
  return manifestOf<NamespaceManifest>(namespaceKind, metadata, {});
}

const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

export type ConfigMapProps = Body<ConfigMapManifest> & { readonly metadata?: ConstructMeta };

/** Settings and files. */
export class ConfigMap extends TypedObject<ConfigMapManifest> {
  constructor(scope: Construct, id: string, props: ConfigMapProps) {
    super(scope, id, configMapKind, 'namespace', props);
  }
}

/** The manifest of a ConfigMap, without cdk8s. */
export function configMapManifest(
  metadata: ConfigMapManifest['metadata'],
  body: Body<ConfigMapManifest>,
): ConfigMapManifest {
  return manifestOf<ConfigMapManifest>(configMapKind, metadata, body);
}

const secretKind = { apiVersion: 'v1', kind: 'Secret' } as const;

export type SecretProps = Body<SecretManifest> & { readonly metadata?: ConstructMeta };

/** A Secret without what is secret: labels and what may stand in git. */
export class Secret extends TypedObject<SecretManifest> {
  constructor(scope: Construct, id: string, props: SecretProps) {
    super(scope, id, secretKind, 'namespace', props);
  }
}

/** The manifest of a Secret, without cdk8s. */
export function secretManifest(
  metadata: SecretManifest['metadata'],
  body: Body<SecretManifest>,
): SecretManifest {
  return manifestOf<SecretManifest>(secretKind, metadata, body);
}

const externalSecretKind = { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret' } as const;

export type ExternalSecretProps = Body<ExternalSecretManifest> & { readonly metadata?: ConstructMeta };

/** A Secret that the External Secrets Operator fetches. */
export class ExternalSecret extends TypedObject<ExternalSecretManifest> {
  constructor(scope: Construct, id: string, props: ExternalSecretProps) {
    super(scope, id, externalSecretKind, 'namespace', props);
  }
}

/** The manifest of an ExternalSecret, without cdk8s. */
export function externalSecretManifest(
  metadata: ExternalSecretManifest['metadata'],
  body: Body<ExternalSecretManifest>,
): ExternalSecretManifest {
  return manifestOf<ExternalSecretManifest>(externalSecretKind, metadata, body);
}

const jobKind = { apiVersion: 'batch/v1', kind: 'Job' } as const;

export type JobProps = Body<JobManifest> & { readonly metadata?: ConstructMeta };

/** Work that is done once. */
export class Job extends TypedObject<JobManifest> {
  constructor(scope: Construct, id: string, props: JobProps) {
    super(scope, id, jobKind, 'namespace', props);
  }
}

/** The manifest of a Job, without cdk8s. */
export function jobManifest(metadata: JobManifest['metadata'], body: Body<JobManifest>): JobManifest {
  return manifestOf<JobManifest>(jobKind, metadata, body);
}

const cronJobKind = { apiVersion: 'batch/v1', kind: 'CronJob' } as const;

export type CronJobProps = Body<CronJobManifest> & { readonly metadata?: ConstructMeta };

/** Work that is done by the clock. */
export class CronJob extends TypedObject<CronJobManifest> {
  constructor(scope: Construct, id: string, props: CronJobProps) {
    super(scope, id, cronJobKind, 'namespace', props);
  }
}

/** The manifest of a CronJob, without cdk8s. */
export function cronJobManifest(
  metadata: CronJobManifest['metadata'],
  body: Body<CronJobManifest>,
): CronJobManifest {
  return manifestOf<CronJobManifest>(cronJobKind, metadata, body);
}
