import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { dispatchTarget } from '@image-factory/core/rebuild/dispatch.ts';
import type { Variable } from '../manifests/manifest.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import type { SynthContext } from './context.ts';
import { literal } from './expression.ts';
import { left } from './managed-image.ts';
import { directFrom, stage } from './stage.ts';
import { startTaskNames, type Starter } from './start-task.ts';
import { warehouse } from './warehouse.ts';

/** Subjects are cut at 200 characters, so one of this length may miss names. */
const surelyWhole = 150;

/**
 * The subject of the commit that writes an intent; others touch the file when a run is recorded or has ended. The subject
 * has the names of up to five images. Kargo asks git for the paths of every commit that passes, one process for each, back to the
 * last one of this image: that is why those of other images are left out here.
 */
function startsRebuildOf(name: string): string {
  return (
    `subject startsWith 'Start ' && ` +
    `(subject contains ${literal(name)} || subject endsWith ' more' || len(subject) >= ${surelyWhole})`
  );
}

/** One intent is one commit, one Freight, one promotion and one start. */
export function rebuildImage(
  context: SynthContext,
  enrolment: ManagedEnrolment,
):
  | { readonly starter: Starter; readonly manifests: readonly (WarehouseManifest | StageManifest)[] }
  | undefined {
  const { name } = enrolment;
  if (enrolment.mode !== 'dispatch') return undefined;
  const start = startOf(context, enrolment);
  if (!start) return undefined;
  const { kargo, stateRepository, stateBranch } = context;
  const intents = context.names.of('Warehouse', 'intents', name);
  const manifests = [
    warehouse(context, intents, { image: name, component: 'rebuild' }, kargo.intervals.intents, {
      git: {
        repoURL: stateRepository,
        branch: stateBranch,
        includePaths: [`intents/${name}.yaml`],
        expressionFilter: startsRebuildOf(name),
        discoveryLimit: 1,
        ...(kargo.partialClone ? { blobless: true } : {}),
      },
    }),
    stage(
      context,
      context.names.of('Stage', 'rebuild', name),
      { image: name, component: 'rebuild' },
      {
        requestedFreight: [directFrom(intents)],
        promotionTemplate: {
          spec: {
            steps: [
              {
                task: { name: startTaskNames[start.starter] },
                as: 'rebuild',
                vars: [{ name: 'image', value: name }, ...start.vars],
              },
            ],
          },
        },
      },
    ),
  ];
  return { starter: start.starter, manifests };
}

/** Who starts the runs of an image: a server where there is one, else its forge. */
function startOf(
  context: SynthContext,
  enrolment: ManagedEnrolment,
): { readonly starter: Starter; readonly vars: readonly Variable[] } | undefined {
  const { kargo, settings } = context;
  if (kargo.server !== undefined && enrolment.source.provider !== 'local')
    return { starter: 'server', vars: [] };
  const target = dispatchTarget(enrolment, settings);
  if (target.ok) {
    const { provider, url, runs } = target.value;
    return {
      starter: provider,
      vars: [
        { name: 'url', value: url },
        { name: 'runs', value: runs },
      ],
    };
  }
  context.problems.push(
    left(
      enrolment.name,
      `never rebuilt by Kargo: ${target.error}`,
      'Build it by GitHub Actions or GitLab CI (source.provider, source.branch), name a running Image Factory (kargo.server), or use the embedded engine.',
    ),
  );
  return undefined;
}
