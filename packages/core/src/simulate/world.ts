import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { defaultSettings } from '../enrolment/default-settings.ts';
import { newBase } from '../state/base-lifecycle.ts';
import type { ManagedEnrolment, Settings } from '../enrolment/types.ts';
import { must } from '../result.ts';
import { parseReference } from '../reference/parse.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type {
  BaseRecord,
  Dependency,
  FactoryState,
  ImageContent,
  ImageRecord,
  PlatformContent,
} from '../state/types.ts';
import { day, minute, type Instant } from '../time.ts';
import type { Publication, Scenario, SimulatedBase, SimulatedImage, Use } from './types.ts';

type Platforms = Readonly<Record<PlatformName, PlatformContent>>;

const ownRegistry = 'registry.simulated';
const usualPlatforms: readonly string[] = ['linux/amd64'];

/** A digest as it is, any other name as the digest of that name. */
export function digestOf(name: string): Digest {
  return (
    /^sha256:[0-9a-f]{64}$/.test(name) ? name : `sha256:${bytesToHex(sha256(utf8ToBytes(name)))}`
  ) as Digest;
}

/** The record name of what an image uses. */
export function baseNameOf(use: Use): string {
  return 'base' in use ? slugOf(use.base) : `own-${use.image}`;
}

export function slugOf(reference: string): string {
  return reference.replace(/^docker\.io\/library\//, '').replace(/[^a-z0-9]+/gi, '-');
}

/** Where the layers of a base's publication are the same, so is what an image has of it. */
export function contentNames(base: SimulatedBase, publication: Publication): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const platforms = publication.manifests
    ? Object.keys(publication.manifests)
    : (base.platforms ?? usualPlatforms);
  for (const platform of platforms) {
    names.set(
      platform,
      publication.layers ?? publication.manifests?.[platform] ?? `${publication.digest}/${platform}`,
    );
  }
  return names;
}

/** What the registry serves under a publication's digest. */
export function platformsOfPublication(base: SimulatedBase, publication: Publication): Platforms {
  const platforms: Record<string, PlatformContent> = {};
  for (const [platform, layers] of contentNames(base, publication)) {
    const manifest = publication.manifests?.[platform] ?? `${publication.digest}/${platform}`;
    platforms[platform] = {
      digest: digestOf(`manifest ${base.reference} ${manifest}`),
      diffIds: [digestOf(`layer ${base.reference} ${layers} ${platform}`)],
      config: digestOf(`config ${base.reference} ${layers}`),
    };
  }
  return platforms;
}

/** What a build of an image makes from the platforms of the base that it stands on. */
export function contentOfBuild(
  image: SimulatedImage,
  below: Platforms | undefined,
  copied: readonly Digest[],
  build: string,
  now: Instant,
): ImageContent {
  const own = image.reproducible ? `${image.name} ${copied.join()}` : `${image.name} ${build}`;
  const platforms: Record<string, PlatformContent> = {};
  for (const platform of image.platforms ?? usualPlatforms) {
    const diffIds = [
      ...(below?.[platform as PlatformName]?.diffIds ?? []),
      digestOf(`own layer ${own} ${platform}`),
    ];
    platforms[platform] = {
      digest: digestOf(`manifest ${image.name} ${build} ${platform}`),
      diffIds,
      config: digestOf(`config ${image.name} ${diffIds.join()}`),
    };
  }
  return { digest: digestOf(`index ${image.name} ${build}`), firstSeen: now, platforms };
}

export function settingsOf({ settings = {} }: Scenario): Settings {
  return {
    ...defaultSettings,
    timing: { ...defaultSettings.timing, ...settings.timing },
    limits: { ...defaultSettings.limits, ...settings.limits },
    waves: { ...defaultSettings.waves, ...settings.waves },
    freezeWindows: settings.freezeWindows ?? [],
  };
}

export function enrolmentOf(image: SimulatedImage): ManagedEnrolment {
  return {
    kind: 'managed',
    name: image.name,
    registry: ownRegistry,
    repository: image.name,
    tags: ['latest'],
    platforms: [],
    source: {
      provider: 'local',
      repo: '.',
      branch: undefined,
      dockerfile: 'Dockerfile',
      context: '.',
      target: undefined,
      buildArgs: {},
      workflow: undefined,
    },
    rebuildDelay: image.delay ?? 7 * day,
    ownDelay: image.ownDelay,
    rebuildOn: image.rebuildOn ?? 'all',
    autoRebuild: image.autoRebuild ?? true,
    mode: 'dispatch',
    schedule: image.schedule ?? { kind: 'daily' },
    pullRequestGroup: undefined,
    versionFile: undefined,
    versionFiles: 'request',
    updates: [],
    owner: undefined,
    criticality: image.criticality ?? 'normal',
    place: { file: 'scenario', line: 1, column: 1 },
    raw: {},
  };
}

export function buildTimeOf(image: SimulatedImage): number {
  return image.buildTime ?? 10 * minute;
}

/** Records as discovery leaves them: everything is known of the Dockerfiles, and nothing of the registries. */
export function stateOf(scenario: Scenario): FactoryState {
  const bases = new Map<string, BaseRecord>();
  for (const base of scenario.bases) {
    const { domain, path, tag } = must(parseReference(base.reference));
    const record = baseRecord(slugOf(base.reference), domain, path, tag ?? 'latest', scenario.from);
    bases.set(record.name, { ...record, holds: base.holds ?? [] });
  }
  for (const { uses } of scenario.images) {
    for (const use of uses) {
      if (!('image' in use)) continue;
      bases.set(
        baseNameOf(use),
        baseRecord(baseNameOf(use), ownRegistry, use.image, 'latest', scenario.from),
      );
    }
  }
  const images = new Map(scenario.images.map((image) => [image.name, imageRecord(image, scenario.from)]));
  return { images, bases, intents: new Map(), engine: undefined };
}

function imageRecord(image: SimulatedImage, now: Instant): ImageRecord {
  return {
    name: image.name,
    enrolledAt: now,
    lastDiscovery: now,
    discoveryStatus: 'success',
    enrollment: {},
    baseImages: [...new Set(image.uses.map(baseNameOf))],
    dependencies: image.uses.flatMap((use) => dependenciesOf(image, use)),
    dockerfile: `Dockerfile of ${image.name}`,
    builtFrom: {},
    rebuilds: [],
    ledger: [],
    ...(image.hold ? { hold: image.hold } : {}),
  };
}

function dependenciesOf(image: SimulatedImage, use: Use): Dependency[] {
  const reference = 'base' in use ? use.base : `${ownRegistry}/${use.image}:latest`;
  return (image.platforms ?? usualPlatforms).map((platform) => ({
    reference,
    kind: use.copied ? 'copy-from' : 'from',
    stage: '0',
    platform: platform as PlatformName,
    final: !use.copied,
    base: baseNameOf(use),
    written: reference,
    range: '1:1-1:1',
  }));
}

function baseRecord(
  name: string,
  registry: string,
  repository: string,
  tag: string,
  now: Instant,
): BaseRecord {
  return newBase({ domain: registry, path: repository, tag }, name, true, now);
}
