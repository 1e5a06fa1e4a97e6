/**
 * Who may import whom: the whole architecture as data. ARCHITECTURE.md draws the same picture.
 * A package or a core folder without a row here fails the test, so that a new one is a decision and no accident.
 */
export interface PackageRow {
  /** Packages of this workspace, besides itself. */
  readonly packages: readonly string[];
  /** Packages that only its tests may import. */
  readonly packagesInTests: readonly string[];
  /** `declared`: whatever its package.json names. */
  readonly npm: 'declared' | readonly string[];
  readonly node: 'all' | readonly string[];
  /** Globals that bring in time, chance or the outside world. */
  readonly forbidden: readonly string[];
}

/** Everything that would make two runs with the same inputs differ. */
const clockAndChance = [
  'Date.now',
  'new Date()',
  'Math.random',
  'performance',
  'process',
  'globalThis',
  'crypto',
];
const outsideWorld = ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Buffer'];

export const packageRows: Readonly<Record<string, PackageRow>> = {
  core: {
    packages: [],
    packagesInTests: ['testing'],
    npm: ['@noble/hashes', 'croner', 'js-yaml', 'semver', 'smol-toml', 'yaml', 'zod'],
    node: [],
    forbidden: [...clockAndChance, ...outsideWorld],
  },
  testing: { packages: ['core'], packagesInTests: [], npm: 'declared', node: 'all', forbidden: [] },
  adapters: { packages: ['core'], packagesInTests: ['testing'], npm: 'declared', node: 'all', forbidden: [] },
  engine: {
    packages: ['core'],
    packagesInTests: ['testing'],
    npm: [],
    node: ['node:timers', 'node:timers/promises'],
    forbidden: clockAndChance,
  },
  // As pure as the core, but on cdk8s: what it reads and writes is handed in and out.
  kargo: {
    packages: ['core'],
    packagesInTests: ['testing'],
    npm: ['cdk8s', 'constructs', 'yaml'],
    node: [],
    forbidden: [...clockAndChance, ...outsideWorld],
  },
  // HTTP in, ports out: what it answers from is handed in.
  server: {
    packages: ['core', 'engine'],
    packagesInTests: ['testing'],
    npm: 'declared',
    node: ['node:crypto', 'node:http', 'node:net'],
    forbidden: ['Date.now', 'new Date()', 'Math.random', 'performance', 'process'],
  },
  cli: {
    packages: ['core', 'engine', 'adapters', 'kargo', 'server', 'testing'],
    packagesInTests: [],
    npm: 'declared',
    node: 'all',
    forbidden: [],
  },
};

/** Folders of the core and those that each may import; `.` are the files beside them (result, time, problem). */
export const coreFolders: Readonly<Record<string, readonly string[]>> = {
  '.': [],
  reference: ['.'],
  dockerfile: ['.', 'reference'],
  enrolment: ['.', 'reference'],
  state: ['.', 'reference', 'dockerfile', 'enrolment'],
  ports: ['.', 'reference', 'enrolment', 'state'],
  ledger: ['.', 'reference', 'enrolment', 'state', 'ports'],
  evidence: ['.', 'reference', 'enrolment', 'state', 'ports', 'ledger'],
  graph: ['.', 'reference', 'enrolment', 'state', 'ports'],
  plan: ['.', 'reference', 'enrolment', 'state', 'ports', 'ledger', 'evidence', 'graph'],
  rebuild: ['.', 'reference', 'enrolment', 'state', 'ports', 'ledger', 'evidence', 'graph', 'plan'],
  release: ['.', 'reference', 'enrolment', 'state'],
  workflows: [
    '.',
    'reference',
    'enrolment',
    'state',
    'ports',
    'ledger',
    'evidence',
    'graph',
    'plan',
    'rebuild',
  ],
  notify: ['.', 'reference', 'enrolment', 'state', 'ports', 'plan'],
  proposals: [
    '.',
    'reference',
    'dockerfile',
    'enrolment',
    'state',
    'ports',
    'ledger',
    'evidence',
    'graph',
    'plan',
    'rebuild',
    'release',
  ],
  simulate: [
    '.',
    'reference',
    'enrolment',
    'state',
    'ports',
    'ledger',
    'evidence',
    'graph',
    'plan',
    'rebuild',
  ],
};

/** Ports are interfaces: of the other folders they take types only, and the other folders of them. */
export const typeOnlyFolders: readonly string[] = ['ports'];

/** Adapters are one folder per outside system, and do not know each other; what several of them stand on is below them. */
export const adapterFolders: Readonly<Record<string, readonly string[]>> = {
  credentials: [],
  directory: [],
  registry: ['credentials'],
  git: ['directory', 'credentials'],
  // Repositories elsewhere are fetched as sources are.
  'build-local': ['credentials', 'git', 'directory'],
  secrets: [],
  'ci-http': ['secrets'],
  'ci-runs': ['ci-http', 'secrets'],
  github: ['ci-runs', 'ci-http', 'secrets'],
  gitlab: ['ci-runs', 'ci-http', 'secrets'],
  gitea: ['ci-runs', 'ci-http', 'secrets'],
  webhook: ['ci-runs', 'ci-http', 'secrets'],
  notify: ['ci-http', 'secrets'],
  kubernetes: [],
};

export const maxLines = 450;
export const notedLines = 300;
