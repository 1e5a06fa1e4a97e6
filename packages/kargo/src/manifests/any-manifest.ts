import type {
  NetworkPolicyManifest,
  RoleBindingManifest,
  RoleManifest,
  ServiceAccountManifest,
} from './access.ts';
import type { AnalysisTemplateManifest } from './analysis-template.ts';
import type {
  ConfigMapManifest,
  ExternalSecretManifest,
  NamespaceManifest,
  SecretManifest,
} from './configuration.ts';
import type { CronJobManifest, JobManifest } from './job.ts';
import type {
  ClusterConfigManifest,
  ProjectConfigManifest,
  ProjectManifest,
  PromotionTaskManifest,
} from './project.ts';
import type { StageManifest } from './stage.ts';
import type { WarehouseManifest } from './warehouse.ts';
import type { DeploymentManifest, PodDisruptionBudgetManifest, ServiceManifest } from './workload.ts';

/** Every kind that this package has a type for; `kind` tells them apart. */
export type Manifest =
  | AnalysisTemplateManifest
  | ClusterConfigManifest
  | ConfigMapManifest
  | CronJobManifest
  | DeploymentManifest
  | ExternalSecretManifest
  | JobManifest
  | NamespaceManifest
  | NetworkPolicyManifest
  | PodDisruptionBudgetManifest
  | ProjectConfigManifest
  | ProjectManifest
  | PromotionTaskManifest
  | RoleBindingManifest
  | RoleManifest
  | SecretManifest
  | ServiceAccountManifest
  | ServiceManifest
  | StageManifest
  | WarehouseManifest;
