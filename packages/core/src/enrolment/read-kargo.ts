import { parseReference } from '../reference/parse.ts';
import { minute, type Duration } from '../time.ts';
import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import type { KargoShape } from './kargo-schema.ts';
import {
  defaultKargo,
  type KargoReceiver,
  type KargoSettings,
  type KargoToleration,
} from './kargo-settings.ts';
import type { Memory } from './memory.ts';
import { readAddress } from './read-address.ts';
import { readPath } from './read-path.ts';
import { readSchedule } from './read-schedule.ts';
import { readDuration } from './read-shared.ts';
import { branchMistake } from './branch-mistake.ts';

/** Shorter intervals have no effect on a default installation of Kargo. */
const shortestInterval = 5 * minute;

/** The settings `kargo` of factory.yaml, with the defaults for what it does not say. */
export function readKargo(shape: KargoShape | undefined, scope: Scope, memory: Memory): KargoSettings {
  if (!shape) return defaultKargo;
  const { secrets } = defaultKargo;
  const name = (key: 'git' | 'github' | 'gitlab' | 'server' | 'ci' | 'registries') =>
    readObjectName(shape.secrets?.[key], within(scope, 'secrets', key));
  return {
    namespace: readNamespace(shape.namespace, within(scope, 'namespace')),
    image: readImage(shape.image, within(scope, 'image')),
    repository: readRepository(shape.repository, within(scope, 'repository')),
    branch: readBranch(shape.branch, within(scope, 'branch')),
    directory: readPath(shape.directory, scope, 'directory') ?? defaultKargo.directory,
    server:
      shape.server === undefined ? undefined : readAddress(shape.server, within(scope, 'server'), undefined),
    schedule: readKargoSchedule(shape.schedule, within(scope, 'schedule'), memory),
    intervals: readIntervals(shape.intervals, within(scope, 'intervals')),
    secrets: {
      git: name('git') ?? secrets.git,
      github: name('github') ?? secrets.github,
      gitlab: name('gitlab') ?? secrets.gitlab,
      server: name('server') ?? secrets.server,
      ci: name('ci') ?? secrets.ci,
      registries: name('registries'),
    },
    imagePullSecrets: (shape.imagePullSecrets ?? []).flatMap(
      (each, index) => readObjectName(each, within(scope, 'imagePullSecrets', index)) ?? [],
    ),
    serviceAccount:
      readObjectName(shape.serviceAccount, within(scope, 'serviceAccount')) ?? defaultKargo.serviceAccount,
    resources: {
      requests:
        readQuantities(shape.resources?.requests, within(scope, 'resources', 'requests')) ??
        defaultKargo.resources.requests,
      limits:
        readQuantities(shape.resources?.limits, within(scope, 'resources', 'limits')) ??
        defaultKargo.resources.limits,
    },
    receivers: readReceivers(shape.receivers, within(scope, 'receivers')),
    nodeSelector: shape.nodeSelector ?? defaultKargo.nodeSelector,
    tolerations: (shape.tolerations ?? []).map((each) => readToleration(each)),
    partialClone: shape.partialClone ?? defaultKargo.partialClone,
  };
}

function readNamespace(name: string | undefined, scope: Scope): string {
  if (name === undefined) return defaultKargo.namespace;
  if (/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `namespace ${shown(name)} is not the name of a namespace`,
    'Use at most 63 lower-case letters, digits and "-", with a letter or digit at both ends.',
  );
  return defaultKargo.namespace;
}

function readObjectName(name: string | undefined, scope: Scope): string | undefined {
  if (name === undefined) return undefined;
  const isName =
    name.length <= 253 &&
    /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(name);
  if (isName && !looksSecret(name)) return name;
  // What stands here may be the secret itself: it is not repeated.
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    'this is not the name of a Kubernetes resource',
    'Write the name alone, of lower-case letters, digits, "-" and "."; never the secret itself.',
  );
  return undefined;
}

function readImage(image: string | undefined, scope: Scope): string | undefined {
  if (image === undefined) return undefined;
  const parsed = parseReference(image);
  if (parsed.ok && parsed.value.digest !== undefined) return image;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    parsed.ok
      ? `image ${shown(image)} has no digest`
      : `image ${shown(image)} is not an image: ${parsed.error}`,
    'Name the image by digest, so that every Job runs what you tested: registry/image-factory@sha256:...',
  );
  return undefined;
}

function readRepository(url: string | undefined, scope: Scope): string | undefined {
  if (url === undefined) return undefined;
  if (/^https?:\/\/[^\s/?#@]+\/[^\s?#]+$/i.test(url) && !looksSecret(url)) return url;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `repository ${shown(url)} is not an https URL`,
    'Kargo reaches git by https: https://github.com/acme/factory.git, without a user name or token.',
  );
  return undefined;
}

function readBranch(branch: string | undefined, scope: Scope): string {
  const mistake = branch === undefined ? undefined : branchMistake(branch);
  if (mistake === undefined) return branch ?? defaultKargo.branch;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `branch ${shown(branch)} ${mistake}`,
    'Write a branch name: main.',
  );
  return defaultKargo.branch;
}

/** Kubernetes knows less than our own schedules: no seconds, no `L`, `W` and `#`. */
function readKargoSchedule(
  written: string | undefined,
  scope: Scope,
  memory: Memory,
): KargoSettings['schedule'] {
  if (written === undefined) return defaultKargo.schedule;
  const schedule = readSchedule(written, undefined, memory);
  if (schedule.ok && schedule.value.kind === 'cron') {
    const { expression, timeZone } = schedule.value;
    if (/^(?:[0-9A-Za-z*,/-]+ ){4}[0-9A-Za-z*,/-]+$/.test(expression) && !/\d[LW]|\bL/i.test(expression))
      return { expression, timeZone };
  }
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    schedule.ok
      ? `schedule ${shown(written)} is not a cron expression that Kubernetes reads`
      : `schedule: ${schedule.error}`,
    'Write five fields: */15 * * * *; a time zone goes in front (CRON_TZ=Europe/Zurich).',
  );
  return defaultKargo.schedule;
}

function readIntervals(shape: KargoShape['intervals'], scope: Scope): KargoSettings['intervals'] {
  const read = (key: keyof KargoSettings['intervals']): Duration => {
    const interval = readDuration(shape?.[key], scope, key) ?? defaultKargo.intervals[key];
    if (interval >= shortestInterval) return interval;
    addProblem(
      within(scope, key),
      'CONFIG_INVALID_VALUE',
      `${key} must be at least 5m: Kargo does not look more often`,
      'Write 5m, and let the registry tell of pushes (receivers).',
    );
    return defaultKargo.intervals[key];
  };
  return { images: read('images'), source: read('source'), bases: read('bases'), intents: read('intents') };
}

/** Source: Kubernetes resource.Quantity. */
const quantity = /^\d{1,15}(?:\.\d{1,9})?(?:m|k|Ki|Mi|Gi|Ti|M|G|T|e\d{1,2})?$/;

function readQuantities(
  shape: Readonly<Record<string, string | number>> | undefined,
  scope: Scope,
): Record<string, string> | undefined {
  if (!shape) return undefined;
  const read: [string, string][] = [];
  for (const [name, value] of Object.entries(shape)) {
    if (quantity.test(String(value))) read.push([name, String(value)]);
    else
      addProblem(
        within(scope, name),
        'CONFIG_INVALID_VALUE',
        `${name}: ${shown(value)} is not a quantity`,
        'Write 100m, 1 or 512Mi.',
      );
  }
  return Object.fromEntries(read);
}

function readReceivers(shape: KargoShape['receivers'], scope: Scope): readonly KargoReceiver[] {
  const receivers = new Map<string, KargoReceiver>();
  for (const [index, each] of (shape ?? []).entries()) {
    const here = within(scope, index);
    const name = readObjectName(each.name, within(here, 'name'));
    const secret = readObjectName(each.secret, within(here, 'secret'));
    if (each.type === undefined || each.name === undefined || each.secret === undefined)
      addProblem(
        here,
        'CONFIG_CONFLICT',
        'a receiver needs type, name and secret',
        'Example: { type: github, name: ghcr, secret: ghcr-webhook }.',
      );
    else if (name !== undefined && receivers.has(name))
      addProblem(
        within(here, 'name'),
        'CONFIG_CONFLICT',
        `the receiver ${shown(name)} is written twice`,
        'Rename or remove one of the two.',
      );
    else if (name !== undefined && secret !== undefined)
      receivers.set(name, { type: each.type, name, secret });
  }
  return [...receivers.values()];
}

function readToleration({
  key,
  operator = 'Equal',
  value,
  effect,
}: NonNullable<KargoShape['tolerations']>[number]): KargoToleration {
  return { key, operator, value, effect };
}
