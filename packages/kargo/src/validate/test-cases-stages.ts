import {
  git,
  gitUrl,
  http,
  image,
  metric,
  repoURL,
  request,
  sources,
  stage,
  step,
  steps,
  task,
  template,
  verification,
  type Loose,
  type Case,
} from './test-manifests.ts';

const clone = (config: Loose): Loose =>
  step('git-clone', { repoURL: gitUrl, checkout: [{ path: './src', branch: 'main' }], ...config });
const parse = {
  uses: 'yaml-parse',
  as: 'read',
  config: { path: 'a.yaml', outputs: [{ name: 'tag', fromExpression: 'image.tag' }] },
};
const say = (message: string, rest: Loose = {}): Loose => ({ uses: 'fail', config: { message }, ...rest });
const upstream = stage({}, 'test');

/** Stages, their steps and verifications, and tasks. */
export const stageCases: readonly Case[] = [
  ['origin-duplicate', stage({ requestedFreight: [request, request] }), stage({})],
  ['sources-empty', sources({}), sources({ direct: true })],
  ['sources-empty', sources({ stages: [] }), sources({ stages: ['test'] })],
  [
    'match-upstream',
    sources({ direct: true, stages: ['test'], autoPromotionOptions: { selectionPolicy: 'MatchUpstream' } }),
    sources({ stages: ['test'], autoPromotionOptions: { selectionPolicy: 'MatchUpstream' } }),
  ],
  [
    'match-upstream',
    sources({ stages: ['test', 'uat'], autoPromotionOptions: { selectionPolicy: 'MatchUpstream' } }),
    sources({ stages: ['test', 'uat'], autoPromotionOptions: { selectionPolicy: 'NewestFreight' } }),
  ],
  [
    'soak-ignored',
    sources({ direct: true, requiredSoakTime: '168h0m0s' }),
    sources({ stages: ['test'], requiredSoakTime: '168h0m0s' }),
  ],
  [
    'duration-invalid',
    sources({ stages: ['test'], requiredSoakTime: '7d' }),
    sources({ stages: ['test'], requiredSoakTime: '168h0m0s' }),
  ],
  [
    'duration-not-canonical',
    sources({ stages: ['test'], requiredSoakTime: '168h' }),
    sources({ stages: ['test'], requiredSoakTime: '168h0m0s' }),
  ],
  ['reference-invalid', sources({ stages: ['Test'] }), sources({ stages: ['test'] })],
  [
    'warehouse-unknown',
    [image({}), stage({ requestedFreight: [{ ...request, origin: { kind: 'Warehouse', name: 'wbe' } }] })],
    [image({}), stage({})],
  ],
  ['stage-unknown', [upstream, sources({ stages: ['tset'] })], [upstream, sources({ stages: ['test'] })]],
  ['stage-cycle', sources({ stages: ['rebuild-web'] }), sources({ stages: ['test'] })],
  [
    'variable-name',
    stage({ vars: [{ name: 'git-repo', value: 'x' }] }),
    stage({ vars: [{ name: 'gitRepo', value: 'x' }] }),
  ],
  [
    'variable-value',
    stage({ vars: [{ name: 'count', value: 3 }] }),
    stage({ vars: [{ name: 'count', value: '3' }] }),
  ],
  [
    'variable-value',
    steps(say('x', { vars: [{ name: 'dry', value: true }] })),
    steps(say('x', { vars: [{ name: 'dry', value: 'true' }] })),
  ],
  [
    'freight-unsubscribed',
    [image({}), steps(say("${{ imageFrom('acme/web').Tag }}"))],
    [image({}), steps(say(`\${{ imageFrom('${repoURL}').Tag }}`))],
  ],
  [
    'freight-unsubscribed',
    [git({}), steps(say('${{ commitFrom("https://github.com/acme/platform").ID }}'))],
    [git({}), steps(say(`\${{ commitFrom("${gitUrl}").ID }}`))],
  ],
  [
    'invalid-value',
    stage({ requestedFreight: [{ ...request, origin: { kind: 'Stage', name: 'web' } }] }),
    stage({}),
  ],
  ['invalid-value', steps(), steps(say('x'))],

  ['step-uses-or-task', steps({ uses: 'fail', task: { name: 'open' } }), steps({ task: { name: 'open' } })],
  ['step-uses-or-task', steps({ as: 'x' }), steps(say('x', { as: 'x' }))],
  [
    'step-task-fields',
    steps({ task: { name: 'open' }, retry: { errorThreshold: 3 } }),
    steps({ task: { name: 'open' } }),
  ],
  [
    'step-task-fields',
    steps({ task: { name: 'open' }, config: { a: 'b' } }),
    steps({ task: { name: 'open' }, vars: [{ name: 'a', value: 'b' }] }),
  ],
  ['task-in-task', task({ steps: [{ task: { name: 'other' } }] }), task({})],
  [
    'step-unknown',
    step('yaml-updates', {}),
    step('yaml-update', { path: 'a', updates: [{ key: 'a', value: 'b' }] }),
  ],
  ['step-akuity-only', step('gha-dispatch-workflow', { repo: 'x' }), http({})],
  [
    'step-removed',
    step('helm-update-image', { path: 'a' }),
    step('yaml-update', { path: 'a', updates: [{ key: 'a', value: 'b' }] }),
  ],
  [
    'alias-duplicate',
    steps(say('a', { as: 'say' }), say('b', { as: 'say' })),
    steps(say('a', { as: 'say' }), say('b')),
  ],
  ['alias-reserved', steps(say('a', { as: 'step-1' })), steps(say('a', { as: 'first' }))],
  [
    'output-unknown',
    steps(say('${{ outputs.read.tag }}'), parse),
    steps(parse, say('${{ outputs.read.tag }}')),
  ],
  [
    'output-unknown',
    steps(parse, say("${{ outputs['raed'].tag }}")),
    steps(parse, say("${{ outputs['read'].tag }}")),
  ],
  [
    'output-unknown',
    steps(say('x', { if: "${{ status('read') == 'Errored' }}" })),
    steps(parse, say('x', { if: "${{ status('read') == 'Errored' }}" })),
  ],
  [
    'output-unknown',
    task({ steps: [say('${{ task.outputs.read.tag }}')] }),
    task({ steps: [parse, say('${{ task.outputs.read.tag }}')] }),
  ],
  [
    'task-outputs-form',
    task({ steps: [parse, say('${{ outputs.read.tag }}')] }),
    task({ steps: [parse, say('${{ task.outputs.read.tag }}')] }),
  ],
  [
    'task-outputs-form',
    steps(parse, say('${{ task.outputs.read.tag }}')),
    steps(parse, say('${{ outputs.read.tag }}')),
  ],
  ['expression-unclosed', steps(say('${{ vars.a }')), steps(say('${{ vars.a }} and ${% vars.b %}'))],
  [
    'if-without-expression',
    steps(say('x', { if: 'failure()' })),
    steps(say('x', { if: '${{ failure() }}' })),
  ],
  [
    'metadata-arguments',
    steps(say("${{ freightMetadata(ctx.targetFreight.name, 'key') }}")),
    steps(say("${{ freightMetadata(ctx.targetFreight.name)['key'] }}")),
  ],
  [
    'task-unknown',
    [task({}), steps({ task: { name: 'close' } })],
    [task({}), steps({ task: { name: 'open' } })],
  ],
  [
    'task-input-missing',
    [task({ vars: [{ name: 'repo' }] }), steps({ task: { name: 'open' } })],
    [
      task({ vars: [{ name: 'repo' }] }),
      steps({ task: { name: 'open' }, vars: [{ name: 'repo', value: 'x' }] }),
    ],
  ],
  [
    'duration-invalid',
    steps(say('x', { retry: { timeout: '1d' } })),
    steps(say('x', { retry: { timeout: '24h0m0s' } })),
  ],
  [
    'unknown-field',
    steps(say('x', { retry: { count: 3 } })),
    steps(say('x', { retry: { errorThreshold: 3 } })),
  ],
  ['wrong-type', steps(say('x', { if: true })), steps(say('x'))],

  ['config-unknown-key', clone({ fromFreight: true }), clone({})],
  ['config-missing-key', step('git-commit', { path: 'a' }), step('git-commit', { path: 'a', message: 'b' })],
  ['config-missing-key', steps({ uses: 'git-push' }), step('git-push', { path: 'a' })],
  [
    'config-invalid',
    step('git-wait-for-pr', { repoURL: gitUrl, prNumber: 'seven' }),
    step('git-wait-for-pr', { repoURL: gitUrl, prNumber: '${{ vars.pr }}' }),
  ],
  ['config-invalid', http({ body: { ref: 'main' } }), http({ body: 'ref=main' })],
  [
    'config-invalid',
    http({ headers: [{ name: 'X', value: '' }] }),
    http({ headers: [{ name: 'X', value: '1' }] }),
  ],
  ['config-invalid', http({ method: 'post' }), http({ method: 'PUT' })],
  ['config-invalid', http({ timeout: '10 seconds' }), http({ timeout: '500ms' })],
  [
    'config-exclusive',
    step('kustomize-set-image', { path: 'a', images: [{ image: repoURL, newName: '*' }] }),
    step('kustomize-set-image', { path: 'a', images: [{ image: repoURL, newName: '*', tag: '1' }] }),
  ],
  [
    'config-exclusive',
    step('kustomize-set-image', {
      path: 'a',
      images: [{ image: repoURL, newName: '*', tag: '1', digest: 'sha256:1' }],
    }),
    step('kustomize-set-image', {
      path: 'a',
      images: [{ image: repoURL, newName: '*', digest: 'sha256:1' }],
    }),
  ],
  [
    'kustomize-new-name',
    step('kustomize-set-image', { path: 'a', images: [{ image: repoURL, tag: '1' }] }),
    step('kustomize-set-image', { path: 'a', images: [{ image: repoURL, newName: repoURL, tag: '1' }] }),
  ],
  [
    'config-exclusive',
    clone({ checkout: [{ path: 'a', branch: 'main', tag: 'v1' }] }),
    clone({ checkout: [{ path: 'a', tag: 'v1' }] }),
  ],
  [
    'config-exclusive',
    step('git-push', { path: 'a', targetBranch: 'b', generateTargetBranch: true }),
    step('git-push', { path: 'a', generateTargetBranch: true }),
  ],
  ['config-exclusive', step('delete', { path: 'a', paths: ['b'] }), step('delete', { paths: ['b'] })],
  [
    'config-exclusive',
    step('argocd-update', { apps: [{ namespace: 'argocd' }] }),
    step('argocd-update', { apps: [{ name: 'web' }] }),
  ],
  [
    'config-due',
    step('git-commit', { path: 'a', message: 'b', author: { name: 'a', email: 'a@b.example' } }),
    step('git-commit', { path: 'a', message: 'b' }),
  ],
  [
    'config-due',
    step('git-open-pr', { repoURL: gitUrl, sourceBranch: 'a', targetBranch: 'b', createTargetBranch: true }),
    step('git-open-pr', { repoURL: gitUrl, sourceBranch: 'a', targetBranch: 'b' }),
  ],
  [
    'step-git-ssh',
    clone({ repoURL: 'git@github.com:acme/platform.git' }),
    clone({ repoURL: '${{ vars.repo }}' }),
  ],
  ['step-git-url', clone({ repoURL: '/srv/git' }), clone({})],
  ['step-git-http', clone({ repoURL: 'http://git.example/a' }), clone({})],
  [
    'http-repeats',
    step('http', { url: 'https://ci.example' }),
    step('http', { url: 'https://ci.example' }, { retry: { timeout: '10m0s' } }),
  ],
  [
    'http-repeats',
    step('http', { url: 'https://ci.example', failureExpression: 'response.status >= 400' }),
    step(
      'http',
      { url: 'https://ci.example', failureExpression: 'response.status >= 400' },
      { retry: { timeout: '10m0s' } },
    ),
  ],
  [
    'http-post-repeats',
    http({
      method: 'POST',
      body: '${{ quote(ctx.promotion) }}',
      failureExpression: 'response.status >= 500',
    }),
    http({ method: 'POST', body: '${{ quote(ctx.promotion) }}' }),
  ],
  [
    'http-post-repeats',
    step(
      'http',
      {
        url: 'https://ci.example',
        method: 'PATCH',
        body: '${{ quote(ctx.promotion) }}',
        failureExpression: 'response.status >= 400',
      },
      { retry: { timeout: '2m0s' } },
    ),
    http({ method: 'GET', successExpression: 'response.status == 200' }),
  ],
  [
    'http-no-key',
    http({ method: 'POST', body: '{"ref":"main"}' }),
    http({ method: 'POST', body: '{"ref":"main","key":"${{ ctx.promotion }}"}' }),
  ],
  [
    'http-body-coerced',
    http({ method: 'POST', body: '${{ vars.body }}' }),
    http({ method: 'POST', body: '"${{ vars.body }}"' }),
  ],
  ['http-poll-short', http({ pollInterval: '1s' }), http({ pollInterval: '10s' })],
  [
    'http-link-local',
    http({ url: 'http://169.254.169.254/latest/meta-data' }),
    http({ url: 'http://localhost:8080' }),
  ],

  [
    'verification-argument',
    verification({ args: [{ name: 'image' }] }),
    verification({ args: [{ name: 'image', value: 'web' }] }),
  ],
  [
    'verification-argument',
    verification({ args: [{ name: 'count', value: 1 }] }),
    verification({ args: [{ name: 'count', value: '1' }] }),
  ],
  [
    'verification-context',
    verification({ args: [{ name: 'key', value: '${{ ctx.promotion }}' }] }),
    verification({ args: [{ name: 'key', value: '${{ ctx.stage }}' }] }),
  ],
  [
    'verification-context',
    verification({ args: [{ name: 'tag', value: '${{ outputs.read.tag }}' }] }),
    verification({ args: [{ name: 'tag', value: '${{ vars.tag }}' }] }),
  ],
  ['template-unknown', [template({}, 'other'), verification({})], [template({}), verification({})]],
  [
    'verification-undeclared',
    [template({}), verification({ args: [{ name: 'image', value: 'web' }] })],
    [template({ args: [{ name: 'image' }] }), verification({ args: [{ name: 'image', value: 'web' }] })],
  ],
  [
    'verification-missing',
    [template({ args: [{ name: 'image' }] }), verification({})],
    [template({ args: [{ name: 'image', value: 'web' }] }), verification({})],
  ],
  [
    'metric-collision',
    [
      template({}),
      template({}, 'other'),
      verification({ analysisTemplates: [{ name: 'analyze' }, { name: 'other' }] }),
    ],
    [
      template({}),
      template({ metrics: [metric({ name: 'other' })] }, 'other'),
      verification({ analysisTemplates: [{ name: 'analyze' }, { name: 'other' }] }),
    ],
  ],
  [
    'metric-name',
    template({ metrics: [metric({ name: 'm'.repeat(24) })] }),
    template({ metrics: [metric({ name: 'm'.repeat(23) })] }),
  ],
  [
    'metric-name',
    template({ metrics: [metric({ name: 'analyze-' })] }),
    template({ metrics: [metric({ name: 'analyze-1' })] }),
  ],
  [
    'metric-name-duplicate',
    template({ metrics: [metric({}), metric({})] }),
    template({ metrics: [metric({}), metric({ name: 'other' })] }),
  ],
  [
    'metric-interval',
    template({ metrics: [metric({ interval: '1m0s' })] }),
    template({ metrics: [metric({ interval: '1m0s', count: 3 })] }),
  ],
  [
    'analysis-expression',
    template({ args: [{ name: 'image', value: '${{ vars.image }}' }] }),
    template({ args: [{ name: 'image', value: 'web' }] }),
  ],
  [
    'analysis-argument',
    template({ metrics: [metric({ successCondition: '{{args.image}} != 1' })] }),
    template({
      args: [{ name: 'image', value: 'a' }],
      metrics: [metric({ successCondition: '{{ args.image }} != 1' })],
    }),
  ],
  ['missing-field', template({ metrics: [{ name: 'analyze' }] }), template({})],
];
