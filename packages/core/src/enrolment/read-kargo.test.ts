import { hour, minute } from '../time.ts';
import { describe, expect, it } from 'vitest';
import { defaultKargo } from './kargo-settings.ts';
import { readConfig } from './read-config.ts';

const digest = `sha256:${'a'.repeat(64)}`;

function read(factory: string) {
  return readConfig({
    images: { path: 'images.yaml', text: '[]' },
    imagesDir: [],
    factory: { path: 'factory.yaml', text: factory },
  });
}

describe('kargo of factory.yaml', () => {
  it('has defaults for all but the image', () => {
    expect(read('engine: kargo').config?.settings.kargo).toEqual(defaultKargo);
    expect(read('kargo: {}').config?.settings.kargo).toEqual(defaultKargo);
  });

  it('reads what is written', () => {
    const { config, problems } = read(`
kargo:
  namespace: factory
  image: registry.example.com/image-factory@${digest}
  repository: https://git.example.com/acme/factory.git
  branch: trunk
  directory: ./factory/
  server: https://factory.example.com/
  schedule: CRON_TZ=Europe/Zurich 0 * * * 1-5
  intervals: { images: 10m, bases: 12h }
  secrets: { git: forge, registries: pulls }
  imagePullSecrets: [pull-ours, pull-theirs]
  serviceAccount: worker
  resources: { limits: { cpu: 2, memory: 2Gi } }
  receivers: [{ type: quay, name: quay, secret: quay-webhook }]
  nodeSelector: { pool: builds }
  tolerations: [{ key: builds, operator: Exists, effect: NoSchedule }]
  partialClone: false
`);
    expect(problems).toEqual([]);
    expect(config?.settings.kargo).toEqual({
      namespace: 'factory',
      image: `registry.example.com/image-factory@${digest}`,
      repository: 'https://git.example.com/acme/factory.git',
      branch: 'trunk',
      directory: 'factory',
      server: 'https://factory.example.com',
      schedule: { expression: '0 * * * 1-5', timeZone: 'Europe/Zurich' },
      intervals: { images: 10 * minute, source: 5 * minute, bases: 12 * hour, intents: 5 * minute },
      secrets: {
        git: 'forge',
        github: 'github-token',
        gitlab: 'gitlab-token',
        server: 'image-factory-server',
        ci: 'image-factory-ci',
        registries: 'pulls',
      },
      imagePullSecrets: ['pull-ours', 'pull-theirs'],
      serviceAccount: 'worker',
      resources: { requests: defaultKargo.resources.requests, limits: { cpu: '2', memory: '2Gi' } },
      receivers: [{ type: 'quay', name: 'quay', secret: 'quay-webhook' }],
      nodeSelector: { pool: 'builds' },
      tolerations: [{ key: 'builds', operator: 'Exists', value: undefined, effect: 'NoSchedule' }],
      partialClone: false,
    });
  });

  it.each([
    ['namespace: Factory', 'not the name of a namespace'],
    ['image: registry.example.com/image-factory:1', 'has no digest'],
    ['image: "not an image"', 'is not an image'],
    ['repository: git@github.com:acme/factory.git', 'is not an https URL'],
    ['repository: https://me:pw@github.com/acme/factory.git', 'is not an https URL'],
    ['branch: "a..b"', 'git does not allow'],
    ['directory: ../factory', 'leaves the repository'],
    ['server: image-factory:8480', 'server "image-factory:8480" is not an address of a server'],
    ['schedule: daily', 'not a cron expression that Kubernetes reads'],
    ['schedule: "0 0 3 * * *"', 'not a cron expression that Kubernetes reads'],
    ['schedule: "0 3 L * *"', 'not a cron expression that Kubernetes reads'],
    ['schedule: "61 * * * *"', 'is not a cron expression'],
    ['intervals: { images: 1m }', 'at least 5m'],
    ['intervals: { bases: 1 month }', 'is not a duration'],
    ['secrets: { github: ghp_0123456789abcdef }', 'not the name of a Kubernetes resource'],
    ['resources: { limits: { cpu: lots } }', 'is not a quantity'],
    ['receivers: [{ type: quay, name: a }]', 'needs type, name and secret'],
    [
      'receivers: [{ type: quay, name: a, secret: b }, { type: harbor, name: a, secret: c }]',
      'written twice',
    ],
    ['receivers: [{ type: ecr, name: a, secret: b }]', 'must be one of'],
  ])('refuses %s', (written, message) => {
    const { config, problems } = read(`kargo:\n  ${written}\n`);
    expect(config).toBeUndefined();
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    expect(JSON.stringify(problems)).not.toMatch(/ghp_|:pw@/);
    expect(problems[0]?.place).toMatchObject({ file: 'factory.yaml', line: 2 });
  });
});
