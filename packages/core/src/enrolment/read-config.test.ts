import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { day, hour, minute } from '../time.ts';
import { defaultSettings } from './default-settings.ts';
import { readConfig, type ReadConfig } from './read-config.ts';
import type { Enrolment, FactoryConfig, Settings } from './types.ts';

function read(images: string, factory?: string, imagesDir: Record<string, string> = {}): ReadConfig {
  return readConfig({
    images: { path: 'images.yaml', text: images },
    imagesDir: Object.entries(imagesDir).map(([path, text]) => ({ path: `images.d/${path}`, text })),
    factory: factory === undefined ? undefined : { path: 'factory.yaml', text: factory },
  });
}

function good(images: string, factory?: string, imagesDir?: Record<string, string>): FactoryConfig {
  const answer = read(images, factory, imagesDir);
  expect(answer.problems.map(formatProblem)).toEqual([]);
  if (!answer.config) throw new Error('expected a configuration');
  return answer.config;
}

function only(images: string): Enrolment {
  const [enrolment, ...others] = good(images).images;
  expect(others).toEqual([]);
  if (!enrolment) throw new Error('expected an enrolment');
  return enrolment;
}

function settings(factory: string): Settings {
  return good('[]', factory).settings;
}

describe('the list form', () => {
  it('reads the entries of the brief', () => {
    const config = good(`
- name: backstage
  registry: ghcr.io
  repository: acme/backstage
  tags: ["1", "latest"]          # tags that its build moves
  platforms: [linux/amd64, linux/aarch64]
  source:
    provider: github
    repo: acme/platform
    branch: main
    dockerfile: ./apps/backstage/Dockerfile
    target: runtime
    buildArgs: { NODE_VERSION: "22" }
    workflow: backstage.yml
  rebuildDelay: 7d
  rebuildOn: final
  autoRebuild: false
  mode: pull-request
  schedule: CRON_TZ=Europe/Zurich 0  3 * * *
  criticality: high
  owner: team-portal
  updates: []
  versionFile: apps/backstage/VERSION
  x-note: { anything: [goes] }
- name: postgres
  registry: docker.io
  repository: postgres
  allowTags: ^16[.0-9]*-alpine$
  rebuildDelay: 30d
`);
    const [backstage, postgres] = config.images;
    expect(backstage).toEqual({
      kind: 'managed',
      name: 'backstage',
      registry: 'ghcr.io',
      repository: 'acme/backstage',
      tags: ['1', 'latest'],
      platforms: ['linux/amd64', 'linux/arm64'],
      source: {
        provider: 'github',
        repo: 'acme/platform',
        branch: 'main',
        dockerfile: 'apps/backstage/Dockerfile',
        context: 'apps/backstage',
        target: 'runtime',
        buildArgs: { NODE_VERSION: '22' },
        workflow: 'backstage.yml',
      },
      rebuildDelay: 7 * day,
      ownDelay: 7 * day,
      rebuildOn: 'final',
      autoRebuild: false,
      mode: 'pull-request',
      schedule: { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Zurich' },
      criticality: 'high',
      owner: 'team-portal',
      updates: [],
      pullRequestGroup: undefined,
      versionFile: { path: 'apps/backstage/VERSION', form: 'text', key: [] },
      versionFiles: 'request',
      place: { file: 'images.yaml', line: 2, column: 3 },
      raw: expect.objectContaining({
        name: 'backstage',
        'x-note': { anything: ['goes'] },
        rebuildDelay: '7d',
      }),
    });
    expect(postgres).toEqual({
      kind: 'external',
      name: 'postgres',
      registry: 'docker.io',
      repository: 'library/postgres',
      allowTags: '^16[.0-9]*-alpine$',
      imageSelectionStrategy: 'SemVer',
      platforms: [],
      rebuildDelay: 30 * day,
      criticality: 'normal',
      owner: undefined,
      place: { file: 'images.yaml', line: 25, column: 3 },
      raw: expect.objectContaining({ rebuildDelay: '30d' }),
    });
  });

  it('fills in what a short entry leaves out', () => {
    expect(only('- { name: a, repository: ghcr.io/acme/a, source: { repo: acme/a } }')).toMatchObject({
      registry: 'ghcr.io',
      repository: 'acme/a',
      tags: ['latest'],
      platforms: [],
      source: {
        provider: 'github',
        branch: undefined,
        dockerfile: 'Dockerfile',
        context: '.',
        buildArgs: {},
      },
      rebuildDelay: 7 * day,
      ownDelay: undefined,
      rebuildOn: 'all',
      autoRebuild: true,
      mode: 'dispatch',
      schedule: { kind: 'daily' },
      criticality: 'normal',
    });
  });

  it.each([
    ['dockerfile: a/b/Dockerfile', 'a/b/Dockerfile', 'a/b'],
    ['dockerfile: a/b/Dockerfile, context: .', 'a/b/Dockerfile', '.'],
    ['context: a/b/', 'a/b/Dockerfile', 'a/b'],
    ['context: ./', 'Dockerfile', '.'],
    ['dockerfile: .//a/./Dockerfile', 'a/Dockerfile', 'a'],
  ])('finds Dockerfile and context of { %s }', (keys, dockerfile, context) => {
    const image = only(`- { name: a, repository: ghcr.io/acme/a, source: { repo: ., ${keys} } }`);
    expect(image).toMatchObject({ source: { repo: '.', dockerfile, context } });
  });

  it.each([
    ['repository: node', 'docker.io', 'library/node'],
    ['repository: grafana/grafana', 'docker.io', 'grafana/grafana'],
    ['repository: index.docker.io/node', 'docker.io', 'library/node'],
    ['repository: "LOCALHOST:5000/node"', 'localhost:5000', 'node'],
    ['registry: quay.io, repository: quay.io/acme/node', 'quay.io', 'acme/node'],
    ['registry: "127.0.0.1:5000", repository: node', '127.0.0.1:5000', 'node'],
  ])('normalises { %s }', (keys, registry, repository) => {
    expect(only(`- { name: a, ${keys}, allowTags: ^1$ }`)).toMatchObject({ registry, repository });
  });

  it('follows the one tag of an external image by its content', () => {
    expect(only('- { name: a, repository: node, tags: [22.1-alpine] }')).toMatchObject({
      allowTags: '^22\\.1-alpine$',
      imageSelectionStrategy: 'Digest',
    });
  });

  it('keeps the spelling of numbers and booleans in build arguments, through merge keys too', () => {
    const config = good(`
- &first
  name: a
  repository: ghcr.io/acme/a
  source: &source
    repo: acme/a
    buildArgs: &args { A: 1.10, B: True, C: yes, D: 0x1F, E: "" }
- name: b
  repository: ghcr.io/acme/b
  source:
    <<: *source
    buildArgs: { <<: *args, C: 007 }
`);
    const args = config.images.map((image) => (image.kind === 'managed' ? image.source.buildArgs : {}));
    expect(args).toEqual([
      { A: '1.10', B: 'True', C: 'yes', D: '0x1F', E: '' },
      { A: '1.10', B: 'True', C: '007', D: '0x1F', E: '' },
    ]);
  });

  it('reads entries of the older tool', () => {
    const config = good(`
- name: backstage
  tag: stable
  enrollment: { registry: ghcr.io, repository: acme/backstage, source: { repo: acme/platform } }
- name: postgres
  repoURL: docker.io/library/postgres
  allowTags: ^16-alpine$
`);
    expect(config.images).toMatchObject([
      { kind: 'managed', registry: 'ghcr.io', repository: 'acme/backstage', tags: ['stable'] },
      { kind: 'external', registry: 'docker.io', repository: 'library/postgres' },
    ]);
    expect(config.images[0]?.raw).toHaveProperty('enrollment');
  });
});

describe('the object form', () => {
  const images = `
defaults:
  registry: ghcr.io
  rebuildDelay: 3d
  tags: [stable]
  autoRebuild: false
  source: { repo: acme/platform, branch: main, buildArgs: { A: "1", B: "2" } }
images:
  - name: a
    repository: acme/a
    source: { dockerfile: a/Dockerfile, buildArgs: { B: "3" } }
  - name: b
    repository: acme/b
    rebuildDelay: 0
    source: { repo: acme/other, branch: next }
  - name: c
    repository: acme/c
    local: { dockerfile: c/Dockerfile }
  - name: d
    repository: docker.io/postgres
    allowTags: ^16$
`;

  it('merges the defaults under each entry, source key by key', () => {
    const config = good(images);
    expect(config.images).toMatchObject([
      {
        registry: 'ghcr.io',
        tags: ['stable'],
        autoRebuild: false,
        rebuildDelay: 3 * day,
        ownDelay: undefined,
        source: {
          repo: 'acme/platform',
          branch: 'main',
          dockerfile: 'a/Dockerfile',
          buildArgs: { A: '1', B: '3' },
        },
      },
      {
        rebuildDelay: 0,
        ownDelay: 0,
        source: { repo: 'acme/other', branch: 'next', buildArgs: { A: '1', B: '2' } },
      },
      { source: { repo: '.', provider: 'local', dockerfile: 'c/Dockerfile', branch: 'main' } },
      { kind: 'external', registry: 'docker.io', repository: 'library/postgres', rebuildDelay: 3 * day },
    ]);
  });

  it("hands them to images.d, where a file's own go first for its own entries", () => {
    const config = good(images, undefined, {
      'b.yaml': '- { name: late, repository: acme/late, source: { dockerfile: x } }',
      'a.yaml':
        'defaults: { rebuildDelay: 1d, source: { branch: team } }\nimages: [{ name: early, repository: acme/early, source: {} }]',
    });
    expect(config.images.map((image) => image.name)).toEqual(['a', 'b', 'c', 'd', 'early', 'late']);
    expect(config.images.slice(4)).toMatchObject([
      {
        rebuildDelay: day,
        source: { repo: 'acme/platform', branch: 'team' },
        place: { file: 'images.d/a.yaml', line: 2 },
      },
      { rebuildDelay: 3 * day, source: { repo: 'acme/platform', branch: 'main' } },
    ]);
  });

  it.each(['', '# nothing yet\n', '[]', 'images: []', 'images:', 'defaults:\nimages:\n', 'x-a: 1'])(
    'accepts %j',
    (text) => {
      expect(good(text)).toEqual({ settings: defaultSettings, images: [] });
    },
  );

  it('says that there is no images.yaml, unless images.d has files', () => {
    expect(readConfig({ imagesDir: [] }).problems).toMatchObject([{ code: 'CONFIG_MISSING' }]);
    const file = { path: 'images.d/a.yaml', text: '- { name: a, repository: node, allowTags: ^22$ }' };
    expect(readConfig({ imagesDir: [file] }).config?.images).toHaveLength(1);
  });
});

describe('factory.yaml', () => {
  it.each(['', '# nothing\n', '{}', 'state: {}', 'x-mine: 1'])('has a default for every key: %j', (text) => {
    expect(settings(text)).toEqual(defaultSettings);
  });

  it('reads every key', () => {
    const text = `
engine: kargo
state:
  mode: git
  remote: git@example.com:acme/state.git
  branch: state
  author: { name: Factory, email: factory@example.com }
  signingKey: ~/.ssh/id.pub
  tokenEnv: STATE_TOKEN
registries:
  "127.0.0.1:5000": { insecure: true, allowPrivateAddresses: true }
  index.docker.io: { minInterval: 12h, requestsPerSecond: 0.5, concurrency: 2, quotaFloor: 20 }
timing: { settle: 1m, minStanding: 0, coordinationWindow: 2m, lookAhead: 1h, interval: 10s }
limits:
  concurrent: 2
  perProvider: { github: 1 }
  perCycle: 3
  perImageAndDay: 1
  unknownEvidencePerDay: 0
  buildTimeout: 90m
  runTimeout: 3h
waves: { canaries: [a], maxFailureRatio: 0, minBuilds: 1 }
freezeWindows:
  - { name: single, from: 2026-12-20T18:00, to: 2027-01-04, timeZone: Europe/Zurich }
  - { from: "2026-12-20T18:00:00+05:00", to: 2026-12-21T00:00Z, allowEmergency: true }
  - { name: weekly, cron: 0 17 * * 5, duration: 62h, timeZone: Europe/Zurich }
builder: { tool: buildah }
server: { listen: "[::1]:80", token: { file: token } }
`;
    expect(
      good('- { name: a, repository: ghcr.io/acme/a, source: { repo: acme/a } }', text).settings,
    ).toEqual({
      engine: 'kargo',
      state: {
        mode: 'git',
        remote: 'git@example.com:acme/state.git',
        branch: 'state',
        author: { name: 'Factory', email: 'factory@example.com' },
        signingKey: '~/.ssh/id.pub',
        tokenEnv: 'STATE_TOKEN',
      },
      registries: {
        '127.0.0.1:5000': {
          insecure: true,
          allowPrivateAddresses: true,
          minInterval: undefined,
          requestsPerSecond: undefined,
          concurrency: undefined,
          quotaFloor: undefined,
        },
        'docker.io': {
          insecure: false,
          allowPrivateAddresses: false,
          minInterval: 12 * hour,
          requestsPerSecond: 0.5,
          concurrency: 2,
          quotaFloor: 20,
        },
      },
      timing: {
        settle: minute,
        minStanding: 0,
        coordinationWindow: 2 * minute,
        lookAhead: hour,
        interval: 10_000,
      },
      limits: {
        concurrent: 2,
        perProvider: { github: 1 },
        perCycle: 3,
        perImageAndDay: 1,
        unknownEvidencePerDay: 0,
        buildTimeout: 90 * minute,
        runTimeout: 3 * hour,
      },
      waves: { canaries: ['a'], maxFailureRatio: 0, minBuilds: 1 },
      freezeWindows: [
        {
          kind: 'between',
          name: 'single',
          from: Date.UTC(2026, 11, 20, 17),
          to: Date.UTC(2027, 0, 3, 23),
          allowEmergency: false,
        },
        {
          kind: 'between',
          name: 'window 2',
          from: Date.UTC(2026, 11, 20, 13),
          to: Date.UTC(2026, 11, 21),
          allowEmergency: true,
        },
        {
          kind: 'recurring',
          name: 'weekly',
          cron: '0 17 * * 5',
          timeZone: 'Europe/Zurich',
          duration: 62 * hour,
          allowEmergency: false,
        },
      ],
      builder: { tool: 'buildah' },
      notifications: [],
      providers: defaultSettings.providers,
      kargo: defaultSettings.kargo,
      server: { listen: { host: '::1', port: 80 }, token: { kind: 'file', path: 'token' } },
    });
  });

  it('in git mode needs nothing else', () => {
    expect(settings('state: { mode: git }').state).toEqual({
      mode: 'git',
      remote: undefined,
      branch: 'image-factory/state',
      author: { name: 'Image Factory', email: 'image-factory@localhost' },
      signingKey: undefined,
      tokenEnv: undefined,
    });
  });
});

describe('many mistakes', () => {
  it('are cut at a thousand, and the rest counted', () => {
    const { problems, config } = read('- { name: A }\n'.repeat(1000));
    expect(config).toBeUndefined();
    expect(problems).toHaveLength(1001);
    expect(problems.at(-1)?.message).toBe('2000 more problems are not shown');
  });
});
