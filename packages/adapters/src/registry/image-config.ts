import { parsePlatform } from '@image-factory/core/reference/platform.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import { parseInstant, type Instant } from '@image-factory/core/time.ts';
import { digestFrom, digestOf } from './digest.ts';
import { canonicalJson, isNestedTooDeeply, isObject, textOf, type JsonObject } from './json.ts';

export interface ImageConfig {
  readonly platform: PlatformName | undefined;
  readonly diffIds: readonly Digest[];
  /** Of the config without what changes from build to build. */
  readonly hash: string;
  readonly created: Instant | undefined;
  /** Triggers for builds on top of it. */
  readonly onBuild: readonly string[];
}

/** Told of the build, not of what runs: two builds of the same content differ in them. */
const volatileFields: ReadonlySet<string> = new Set([
  'created',
  'history',
  'container',
  'container_config',
  'docker_version',
  'id',
  'parent',
]);
const mostLayers = 1024;
const mostTriggers = 256;
const longestTrigger = 64 * 1024;

/** Undefined for what is no image's configuration: artifacts have other blobs in its place. */
export function readImageConfig(json: JsonObject): ImageConfig | 'nested' | undefined {
  if (isNestedTooDeeply(json)) return 'nested';
  const rootfs = json['rootfs'];
  const listed = isObject(rootfs) ? rootfs['diff_ids'] : undefined;
  if (!Array.isArray(listed) || listed.length > mostLayers) return undefined;
  const diffIds = listed.map(digestFrom);
  if (diffIds.includes(undefined)) return undefined;
  return {
    platform: platformFrom(json),
    diffIds: diffIds as Digest[],
    hash: contentHash(json),
    created: parseInstant(textOf(json['created']) ?? ''),
    onBuild: triggersFrom(json['config']),
  };
}

function triggersFrom(settings: unknown): readonly string[] {
  const triggers = isObject(settings) ? settings['OnBuild'] : undefined;
  if (!Array.isArray(triggers)) return [];
  return triggers
    .filter((trigger) => typeof trigger === 'string')
    .filter((trigger) => trigger.length <= longestTrigger)
    .slice(0, mostTriggers);
}

/**
 * sha256 of the canonical JSON of the config, without created, history, labels and the builder's own fields: images
 * with equal diff ids and an equal hash have equal content.
 */
export function contentHash(json: JsonObject): string {
  const kept = Object.fromEntries(Object.entries(json).filter(([key]) => !volatileFields.has(key)));
  const settings = kept['config'];
  if (isObject(settings)) {
    const { Labels: _, ...rest } = settings;
    kept['config'] = Object.fromEntries(Object.entries(rest).filter(([, value]) => !isEmpty(value)));
  }
  return digestOf(canonicalJson(kept));
}

/** Builders differ in whether they write what is not set: absent, null, empty and false mean the same to a runtime. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/** `os/arch[/variant]` in normal form; undefined where it is missing, `unknown/unknown`, or no platform at all. */
export function platformFrom(json: JsonObject): PlatformName | undefined {
  const [os, architecture, variant] = ['os', 'architecture', 'variant'].map((key) => textOf(json[key]) ?? '');
  if (!os || !architecture || os === 'unknown' || architecture === 'unknown') return undefined;
  const platform = parsePlatform([os, architecture, variant].filter(Boolean).join('/'));
  return platform.ok ? platform.value : undefined;
}
