import { isTag } from '../reference/grammar.ts';
import { parsePlatform } from '../reference/platform.ts';
import type { PlatformName } from '../reference/types.ts';
import { parseDuration, type Duration } from '../time.ts';
import type { SharedFields } from './fields.ts';
import { addProblem, addWarning, shown, within, type Scope } from './findings.ts';
import { readHost } from './image-name.ts';
import type { DefaultsShape, EntryShape } from './images-schema.ts';
import { readSchedule } from './read-schedule.ts';
import type { Memory } from './memory.ts';
import { readLine, readSource } from './read-source.ts';
import type { Schedule } from './types.ts';
import type { YamlMapping } from './yaml-compose.ts';

/** Reads the keys that an entry and `defaults` share; `mapping` is what the shape was checked from. */
export function readShared(
  shape: EntryShape | DefaultsShape,
  mapping: YamlMapping,
  scope: Scope,
  memory: Memory,
): SharedFields {
  return {
    registry: readRegistry(shape.registry, scope),
    tags: readTags(shape.tags, scope),
    platforms: readPlatforms(shape.platforms, scope, memory),
    imageSelectionStrategy: shape.imageSelectionStrategy,
    rebuildDelay: readDuration(shape.rebuildDelay, scope, 'rebuildDelay'),
    rebuildOn: shape.rebuildOn,
    autoRebuild: shape.autoRebuild,
    mode: shape.mode,
    pullRequestGroup: readGroup(shape.pullRequestGroup, scope),
    versionFiles: shape.versionFiles,
    schedule: readScheduleKey(shape.schedule, scope, memory),
    criticality: shape.criticality,
    owner: readLine(shape.owner, scope, 'owner'),
    source: readSource(shape.source, mapping['source'], within(scope, 'source')),
  };
}

/** Where a mistake is found it is reported, and the answer is undefined. */
export function readDuration(value: string | 0 | undefined, scope: Scope, key: string): Duration | undefined {
  if (value === undefined) return undefined;
  const duration = parseDuration(String(value));
  if (duration.ok) return duration.value;
  addProblem(
    within(scope, key),
    'CONFIG_INVALID_VALUE',
    `${key}: ${duration.error}`,
    'Whole numbers with w, d, h, m or s, largest unit first.',
  );
  return undefined;
}

/** It becomes part of a branch's name. */
function readGroup(value: string | undefined, scope: Scope): string | undefined {
  if (value === undefined || /^[a-z0-9](?:[-a-z0-9]{0,48}[a-z0-9])?$/.test(value)) return value;
  addProblem(
    within(scope, 'pullRequestGroup'),
    'CONFIG_INVALID_VALUE',
    `pullRequestGroup ${shown(value)} must be 1 to 50 lower-case letters, digits and dashes, and start and end with a letter or digit`,
    'Example: web-images.',
  );
  return undefined;
}

function readRegistry(value: string | undefined, scope: Scope): string | undefined {
  if (value === undefined) return undefined;
  const host = readHost(value);
  if (host.ok) return host.value;
  addProblem(
    within(scope, 'registry'),
    'CONFIG_INVALID_VALUE',
    `registry ${shown(value)} ${host.error}`,
    'Examples: ghcr.io, registry.example.com:5000.',
  );
  return undefined;
}

function readTags(tags: readonly string[] | undefined, scope: Scope): readonly string[] | undefined {
  if (tags === undefined) return undefined;
  if (tags.length === 0) {
    addProblem(
      within(scope, 'tags'),
      'CONFIG_INVALID_VALUE',
      'tags is empty',
      'Name at least one tag, or remove the key.',
    );
    return undefined;
  }
  const seen = new Set<string>();
  for (const [index, tag] of tags.entries()) {
    if (!isTag(tag)) {
      addProblem(
        within(scope, 'tags', index),
        'CONFIG_INVALID_VALUE',
        `tags[${index}] ${shown(tag)} is not a tag`,
        'A tag has up to 128 letters, digits, "_", "." and "-", and starts with a letter, digit or "_".',
      );
    } else if (seen.has(tag)) {
      addWarning(
        within(scope, 'tags', index),
        'CONFIG_CONFLICT',
        `the tag ${shown(tag)} is written twice`,
        'Remove one of the two.',
      );
    }
    seen.add(tag);
  }
  return [...seen].filter(isTag);
}

/** Both parts must be written: a single word is too often a mistake. */
function readPlatform(name: string, memory: Memory): PlatformName | undefined {
  if (memory.platforms.has(name)) return memory.platforms.get(name);
  const parsed = name.includes('/') ? parsePlatform(name) : undefined;
  const platform = parsed?.ok === true ? parsed.value : undefined;
  memory.platforms.set(name, platform);
  return platform;
}

function readPlatforms(
  names: readonly string[] | undefined,
  scope: Scope,
  memory: Memory,
): readonly PlatformName[] | undefined {
  if (names === undefined) return undefined;
  const platforms = new Set<PlatformName>();
  for (const [index, name] of names.entries()) {
    const platform = readPlatform(name, memory);
    if (platform === undefined) {
      addProblem(
        within(scope, 'platforms', index),
        'CONFIG_INVALID_VALUE',
        `platforms[${index}] ${shown(name)} is not a platform`,
        'Write os/architecture or os/architecture/variant: linux/amd64, linux/arm/v7.',
      );
    } else if (platforms.has(platform)) {
      addWarning(
        within(scope, 'platforms', index),
        'CONFIG_CONFLICT',
        `the platform ${platform} is written twice`,
        'Remove one of the two.',
      );
    } else {
      platforms.add(platform);
    }
  }
  return [...platforms];
}

function readScheduleKey(value: EntryShape['schedule'], scope: Scope, memory: Memory): Schedule | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' && value.cron === undefined) {
    addProblem(
      within(scope, 'schedule'),
      'CONFIG_INVALID_VALUE',
      'schedule has no cron',
      'Write cron beside timeZone, or just "daily".',
    );
    return undefined;
  }
  const expression = typeof value === 'string' ? value : (value.cron ?? '');
  const schedule = readSchedule(expression, typeof value === 'string' ? undefined : value.timeZone, memory);
  if (schedule.ok) return schedule.value;
  addProblem(
    within(scope, 'schedule'),
    'CONFIG_INVALID_VALUE',
    `schedule: ${schedule.error}`,
    'Write daily, or minute hour day month weekday: 0 3 * * 1-5; a time zone goes in front (CRON_TZ=Europe/Zurich) or beside it.',
  );
  return undefined;
}
