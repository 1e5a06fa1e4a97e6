import { defaultKargo } from '@image-factory/core/enrolment/kargo-settings.ts';
import { parse, stringify } from 'yaml';
import type { Change } from './change.ts';
import type { OlderSettings } from './manifests.ts';

/** A factory.yaml for what the older tool had in its code, its environment and its manifests. */
export function settingsText(older: OlderSettings): string {
  const kargo = {
    ...(older.namespace === undefined || older.namespace === defaultKargo.namespace
      ? {}
      : { namespace: older.namespace }),
    ...(older.repository === undefined ? {} : { repository: older.repository }),
    ...(older.branch === undefined || older.branch === defaultKargo.branch ? {} : { branch: older.branch }),
    ...(older.directory === undefined || older.directory === '' ? {} : { directory: older.directory }),
    ...secretsOf(older),
    ...(older.pullSecrets.length === 0 ? {} : { imagePullSecrets: older.pullSecrets }),
  };
  const section = Object.keys(kargo).length === 0 ? '' : `\n${stringify({ kargo }, { lineWidth: 0 })}`;
  return `# Written by image-factory migrate. image-factory schema factory prints the JSON Schema.
#
# To go on with Kargo: put the state on its branch, set state.mode: git and kargo.image, and run
# image-factory engine kargo; then set engine: kargo here.
engine: embedded
state:
  mode: directory
${section}`;
}

function secretsOf({ gitSecret, githubSecret }: OlderSettings): {
  readonly secrets?: Readonly<Record<string, string>>;
} {
  const secrets = {
    ...(gitSecret === undefined ? {} : { git: gitSecret }),
    ...(githubSecret === undefined ? {} : { github: githubSecret }),
  };
  return Object.keys(secrets).length === 0 ? {} : { secrets };
}

export function settingsChanges(older: OlderSettings, file: string): readonly Change[] {
  const changes: Change[] = [];
  const from = (subject: string, what: string, why: string): void => {
    changes.push({ action: 'moved', file, subject, what, why });
  };
  if (older.repository !== undefined)
    from(
      'gitRepo',
      `kargo.repository: ${older.repository}`,
      'the Jobs clone the factory directory from there: check that it is the one',
    );
  if (older.directory !== undefined && older.directory !== '')
    from(
      '--image-factory-dir',
      `kargo.directory: ${older.directory}`,
      'the factory directory in that repository',
    );
  if (older.gitSecret !== undefined)
    from(
      'secretKeyRef',
      `kargo.secrets.git: ${older.gitSecret}`,
      'Kargo reads username and password of it, too: it needs the label kargo.akuity.io/cred-type: git and a repoURL',
    );
  if (older.githubSecret !== undefined)
    from(
      'secret()',
      `kargo.secrets.github: ${older.githubSecret}`,
      'its key token starts the builds, as before',
    );
  for (const name of older.pullSecrets)
    from(
      'imagePullSecrets',
      `kargo.imagePullSecrets: ${name}`,
      'it pulled the older image: check that it may pull kargo.image, or remove it',
    );
  return changes;
}

/** Settings of the older generator itself. */
export function generatorChanges(files: ReadonlyMap<string, string>): readonly Change[] {
  const changes: Change[] = [];
  const images = files.get('cdk8s/images.yaml');
  const runner = images === undefined ? undefined : runnerOf(images);
  if (images !== undefined)
    changes.push({
      action: 'dropped',
      file: 'cdk8s/images.yaml',
      subject: 'uv',
      what: `the Jobs run Image Factory instead of ${runner ?? 'a Python runner'}`,
      why: 'set kargo.image to the image that you deploy, by digest',
    });
  if (files.has('cdk8s/cdk8s.yaml'))
    changes.push({
      action: 'dropped',
      file: 'cdk8s/cdk8s.yaml',
      subject: '',
      what: 'image-factory synth takes the place of cdk8s synth',
      why: 'IMAGE_FACTORY_STATE_DIR, IMAGES_YAML and CDK8S_OUTDIR are not read any more: --dir names the factory directory',
    });
  return changes;
}

function runnerOf(text: string): string | undefined {
  try {
    const root = parse(text, { maxAliasCount: 100 }) as {
      images?: { uv?: Readonly<Record<string, unknown>> };
    } | null;
    const { registry, repository, tag } = root?.images?.uv ?? {};
    if (typeof registry !== 'string' || typeof repository !== 'string') return undefined;
    return `${registry}/${repository}:${String(tag)}`;
  } catch {
    return undefined;
  }
}
