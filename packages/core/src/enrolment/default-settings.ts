import { hour, minute } from '../time.ts';
import { defaultKargo } from './kargo-settings.ts';
import { defaultProviders } from './provider-settings.ts';
import { defaultServer } from './server-settings.ts';
import type { RegistrySettings, Settings } from './types.ts';

/** The settings of an absent or empty factory.yaml. */
export const defaultSettings: Settings = {
  engine: 'embedded',
  state: { mode: 'directory' },
  registries: {},
  providers: defaultProviders,
  notifications: [],
  kargo: defaultKargo,
  server: defaultServer,
  timing: {
    settle: 30 * minute,
    minStanding: 12 * hour,
    coordinationWindow: 30 * minute,
    lookAhead: 24 * hour,
    interval: 5 * minute,
  },
  limits: {
    concurrent: 10,
    perProvider: {},
    perCycle: 50,
    perImageAndDay: 4,
    unknownEvidencePerDay: 5,
    buildTimeout: hour,
    runTimeout: 6 * hour,
  },
  waves: { canaries: [], maxFailureRatio: 0.3, minBuilds: 3 },
  freezeWindows: [],
  builder: { tool: 'auto' },
};

export const defaultGitState = {
  branch: 'image-factory/state',
  author: { name: 'Image Factory', email: 'image-factory@localhost' },
} as const;

export const defaultRegistrySettings: RegistrySettings = {
  insecure: false,
  minInterval: undefined,
  requestsPerSecond: undefined,
  concurrency: undefined,
  quotaFloor: undefined,
  allowPrivateAddresses: false,
};
