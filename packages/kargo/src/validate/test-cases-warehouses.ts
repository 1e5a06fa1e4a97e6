import { byTag, git, gitUrl, image, repoURL, warehouse, type Case } from './test-manifests.ts';

const digest = { imageSelectionStrategy: 'Digest', constraint: 'latest' };

/** Warehouses and their subscriptions. */
export const warehouseCases: readonly Case[] = [
  [
    'subscription-one-key',
    warehouse([{ image: { repoURL }, git: { repoURL: gitUrl } }]),
    warehouse([{ image: { repoURL } }, { git: { repoURL: gitUrl } }]),
  ],
  ['subscription-one-key', warehouse([{}]), image({})],
  ['subscription-unknown-type', warehouse([{ artifact: { name: 'x' } }]), image({})],
  ['subscription-unknown-field', image({ repoUrl: 'x' }), image({})],
  ['subscription-unknown-field', git({ paths: ['a'] }), git({ includePaths: ['a'] })],
  ['subscription-invalid', warehouse([{ image: {} }]), image({})],
  [
    'subscription-invalid',
    image({ imageSelectionStrategy: 'Semver' }),
    image({ imageSelectionStrategy: 'SemVer' }),
  ],
  ['subscription-invalid', image({ constraint: 16 }), image({ constraint: '16' })],
  [
    'subscription-invalid',
    git({ commitSelectionStrategy: 'NewestCommit' }),
    git({ commitSelectionStrategy: 'NewestTag' }),
  ],
  [
    'subscription-duplicate',
    warehouse([{ image: { repoURL: 'postgres' } }, { image: { repoURL: 'docker.io/library/postgres' } }]),
    warehouse([{ image: { repoURL: 'postgres' } }, { image: { repoURL: 'redis' } }]),
  ],
  [
    'subscription-duplicate',
    warehouse([{ git: { repoURL: gitUrl } }, { git: { repoURL: gitUrl.replace('.git', '') } }]),
    git({}),
  ],
  ['discovery-limit', image({ discoveryLimit: 0 }), image({ discoveryLimit: 1 })],
  ['discovery-limit', git({ discoveryLimit: 101 }), git({ discoveryLimit: 100 })],
  ['subscription-legacy-tags', image({ allowTags: '^16' }), image({ allowTagsRegexes: ['^16'] })],
  [
    'subscription-legacy-tags',
    git({ commitSelectionStrategy: 'NewestTag', ignoreTags: ['nightly'] }),
    git({ commitSelectionStrategy: 'NewestTag', ignoreTagsRegexes: ['^nightly$'] }),
  ],
  ['regex-invalid', byTag({ allowTagsRegexes: ['^(?!rc)\\d+$'] }), byTag({ allowTagsRegexes: ['^\\d+$'] })],
  ['regex-invalid', image({ allowTagsRegexes: ['(a)\\1'] }), image({ allowTagsRegexes: ['(a)'] })],
  ['regex-invalid', git({ includePaths: ['regex:a++'] }), git({ includePaths: ['regex:a+'] })],
  ['image-repo-url', image({ repoURL: 'https://ghcr.io/acme/web' }), image({ repoURL: 'ghcr.io/acme/web' })],
  ['image-repo-url', image({ repoURL: 'ghcr.io/acme/web:1' }), image({ repoURL: 'localhost:5000/web' })],
  ['image-repo-url', image({ repoURL: 'ghcr.io/acme/a--b' }), image({ repoURL: 'ghcr.io/acme/a__b' })],
  ['image-semver-constraint', image({ semverConstraint: '^1' }), image({ constraint: '^1' })],
  ['image-removed-field', image({ gitRepoURL: gitUrl }), image({})],
  ['image-constraint-range', image({ constraint: 'latest' }), image(digest)],
  ['image-constraint-range', image({ constraint: '>=1.2 && <2' }), image({ constraint: '>=1.2 <2 || ~3.1' })],
  ['image-constraint-missing', image({ imageSelectionStrategy: 'Digest' }), image(digest)],
  ['image-constraint-tag', image({ ...digest, constraint: '^latest$' }), image(digest)],
  ['image-field-unused', image({ ...digest, allowTagsRegexes: ['^a$'] }), image(digest)],
  ['image-field-unused', byTag({ constraint: '^1' }), byTag({})],
  [
    'image-tags-unbounded',
    image({ imageSelectionStrategy: 'Lexical', ignoreTagsRegexes: ['^sha256-'] }),
    byTag({}),
  ],
  [
    'image-tags-unanchored',
    byTag({ allowTagsRegexes: ['\\d+-alpine'] }),
    byTag({ allowTagsRegexes: ['^\\d+-alpine$'] }),
  ],
  ['image-tags-unanchored', byTag({ allowTagsRegexes: ['^a|b$'] }), byTag({ allowTagsRegexes: ['^(a|b)$'] })],
  [
    'image-tags-referrers',
    byTag({ ignoreTagsRegexes: ['-rc$'] }),
    byTag({ ignoreTagsRegexes: ['-rc$', '^sha256-'] }),
  ],
  ['image-platform-form', image({ platform: 'amd64' }), image({})],
  [
    'image-platform-index',
    image({ platform: 'linux/arm64/v8' }),
    {
      ...image({ platform: 'linux/arm64/v8' }),
      metadata: {
        name: 'web',
        namespace: 'factory',
        annotations: { 'image-factory.dev/multi-arch': 'true' },
      },
    },
  ],
  ['interval-short', warehouse([{ image: { repoURL } }], { interval: '1m0s' }), image({})],
  [
    'duration-invalid',
    warehouse([{ image: { repoURL } }], { interval: '1d' }),
    warehouse([{ image: { repoURL } }], { interval: '24h0m0s' }),
  ],
  ['duration-invalid', warehouse([{ image: { repoURL } }], { interval: '' }), image({})],
  [
    'duration-not-canonical',
    warehouse([{ image: { repoURL } }], { interval: '24h' }),
    warehouse([{ image: { repoURL } }], { interval: '24h0m0s' }),
  ],
  [
    'bare-expression',
    warehouse([{ image: { repoURL } }], { freightCreationCriteria: { expression: '${{ true }}' } }),
    warehouse([{ image: { repoURL } }], { freightCreationCriteria: { expression: 'true' } }),
  ],
  [
    'bare-expression',
    git({ expressionFilter: '${{ !author.bot }}' }),
    git({ expressionFilter: '!(author contains "bot")' }),
  ],
  [
    'criteria-words',
    warehouse([{ image: { repoURL } }], { freightCreationCriteria: { expression: "vars.tag == '1'" } }),
    warehouse([{ image: { repoURL } }], {
      freightCreationCriteria: { expression: `imageFrom('${repoURL}').Tag == '1'` },
    }),
  ],
  [
    'criteria-unused',
    warehouse([{ image: { repoURL } }], {
      freightCreationPolicy: 'Manual',
      freightCreationCriteria: { expression: 'true' },
    }),
    warehouse([{ image: { repoURL } }], { freightCreationPolicy: 'Manual' }),
  ],
  [
    'freight-unsubscribed',
    warehouse([{ image: { repoURL } }], {
      freightCreationCriteria: { expression: "imageFrom('docker.io/acme/web').Tag != ''" },
    }),
    image({}),
  ],
  ['git-repo-url', git({ repoURL: 'file:///srv/git/platform' }), git({})],
  [
    'git-repo-url',
    git({ repoURL: 'https://github.com' }),
    git({ repoURL: 'https://user@git.example:8443/a/b' }),
  ],
  ['git-ssh-url', git({ repoURL: 'git@github.com:acme/platform.git' }), git({})],
  ['git-ssh-url', git({ repoURL: 'ssh://git@github.com/acme/platform.git' }), git({})],
  ['git-http-url', git({ repoURL: 'http://git.example/acme/platform' }), git({})],
  ['git-branch', git({ branch: 'feature/*' }), git({ branch: 'feature/x' })],
  ['subscription-invalid', git({ branch: 'b'.repeat(256) }), git({ branch: 'b'.repeat(255) })],
  [
    'git-constraint-range',
    git({ commitSelectionStrategy: 'SemVer', semverConstraint: 'main' }),
    git({ commitSelectionStrategy: 'SemVer', semverConstraint: '^1' }),
  ],
  [
    'git-field-unused',
    git({ semverConstraint: '^1' }),
    git({ commitSelectionStrategy: 'SemVer', semverConstraint: '^1' }),
  ],
  [
    'git-field-unused',
    git({ commitSelectionStrategy: 'NewestTag', since: '2026-01-01T00:00:00Z' }),
    git({ since: '2026-01-01T00:00:00Z' }),
  ],
  ['git-since', git({ since: '2026-01-01' }), git({ since: '2026-01-01T00:00:00+01:00' })],
  [
    'chart-name',
    warehouse([{ chart: { repoURL: 'https://charts.example' } }]),
    warehouse([{ chart: { repoURL: 'https://charts.example', name: 'web' } }]),
  ],
  ['unknown-field', warehouse([{ image: { repoURL } }], { subscription: [] }), image({})],
  ['missing-field', { ...image({}), spec: { interval: '5m0s' } }, image({})],
  ['invalid-value', warehouse([]), image({})],
  ['invalid-value', warehouse([{ image: { repoURL } }], { freightCreationPolicy: 'Auto' }), image({})],
  ['wrong-type', warehouse({ image: { repoURL } }), image({})],
  ['wrong-type', warehouse([{ image: { repoURL } }], { interval: 5 }), image({})],
  [
    'shard-invalid',
    warehouse([{ image: { repoURL } }], { shard: '-eu-' }),
    warehouse([{ image: { repoURL } }], { shard: 'eu' }),
  ],
];
