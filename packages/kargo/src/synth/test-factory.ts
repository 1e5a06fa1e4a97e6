import { defaultKargo } from '@image-factory/core/enrolment/kargo-settings.ts';
import { defaultGitState, defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import type { Enrolment, FactoryConfig, Settings } from '@image-factory/core/enrolment/types.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import {
  baseRecord,
  enrolment,
  externalEnrolment,
  imageRecord,
  stateOf,
} from '@image-factory/testing/records.ts';
import { synth, type Synthesized } from './synth.ts';

export const factoryUrl = 'https://git.example.com/acme/factory.git';

/** Settings with which everything can be generated. */
export function kargoSettings(more: Partial<Settings> = {}): Settings {
  return {
    ...defaultSettings,
    engine: 'kargo',
    state: {
      mode: 'git',
      ...defaultGitState,
      remote: factoryUrl,
      signingKey: undefined,
      tokenEnv: undefined,
    },
    kargo: { ...defaultKargo, image: `registry.example.com/image-factory@sha256:${'0'.repeat(64)}` },
    ...more,
  };
}

export function factoryOf(images: readonly Enrolment[], settings: Partial<Settings> = {}): FactoryConfig {
  return { settings: kargoSettings(settings), images };
}

/** One of everything: a parent that is a base of another, an external image, bases, users. */
export function smallFactory(): { readonly config: FactoryConfig; readonly state: FactoryState } {
  const images: Enrolment[] = [
    enrolment({
      name: 'platform',
      repository: 'acme/platform',
      tags: ['12'],
      source: { provider: 'github', repo: 'acme/platform', branch: 'main' },
    }),
    enrolment({
      name: 'portal',
      repository: 'acme/portal',
      source: {
        provider: 'gitlab',
        repo: 'acme/apps/portal',
        branch: 'trunk',
        dockerfile: 'portal/docker/Dockerfile',
        context: 'portal',
      },
      updates: [
        {
          format: 'kustomize',
          provider: 'github',
          repo: 'acme/deploy',
          branch: 'main',
          mode: 'pull-request',
          paths: ['apps/portal'],
          image: undefined,
          part: 'digest',
        },
        {
          format: 'helm',
          provider: 'gitlab',
          repo: 'acme/charts',
          branch: 'main',
          mode: 'push',
          paths: ['portal/values.yaml'],
          keys: { 'image.tag': 'tag', 'image.digest': 'digest' },
        },
        {
          format: 'yaml',
          provider: 'github',
          repo: '.',
          branch: 'main',
          mode: 'pull-request',
          paths: ['users/portal.yaml'],
          keys: { 'spec.image': 'reference' },
        },
      ],
    }),
    enrolment({
      name: 'tools',
      repository: 'acme/tools',
      source: {
        provider: 'local',
        repo: '.',
        branch: undefined,
        dockerfile: 'tools/Dockerfile',
        context: 'tools',
      },
    }),
    externalEnrolment({ name: 'postgres', allowTags: '^16[.0-9]*-alpine$' }),
  ];
  const state = stateOf({
    images: [
      imageRecord({ name: 'platform', baseImages: ['debian-12'] }),
      imageRecord({ name: 'portal', currentVersion: '1.4.2', baseImages: ['platform-12', 'node-22'] }),
      imageRecord({ name: 'tools', baseImages: ['alpine'] }),
      imageRecord({
        name: 'postgres',
        discoveryStatus: 'external',
        repoURL: 'docker.io/library/postgres',
        allowTags: '^16[.0-9]*-alpine$',
        imageSelectionStrategy: 'SemVer',
      }),
    ],
    bases: [
      baseRecord({ repository: 'library/debian', tag: '12', name: 'debian-12' }),
      baseRecord({ repository: 'library/node', tag: '22', name: 'node-22' }),
      baseRecord({
        name: 'alpine',
        repository: 'library/alpine',
        tag: '3.20',
        allowTags: '^3\\.[0-9]+$',
        imageSelectionStrategy: 'SemVer',
      }),
      managedBase(),
    ],
  });
  return { config: factoryOf(images), state };
}

function managedBase() {
  const {
    repoURL: _url,
    allowTags: _tags,
    imageSelectionStrategy: _strategy,
    ...rest
  } = baseRecord({
    name: 'platform-12',
    registry: 'ghcr.io',
    repository: 'acme/platform',
    tag: '12',
    managedBy: 'platform',
  });
  return rest;
}

export function synthesize(
  images: readonly Enrolment[],
  state = stateOf(),
  settings: Partial<Settings> = {},
): Synthesized {
  return synth({ config: factoryOf(images, settings), state });
}
