import type { Construct } from 'constructs';
import type {
  DeploymentManifest,
  PodDisruptionBudgetManifest,
  ServiceManifest,
} from '../manifests/workload.ts';
import { manifestOf, TypedObject, type Body, type ConstructMeta } from './kargo-object.ts';

const deploymentKind = { apiVersion: 'apps/v1', kind: 'Deployment' } as const;

export type DeploymentProps = Body<DeploymentManifest> & { readonly metadata?: ConstructMeta };

/** Pods that go on. */
export class Deployment extends TypedObject<DeploymentManifest> {
  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id, deploymentKind, 'namespace', props);
  }
}

/** The manifest of a Deployment, without cdk8s. */
export function deploymentManifest(
  metadata: DeploymentManifest['metadata'],
  body: Body<DeploymentManifest>,
): DeploymentManifest {
  return manifestOf<DeploymentManifest>(deploymentKind, metadata, body);
}

const serviceKind = { apiVersion: 'v1', kind: 'Service' } as const;

export type ServiceProps = Body<ServiceManifest> & { readonly metadata?: ConstructMeta };

/** A name for pods. */
export class Service extends TypedObject<ServiceManifest> {
  constructor(scope: Construct, id: string, props: ServiceProps) {
    super(scope, id, serviceKind, 'namespace', props);
  }
}

/** The manifest of a Service, without cdk8s. */
export function serviceManifest(
  metadata: ServiceManifest['metadata'],
  body: Body<ServiceManifest>,
): ServiceManifest {
  return manifestOf<ServiceManifest>(serviceKind, metadata, body);
}

const budgetKind = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' } as const;

export type PodDisruptionBudgetProps = Body<PodDisruptionBudgetManifest> & {
  readonly metadata?: ConstructMeta;
};

/** How many pods may be taken away at once. */
export class PodDisruptionBudget extends TypedObject<PodDisruptionBudgetManifest> {
  constructor(scope: Construct, id: string, props: PodDisruptionBudgetProps) {
    super(scope, id, budgetKind, 'namespace', props);
  }
}

/** The manifest of a PodDisruptionBudget, without cdk8s. */
export function podDisruptionBudgetManifest(
  metadata: PodDisruptionBudgetManifest['metadata'],
  body: Body<PodDisruptionBudgetManifest>,
): PodDisruptionBudgetManifest {
  return manifestOf<PodDisruptionBudgetManifest>(budgetKind, metadata, body);
}
