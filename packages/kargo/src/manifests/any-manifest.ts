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

/** Every kind that this package has a type for; `kind` tells them apart. */
export type Manifest =
  | AnalysisTemplateManifest
  | ClusterConfigManifest
  | ConfigMapManifest
  | CronJobManifest
  | ExternalSecretManifest
  | JobManifest
  | NamespaceManifest
  | NetworkPolicyManifest
  | ProjectConfigManifest
  | ProjectManifest
  | PromotionTaskManifest
  | RoleBindingManifest
  | RoleManifest
  | SecretManifest
  | ServiceAccountManifest
  | StageManifest
  | WarehouseManifest;
