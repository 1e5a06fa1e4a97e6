import { hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import type { PromotionStep, UsesStep } from '../manifests/step.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { KargoInterpreter, type InterpreterOptions } from './interpreter.ts';
import { digestOf, policies, stage, task, template, warehouse } from './test-manifests.ts';
import { json, TestOutside } from './test-outside.ts';

const repo = 'registry.test/base';
const say: PromotionStep = { uses: 'compose-output', as: 'say', config: { x: 'y' } };

/** Manifests on an outside; every call lets so many minutes pass. */
function kargo(manifests: readonly KubernetesManifest[], options: InterpreterOptions = {}) {
  const outside = new TestOutside();
  const interpreter = new KargoInterpreter(outside, options);
  interpreter.apply(manifests);
  let now = 0;
  const pass = async (minutes: number): Promise<void> => {
    const until = now + minutes * minute;
    for (;;) {
      const next = Math.max(interpreter.nextAt() ?? Number.POSITIVE_INFINITY, now);
      if (next > until) break;
      now = next;
      await interpreter.reconcile(now);
      if (next === until) break;
    }
    now = until;
    await interpreter.reconcile(now);
  };
  return { outside, interpreter, pass };
}

function phases({ interpreter }: ReturnType<typeof kargo>, name = 'stage') {
  return interpreter.promotions(name).map(({ phase, freight }) => [freight.images[0]?.digest, phase]);
}

function one(steps: readonly PromotionStep[], more: readonly KubernetesManifest[] = [], options = {}) {
  const all = kargo(
    [
      warehouse('base', [digestOf(repo)]),
      stage('stage', { from: ['base'], steps }),
      policies('stage'),
      ...more,
    ],
    options,
  );
  all.outside.image(`${repo}:1`, 'A');
  return all;
}

describe('Freight (kargo.md section 1, "Freight id")', () => {
  it('is new for a new digest under the same tag, and for another tag of a known digest', async () => {
    const all = kargo([
      warehouse('base', [
        {
          image: {
            repoURL: repo,
            imageSelectionStrategy: 'Lexical',
            allowTagsRegexes: ['^v'],
            ignoreTagsRegexes: ['^sha256-'],
          },
        },
      ]),
    ]);
    all.outside.image(`${repo}:v1`, 'A');
    await all.pass(0);
    all.outside.image(`${repo}:v1`, 'B');
    await all.pass(10);
    all.outside.image(`${repo}:v2`, 'B');
    await all.pass(10);
    expect(all.interpreter.freight.map(({ images: [image] }) => [image?.tag, image?.digest])).toEqual([
      ['v1', 'A'],
      ['v1', 'B'],
      ['v2', 'B'],
    ]);
    expect(new Set(all.interpreter.freight.map(({ name }) => name)).size).toBe(3);
    expect(all.interpreter.freight[0]?.name).toMatch(/^[0-9a-f]{40}$/);
  });

  it('of a digest that returns is the one that was there: what was withdrawn stays the newest for ever', async () => {
    const all = one([say]);
    for (const digest of ['A', 'B', 'A', 'B', 'A']) {
      all.outside.image(`${repo}:1`, digest);
      await all.pass(10);
    }
    expect(all.interpreter.freight.map(({ images: [image] }) => image?.digest)).toEqual(['A', 'B']);
    expect(phases(all)).toEqual([
      ['A', 'Succeeded'],
      ['B', 'Succeeded'],
    ]);
  });

  it('needs every subscription to find something', async () => {
    const all = kargo([warehouse('both', [digestOf(repo), digestOf('registry.test/other')])]);
    all.outside.image(`${repo}:1`, 'A');
    await all.pass(30);
    expect(all.interpreter.freight).toEqual([]);
    all.outside.image('registry.test/other:1', 'X');
    await all.pass(10);
    expect(all.interpreter.freight.map(({ images }) => images.map(({ digest }) => digest))).toEqual([
      ['A', 'X'],
    ]);
  });
});

describe('Warehouses (kargo.md section 1, "Warehouse")', () => {
  it.each([
    ['as often as they say', 60, 60],
    ['every five minutes at most: trap 10', 1, 5],
  ])('look %s', async (_what, interval, every) => {
    const all = kargo([warehouse('base', [digestOf(repo)], interval * minute)]);
    all.outside.image(`${repo}:1`, 'A');
    await all.pass(0);
    all.outside.image(`${repo}:1`, 'B');
    await all.pass(every - 1);
    expect(all.interpreter.freight.length).toBe(1);
    await all.pass(1);
    expect(all.interpreter.freight.length).toBe(2);
  });

  it('look at once when they are new, changed, or told of a push', async () => {
    const all = kargo([warehouse('base', [digestOf(repo)], 24 * hour)]);
    all.outside.image(`${repo}:1`, 'A');
    all.outside.image(`${repo}:2`, 'B');
    await all.pass(0);
    all.interpreter.apply([warehouse('base', [digestOf(repo, '2')], 24 * hour)]);
    await all.pass(0);
    all.outside.image(`${repo}:2`, 'C');
    all.interpreter.refresh(repo);
    await all.pass(0);
    expect(all.interpreter.freight.map(({ images: [image] }) => image?.digest)).toEqual(['A', 'B', 'C']);
  });

  it.each([
    ['SemVer, strict', { imageSelectionStrategy: 'SemVer' as const }, '10.0.0'],
    ['SemVer, lenient', { imageSelectionStrategy: 'SemVer' as const, strictSemvers: false }, '16.10-alpine'],
    [
      'SemVer of an expression',
      {
        imageSelectionStrategy: 'SemVer' as const,
        allowTagsRegexes: ['^[0-9.]+-alpine$'],
        strictSemvers: false,
      },
      '16.10-alpine',
    ],
    [
      'Lexical',
      {
        imageSelectionStrategy: 'Lexical' as const,
        allowTagsRegexes: ['^[0-9.]+$'] as const,
        ignoreTagsRegexes: ['^9'] as const,
      },
      '2.0.0',
    ],
    [
      'NewestBuild',
      {
        imageSelectionStrategy: 'NewestBuild' as const,
        allowTagsRegexes: ['^[0-9.]+$'] as const,
        ignoreTagsRegexes: ['^sha256-'] as const,
      },
      '9.0.0',
    ],
  ])('select by %s', async (_what, subscription, tag) => {
    const all = kargo([warehouse('base', [{ image: { repoURL: repo, ...subscription } as never }])]);
    for (const [name, at] of [
      ['9.0.0', 9],
      ['10.0.0', 1],
      ['2.0.0', 3],
      ['11', 2],
      ['16.9-alpine', 1],
      ['16.10-alpine', 1],
      ['zzz', 99],
    ] as const)
      all.outside.image(`${repo}:${name}`, `d-${name}`, { createdAt: at });
    await all.pass(0);
    expect(all.interpreter.freight[0]?.images[0]?.tag).toBe(tag);
  });

  it('with a platform match no plain manifest: trap 4', async () => {
    const all = kargo([
      warehouse('base', [
        {
          image: {
            repoURL: repo,
            imageSelectionStrategy: 'Digest',
            constraint: '1',
            platform: 'linux/amd64',
          },
        },
      ]),
    ]);
    all.outside.image(`${repo}:1`, 'A');
    await all.pass(0);
    expect(all.interpreter.freight).toEqual([]);
    all.outside.image(`${repo}:1`, 'A', { platforms: ['linux/amd64'] });
    await all.pass(10);
    expect(all.interpreter.freight.length).toBe(1);
  });

  it('fail at discovery where a removed field is set: trap 3', async () => {
    const all = kargo([warehouse('base', [{ image: { repoURL: repo, allowTags: '^1$' } as never }])]);
    await all.pass(0);
    expect(all.interpreter.discoveryError('base')).toContain('allowTags');
  });

  it.each([
    ['paths', { includePaths: ['intents/a.yaml'] }, 'c2'],
    ['a folder', { includePaths: ['intents'] }, 'c3'],
    ['paths that do not count', { excludePaths: ['images', 'intents/b.yaml'] }, 'c2'],
    ['a pattern', { includePaths: ['glob:images/*.yaml'] }, 'c4'],
    ['the subject', { expressionFilter: `subject startsWith 'Start '` }, 'c3'],
    ['both', { includePaths: ['intents/a.yaml'], expressionFilter: `subject startsWith 'Start '` }, 'c1'],
  ])('take the newest commit by %s', async (_what, filter, id) => {
    const all = kargo([
      warehouse('git', [{ git: { repoURL: 'https://git.test/state.git', branch: 'state', ...filter } }]),
    ]);
    all.outside.committed('Start 1 rebuild: a', ['intents/a.yaml']);
    all.outside.committed('Record the run of a', ['intents/a.yaml']);
    all.outside.committed('Start 1 rebuild: b', ['intents/b.yaml', 'images/b.yaml']);
    all.outside.committed('Observe', ['images/x.yaml']);
    await all.pass(0);
    expect(all.interpreter.freight[0]?.commits[0]?.id).toBe(id);
  });
});

describe('promotions', () => {
  it('happen by themselves only where a policy says so (section 1, "ProjectConfig")', async () => {
    const all = kargo([
      warehouse('base', [digestOf(repo)]),
      stage('observe-a', { from: ['base'], steps: [say] }),
      stage('b', { from: ['base'], steps: [say] }),
      policies('regex:^(observe|rebuild)-.+$'),
    ]);
    all.outside.image(`${repo}:1`, 'A');
    await all.pass(0);
    expect(all.interpreter.promotions().map(({ stage: name }) => name)).toEqual(['observe-a']);
  });

  it('that did not succeed are never tried again (trap 11)', async () => {
    const all = one([{ uses: 'fail', config: { message: 'no' } }]);
    await all.pass(600);
    expect(phases(all)).toEqual([['A', 'Failed']]);
    all.outside.image(`${repo}:1`, 'B');
    await all.pass(10);
    expect(phases(all)).toEqual([
      ['A', 'Failed'],
      ['B', 'Failed'],
    ]);
  });

  it('of several origins are several, one after the other', async () => {
    const all = kargo([
      warehouse('x', [digestOf('registry.test/x')]),
      warehouse('y', [digestOf('registry.test/y')]),
      stage('stage', {
        from: ['x', 'y'],
        steps: [
          {
            uses: 'http',
            retry: { timeout: kargoDuration(hour) },
            config: { url: 'https://ci.test', successExpression: 'response.body.done' },
          },
        ],
      }),
      policies('stage'),
    ]);
    all.outside.image('registry.test/x:1', 'X');
    all.outside.image('registry.test/y:1', 'Y');
    let done = false;
    all.outside.answer = () => json(200, { done });
    await all.pass(1);
    expect(phases(all)).toEqual([
      ['X', 'Running'],
      ['Y', 'Pending'],
    ]);
    done = true;
    await all.pass(1);
    expect(phases(all)).toEqual([
      ['X', 'Succeeded'],
      ['Y', 'Succeeded'],
    ]);
  });

  it('are made while another one is running, and wait for their turn: each Freight that was the newest is promoted', async () => {
    const all = one([
      {
        uses: 'http',
        retry: { timeout: kargoDuration(5 * hour) },
        config: { url: 'https://ci.test', successExpression: 'response.body.done' },
      },
    ]);
    let done = false;
    all.outside.answer = () => json(200, { done });
    await all.pass(0);
    for (const digest of ['B', 'C']) {
      all.outside.image(`${repo}:1`, digest);
      await all.pass(10);
    }
    done = true;
    await all.pass(10);
    expect(phases(all)).toEqual([
      ['A', 'Succeeded'],
      ['B', 'Succeeded'],
      ['C', 'Succeeded'],
    ]);
  });

  it('wait until the Stage has been verified (section 3)', async () => {
    const all = kargo([
      warehouse('base', [digestOf(repo)]),
      template('check', ['digest'], ['check', '--digest={{args.digest}}']),
      stage('stage', {
        from: ['base'],
        steps: [say],
        verification: {
          analysisTemplates: [{ name: 'check' }],
          args: [{ name: 'digest', value: `\${{ quote(imageFrom("${repo}").Digest) }}` }],
        },
      }),
      stage('after', { from: ['base'], sources: { stages: ['stage'] } }),
      stage('last', { from: ['base'], sources: { stages: ['after'] }, steps: [say] }),
      policies('stage', 'last'),
    ]);
    all.outside.image(`${repo}:1`, 'A');
    let phase: 'Running' | 'Successful' = 'Running';
    all.outside.phase = () => phase;
    await all.pass(1);
    all.outside.image(`${repo}:1`, 'B');
    await all.pass(10);
    expect(phases(all)).toEqual([
      ['A', 'Succeeded'],
      ['B', 'Pending'],
    ]);
    expect(all.outside.jobs.map(({ args }) => args)).toEqual([['check', '--digest=A']]);
    phase = 'Successful';
    await all.pass(1);
    expect(phases(all)).toEqual([
      ['A', 'Succeeded'],
      ['B', 'Succeeded'],
    ]);
    expect(all.outside.jobs.length).toBe(2);
    // Through the control-flow Stage.
    expect(phases(all, 'last').at(-1)).toEqual(['B', 'Succeeded']);
  });

  it.each([
    ['an argument that the template does not declare: trap 12', ['tag'], 'A'],
    ['an argument without a value', ['digest', 'more'], 'A'],
  ])('whose verification has %s end in an error, and go nowhere', async (_what, declared, digest) => {
    const all = kargo([
      warehouse('base', [digestOf(repo)]),
      template(
        'check',
        declared,
        declared.map((name) => `{{args.${name}}}`),
      ),
      stage('stage', {
        from: ['base'],
        steps: [say],
        verification: { analysisTemplates: [{ name: 'check' }], args: [{ name: 'digest', value: 'x' }] },
      }),
      stage('last', { from: ['base'], sources: { stages: ['stage'] }, steps: [say] }),
      policies('stage', 'last'),
    ]);
    all.outside.image(`${repo}:1`, digest);
    await all.pass(1);
    expect(all.interpreter.analysisRuns.map(({ phase }) => phase)).toEqual(['Error']);
    expect(phases(all, 'last')).toEqual([]);
  });
});

function http(
  config: Partial<Extract<UsesStep, { uses: 'http' }>['config']>,
  more: object = {},
): PromotionStep {
  return {
    uses: 'http',
    as: 'call',
    config: { url: 'https://ci.test', ...config },
    ...more,
  };
}

describe('the http step (section 2, "http"; traps 6 and 7)', () => {
  it.each([
    ['2xx without expressions', { method: 'POST' as const }, json(201, {}), 'Succeeded', 1],
    [
      'another status without expressions is sent for ever: trap 6',
      { method: 'POST' as const },
      json(500, {}),
      'Running',
      13,
    ],
    [
      'a failure expression that holds',
      { failureExpression: 'response.status >= 400' },
      json(500, {}),
      'Failed',
      1,
    ],
    [
      'a failure expression alone that does not hold sends again',
      { failureExpression: 'response.status >= 400' },
      json(200, {}),
      'Running',
      121,
    ],
    [
      'a success expression that holds',
      { successExpression: 'response.body.ok' },
      json(500, { ok: true }),
      'Succeeded',
      1,
    ],
    [
      'a success expression that does not hold sends again: trap 7',
      { method: 'POST' as const, successExpression: 'response.body.ok', pollInterval: '5m' as never },
      json(200, { ok: false }),
      'Running',
      13,
    ],
    [
      'one that is no truth value is an error',
      { successExpression: 'response.body.ok' },
      json(200, { ok: 'yes' }),
      'Errored',
      1,
    ],
    ['no answer is an error', {}, new Error('connection refused'), 'Errored', 1],
    ['a body that is no text is refused', { body: '${{ 1 + 1 }}' }, json(200, {}), 'Failed', 0],
  ])('%s', async (_what, config, answer, phase, sent) => {
    const all = one([http(config)]);
    all.outside.answer = () => answer;
    await all.pass(60);
    expect(phases(all)).toEqual([['A', phase]]);
    expect(all.outside.requests.length).toBe(sent);
  });

  it('counts errors in a row, and looks at its timeout between two runs', async () => {
    const all = one([http({}, { retry: { errorThreshold: 3 } })]);
    all.outside.answer = () => new Error('connection refused');
    await all.pass(60);
    expect([phases(all), all.outside.requests.length]).toEqual([[['A', 'Errored']], 3]);
    const slow = one([
      http({ successExpression: 'false' }, { retry: { timeout: kargoDuration(5 * minute) } }),
    ]);
    slow.outside.answer = () => json(200, {});
    await slow.pass(60);
    expect([phases(slow), slow.outside.requests.length]).toEqual([[['A', 'Errored']], 12]);
  });

  it('is sent once more when the controller dies before it could write down the answer (trap 7)', async () => {
    let deaths = 0;
    const crashes = (_promotion: string, alias: string): boolean => alias === 'call' && deaths++ === 0;
    const all = one([http({ method: 'POST' })], [], { crashes });
    await all.pass(1);
    expect([phases(all), all.outside.requests.length]).toEqual([[['A', 'Succeeded']], 2]);
  });

  it('sends what its expressions come to', async () => {
    const all = one([
      http(
        {
          method: 'POST',
          url: 'https://ci.test/${{ ctx.stage }}',
          headers: [{ name: 'Authorization', value: 'Bearer ${{ secret("token").token }}' }],
          queryParams: [{ name: 'tag', value: '${{ quote(imageFrom("registry.test/base").Tag) }}' }],
          body: `"\${{ vars.json }}"`,
        },
        { vars: [{ name: 'json', value: `"{"a": "b"}"` }] },
      ),
    ]);
    await all.pass(0);
    expect(all.outside.requests).toEqual([
      {
        method: 'POST',
        url: 'https://ci.test/stage?tag=1',
        headers: { Authorization: 'Bearer s3cret' },
        body: '"{"a": "b"}"',
      },
    ]);
  });
});

describe('steps (section 2, "Retry/timeouts" and the table of steps)', () => {
  const fail: PromotionStep = { uses: 'fail', as: 'bad' };
  const call = (more: object = {}): PromotionStep => http({ method: 'POST' }, more);

  it.each([
    ['after a failure without `if`', [fail, call()], 0, 'Failed'],
    ['after a failure with always()', [fail, call({ if: '${{ always() }}' })], 1, 'Failed'],
    ['after a failure with failure()', [fail, call({ if: '${{ failure() }}' })], 1, 'Failed'],
    ['after a failure that may happen', [{ ...fail, continueOnError: true }, call()], 1, 'Succeeded'],
    ['where `if` is false', [call({ if: '${{ 1 == 2 }}' })], 0, 'Succeeded'],
    [
      'where `if` asks for a status',
      [{ ...fail, continueOnError: true }, call({ if: `\${{ status('bad') == 'Failed' }}` })],
      1,
      'Succeeded',
    ],
    ['where `if` is no truth value', [call({ if: '${{ "yes" }}' })], 0, 'Errored'],
    [
      'where a name is unknown',
      [call({ vars: [{ name: 'x', value: '${{ nothing.at.all }}' }] })],
      0,
      'Errored',
    ],
  ] satisfies [string, PromotionStep[], number, string][])(
    'run or not: %s',
    async (_what, steps, sent, phase) => {
      const all = one(steps);
      await all.pass(0);
      expect([all.outside.requests.length, phases(all)[0]?.[1]]).toEqual([sent, phase]);
    },
  );

  it('come from a task, with its variables and under its name', async () => {
    const all = one(
      [
        {
          task: { name: 'start' },
          as: 'go',
          vars: [{ name: 'url', value: 'https://ci.test/${{ ctx.stage }}' }],
        },
        http({ url: 'https://ci.test/${{ outputs["go"].id }}' }),
      ],
      [
        task(
          'start',
          ['url'],
          [
            {
              uses: 'http',
              as: 'post',
              config: {
                url: '${{ vars.url }}',
                outputs: [{ name: 'id', fromExpression: 'response.body.id' }],
              },
            },
            { uses: 'compose-output', as: 'output', config: { id: `\${{ task.outputs['post'].id }}` } },
          ],
        ),
      ],
    );
    all.outside.answer = () => json(200, { id: 17 });
    await all.pass(0);
    expect(all.outside.requests.map(({ url }) => url)).toEqual([
      'https://ci.test/stage',
      'https://ci.test/17',
    ]);
  });

  it('read, change, commit and push files of git', async () => {
    const all = one([
      {
        uses: 'git-clone',
        config: {
          repoURL: 'https://git.test/apps.git',
          checkout: [{ path: './repo', branch: 'main', sparse: ['apps'] }],
        },
      },
      {
        uses: 'yaml-parse',
        as: 'read',
        config: {
          path: './repo/apps/a.yaml',
          outputs: [
            { name: 'tag', fromExpression: 'image.tag' },
            { name: 'none', fromExpression: 'missing ?? ""' },
          ],
        },
      },
      {
        uses: 'yaml-update',
        config: {
          path: './repo/apps/a.yaml',
          updates: [
            { key: 'image.tag', value: `\${{ outputs['read'].none }}\${{ imageFrom("${repo}").Digest }}` },
          ],
        },
      },
      {
        uses: 'git-commit',
        as: 'commit',
        config: { path: './repo', message: `from \${{ outputs['read'].tag }}` },
      },
      {
        uses: 'git-push',
        if: `\${{ success() && status('commit') == 'Succeeded' }}`,
        config: { path: './repo' },
      },
      {
        uses: 'set-metadata',
        config: { updates: [{ kind: 'Stage', name: 'stage', values: { pushed: true } }] },
      },
    ]);
    all.outside.files = new Map([
      ['apps/a.yaml', '# mine\nimage:\n  tag: old\n'],
      ['other/b.yaml', 'x: 1\n'],
    ]);
    await all.pass(0);
    expect(phases(all)).toEqual([['A', 'Succeeded']]);
    expect(all.outside.files.get('apps/a.yaml')).toBe('# mine\nimage:\n  tag: A\n');
    expect(all.outside.pushes).toEqual([{ branch: 'main', message: 'from old' }]);
    expect(all.interpreter.stageMetadata('stage').get('stage')).toEqual({ pushed: true });
  });

  it('refuse unknown keys when they run', async () => {
    const all = one([http({ fromFreight: true } as never)]);
    await all.pass(0);
    expect(phases(all)).toEqual([['A', 'Failed']]);
    expect(all.outside.requests).toEqual([]);
  });

  it('that nobody here knows are not guessed at', async () => {
    const all = one([{ uses: 'helm-template', config: { path: 'x', outPath: 'y', releaseName: 'z' } }]);
    await expect(all.pass(0)).rejects.toThrow('helm-template');
  });
});
