import { second } from '../time.ts';
import { defaultRegistrySettings, defaultSettings } from './default-settings.ts';
import { factoryShape, type FactoryShape } from './factory-schema.ts';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { readHost } from './image-name.ts';
import { readFreezeWindows } from './read-freeze-windows.ts';
import type { Memory } from './memory.ts';
import { readDuration } from './read-shared.ts';
import { readKargo } from './read-kargo.ts';
import { readNotifications } from './read-notifications.ts';
import { readProviders } from './read-providers.ts';
import { readServer } from './read-server.ts';
import { readState } from './read-state.ts';
import { checkShape } from './shape-check.ts';
import type { RegistrySettings, Settings } from './types.ts';

/** The settings of factory.yaml, with the defaults for what it does not say. */
export function readFactory(scope: Scope, memory: Memory): Settings {
  if (scope.yaml.root === null) return defaultSettings;
  const shape = checkShape(factoryShape, scope.yaml.root, scope) ?? {};
  return {
    engine: shape.engine ?? defaultSettings.engine,
    state: readState(shape.state, within(scope, 'state')),
    registries: readRegistries(shape.registries, within(scope, 'registries')),
    providers: readProviders(shape.providers, within(scope, 'providers')),
    notifications: readNotifications(shape.notifications, within(scope, 'notifications')),
    kargo: readKargo(shape.kargo, within(scope, 'kargo'), memory),
    server: readServer(shape.server, within(scope, 'server')),
    timing: readTiming(shape.timing, within(scope, 'timing')),
    limits: readLimits(shape.limits, within(scope, 'limits')),
    waves: { ...defaultSettings.waves, ...written(shape.waves) },
    freezeWindows: readFreezeWindows(shape.freezeWindows, within(scope, 'freezeWindows'), memory),
    builder: { ...defaultSettings.builder, ...written(shape.builder) },
  };
}

function readRegistries(shape: FactoryShape['registries'], scope: Scope): Record<string, RegistrySettings> {
  const settings = new Map<string, RegistrySettings>();
  for (const [written, registry] of Object.entries(shape ?? {})) {
    const here = within(scope, written);
    const host = readHost(written);
    if (!host.ok) {
      addProblem(
        here,
        'CONFIG_INVALID_VALUE',
        `registries: ${shown(written)} ${host.error}`,
        'Examples: ghcr.io, "127.0.0.1:5000".',
        'key',
      );
      continue;
    }
    if (settings.has(host.value)) {
      addProblem(
        here,
        'CONFIG_CONFLICT',
        `registries: ${host.value} is written twice`,
        'Keep one of the two.',
        'key',
      );
      continue;
    }
    settings.set(host.value, {
      insecure: registry.insecure ?? defaultRegistrySettings.insecure,
      minInterval: readDuration(registry.minInterval, here, 'minInterval'),
      requestsPerSecond: registry.requestsPerSecond,
      concurrency: registry.concurrency,
      quotaFloor: registry.quotaFloor,
      allowPrivateAddresses: registry.allowPrivateAddresses ?? defaultRegistrySettings.allowPrivateAddresses,
    });
  }
  return Object.fromEntries(settings);
}

function readTiming(shape: FactoryShape['timing'], scope: Scope): Settings['timing'] {
  const { timing } = defaultSettings;
  const read = (key: keyof Settings['timing']): number =>
    readDuration(shape?.[key], scope, key) ?? timing[key];
  return {
    settle: read('settle'),
    minStanding: read('minStanding'),
    coordinationWindow: read('coordinationWindow'),
    lookAhead: read('lookAhead'),
    interval: atLeastSecond(read('interval'), within(scope, 'interval'), 'interval'),
  };
}

function readLimits(shape: FactoryShape['limits'], scope: Scope): Settings['limits'] {
  const { limits } = defaultSettings;
  const timeout = (key: 'buildTimeout' | 'runTimeout'): number =>
    atLeastSecond(readDuration(shape?.[key], scope, key) ?? limits[key], within(scope, key), key);
  return {
    ...limits,
    ...written(shape),
    perProvider: written(shape?.perProvider),
    buildTimeout: timeout('buildTimeout'),
    runTimeout: timeout('runTimeout'),
  };
}

function atLeastSecond(duration: number, scope: Scope, what: string): number {
  if (duration < second) {
    addProblem(scope, 'CONFIG_INVALID_VALUE', `${what} must be at least 1s`, 'Write 5m, for example.');
  }
  return duration;
}

type Written<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys that are undefined, so that defaults show through. */
function written<T extends object>(shape: T | undefined): Written<T> {
  return Object.fromEntries(
    Object.entries(shape ?? {}).filter(([, value]) => value !== undefined),
  ) as Written<T>;
}
