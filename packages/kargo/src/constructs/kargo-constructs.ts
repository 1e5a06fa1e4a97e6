import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { AnalysisTemplateManifest } from '../manifests/analysis-template.ts';
import type {
  ClusterConfigManifest,
  ProjectConfigManifest,
  ProjectManifest,
  PromotionTaskManifest,
} from '../manifests/project.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import { kargoApiVersion, rolloutsApiVersion } from '../manifests/manifest.ts';
import { manifestOf, TypedObject, type Body, type ConstructMeta } from './kargo-object.ts';

const warehouseKind = { apiVersion: kargoApiVersion, kind: 'Warehouse' } as const;

export type WarehouseProps = Body<WarehouseManifest> & { readonly metadata?: ConstructMeta };

/** Finds new versions of images and commits, and makes Freight of them. */
export class Warehouse extends TypedObject<WarehouseManifest> {
  constructor(scope: Construct, id: string, props: WarehouseProps) {
    super(scope, id, warehouseKind, 'namespace', props);
  }
}

/** The manifest of a Warehouse, without cdk8s. */
export function warehouseManifest(
  metadata: WarehouseManifest['metadata'],
  body: Body<WarehouseManifest>,
): WarehouseManifest {
  return manifestOf<WarehouseManifest>(warehouseKind, metadata, body);
}

const stageKind = { apiVersion: kargoApiVersion, kind: 'Stage' } as const;

export type StageProps = Body<StageManifest> & { readonly metadata?: ConstructMeta };

/** Promotes Freight by its steps, and verifies it. */
export class Stage extends TypedObject<StageManifest> {
  constructor(scope: Construct, id: string, props: StageProps) {
    super(scope, id, stageKind, 'namespace', props);
  }
}

/** The manifest of a Stage, without cdk8s. */
export function stageManifest(metadata: StageManifest['metadata'], body: Body<StageManifest>): StageManifest {
  return manifestOf<StageManifest>(stageKind, metadata, body);
}

const projectKind = { apiVersion: kargoApiVersion, kind: 'Project' } as const;

export type ProjectProps = Body<ProjectManifest> & { readonly metadata?: ConstructMeta };

/** A namespace of Kargo; it has no contents. */
export class Project extends TypedObject<ProjectManifest> {
  constructor(scope: Construct, id: string, props: ProjectProps = {}) {
    super(scope, id, projectKind, 'cluster', props);
  }
}

/** The manifest of a Project, without cdk8s. */
export function projectManifest(metadata: ProjectManifest['metadata']): ProjectManifest {
  return manifestOf<ProjectManifest>(projectKind, metadata, {});
}

const projectConfigKind = { apiVersion: kargoApiVersion, kind: 'ProjectConfig' } as const;

export type ProjectConfigProps = Body<ProjectConfigManifest> & { readonly metadata?: ConstructMeta };

/** Promotion policies and webhook receivers of a Project; its name must be the namespace. */
export class ProjectConfig extends TypedObject<ProjectConfigManifest> {
  constructor(scope: Construct, id: string, props: ProjectConfigProps) {
    const named = projectConfigName(scope, props.metadata);
    super(scope, id, projectConfigKind, 'namespace', { ...props, metadata: { ...props.metadata, ...named } });
  }
}

/** The manifest of a ProjectConfig, without cdk8s. */
export function projectConfigManifest(
  metadata: ProjectConfigManifest['metadata'],
  body: Body<ProjectConfigManifest>,
): ProjectConfigManifest {
  return manifestOf<ProjectConfigManifest>(projectConfigKind, metadata, body);
}

const clusterConfigKind = { apiVersion: kargoApiVersion, kind: 'ClusterConfig' } as const;

export type ClusterConfigProps = Body<ClusterConfigManifest> & {
  readonly metadata?: Omit<ConstructMeta, 'name'>;
};

/** Webhook receivers and git client of the whole cluster; its name must be `cluster`. */
export class ClusterConfig extends TypedObject<ClusterConfigManifest> {
  constructor(scope: Construct, id: string, props: ClusterConfigProps) {
    super(scope, id, clusterConfigKind, 'cluster', {
      ...props,
      metadata: { ...props.metadata, name: 'cluster' },
    });
  }
}

/** The manifest of a ClusterConfig, without cdk8s. */
export function clusterConfigManifest(
  metadata: ClusterConfigManifest['metadata'],
  body: Body<ClusterConfigManifest>,
): ClusterConfigManifest {
  return manifestOf<ClusterConfigManifest>(clusterConfigKind, metadata, body);
}

const promotionTaskKind = { apiVersion: kargoApiVersion, kind: 'PromotionTask' } as const;

export type PromotionTaskProps = Body<PromotionTaskManifest> & { readonly metadata?: ConstructMeta };

/** Steps that several Stages share. */
export class PromotionTask extends TypedObject<PromotionTaskManifest> {
  constructor(scope: Construct, id: string, props: PromotionTaskProps) {
    super(scope, id, promotionTaskKind, 'namespace', props);
  }
}

/** The manifest of a PromotionTask, without cdk8s. */
export function promotionTaskManifest(
  metadata: PromotionTaskManifest['metadata'],
  body: Body<PromotionTaskManifest>,
): PromotionTaskManifest {
  return manifestOf<PromotionTaskManifest>(promotionTaskKind, metadata, body);
}

const analysisTemplateKind = { apiVersion: rolloutsApiVersion, kind: 'AnalysisTemplate' } as const;

export type AnalysisTemplateProps = Body<AnalysisTemplateManifest> & { readonly metadata?: ConstructMeta };

/** Jobs that verify Freight. */
export class AnalysisTemplate extends TypedObject<AnalysisTemplateManifest> {
  constructor(scope: Construct, id: string, props: AnalysisTemplateProps) {
    super(scope, id, analysisTemplateKind, 'namespace', props);
  }
}

/** The manifest of an AnalysisTemplate, without cdk8s. */
export function analysisTemplateManifest(
  metadata: AnalysisTemplateManifest['metadata'],
  body: Body<AnalysisTemplateManifest>,
): AnalysisTemplateManifest {
  return manifestOf<AnalysisTemplateManifest>(analysisTemplateKind, metadata, body);
}

/** Kargo takes no other name than the namespace's. */
function projectConfigName(scope: Construct, metadata: ConstructMeta = {}): { readonly name?: string } {
  const namespace = metadata.namespace ?? Chart.of(scope).namespace;
  return namespace === undefined || metadata.name !== undefined ? {} : { name: namespace };
}
