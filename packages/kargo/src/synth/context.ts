import type { KargoSettings } from '@image-factory/core/enrolment/kargo-settings.ts';
import type { FactoryConfig, Settings } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import { gitUrlKind } from '../validate/forms.ts';
import { newNames, type Names } from './names.ts';
import { readOwnServer, type OwnServer } from './own-server.ts';

/** What every part of the generator needs. */
export interface SynthContext {
  readonly settings: Settings;
  readonly kargo: KargoSettings;
  /** Container image of the Jobs. */
  readonly jobImage: string;
  /** Repository of the factory directory. */
  readonly repository: string;
  readonly stateRepository: string;
  readonly stateBranch: string;
  /** Variable that the store takes its token from. */
  readonly tokenVariable: string;
  /** The server that is to run beside the Jobs. */
  readonly ownServer: OwnServer | undefined;
  readonly state: FactoryState;
  readonly names: Names;
  /** What cannot be generated, by image; the rest is. */
  readonly problems: Problem[];
}

/** What stands in factory.yaml, with everything that the generated resources need; else what is missing, all of it. */
export function readContext(
  { settings }: FactoryConfig,
  state: FactoryState,
): Result<SynthContext, readonly Problem[]> {
  const problems: Problem[] = [];
  const refuse = (message: string, hint: string): void => {
    const place = { file: 'factory.yaml' };
    problems.push({ code: 'CONFIG_CONFLICT', message, hint, subject: { kind: 'factory' }, place });
  };
  const { kargo } = settings;
  if (settings.engine !== 'kargo')
    refuse(
      `engine is ${settings.engine}: what is generated would run beside it`,
      'Set engine: kargo in factory.yaml, or keep running image-factory run.',
    );
  if (kargo.image === undefined)
    refuse(
      'kargo.image is not set: nothing says what the Jobs run',
      'Name the container image of Image Factory by digest: kargo: { image: registry/image-factory@sha256:... }.',
    );
  const git = settings.state.mode === 'git' ? settings.state : undefined;
  if (!git)
    refuse(
      'state.mode is directory, which Jobs in a cluster cannot share',
      'Set state: { mode: git, remote: https://... } in factory.yaml.',
    );
  const repository = kargo.repository ?? (isReachable(git?.remote) ? git?.remote : undefined);
  if (git && repository === undefined)
    refuse(
      'kargo.repository is not set, and state.remote is no http(s) URL',
      'Name the repository that holds the factory directory: kargo: { repository: https://github.com/acme/factory.git }.',
    );
  const stateRepository = git?.remote ?? repository;
  for (const [key, url] of [
    ['kargo.repository', repository],
    ['state.remote', stateRepository],
  ] as const)
    if (url !== undefined && !isReachable(url))
      refuse(
        `${key} is not an http(s) URL that Kargo accepts`,
        'Kargo reaches git by https: https://github.com/acme/factory.git.',
      );
  const ownServer = readOwnServer(settings);
  if (!ownServer.ok) refuse(ownServer.error.message, ownServer.error.hint);
  const { image } = kargo;
  if (problems.length > 0 || !git || image === undefined || !ownServer.ok) return err(problems);
  if (repository === undefined || stateRepository === undefined) return err(problems);
  return ok({
    settings,
    kargo,
    jobImage: image,
    repository,
    stateRepository,
    stateBranch: git.branch,
    tokenVariable: git.tokenEnv ?? 'FACTORY_GIT_TOKEN',
    ownServer: ownServer.value,
    state,
    names: newNames(),
    problems: [],
  });
}

function isReachable(url: string | undefined): boolean {
  return url !== undefined && /^https?$/.test(gitUrlKind(url) ?? '') && !hasExpressionMark(url);
}

/** Kargo would evaluate it. Nothing that is taken over from the enrolment may bring an expression with it. */
export function hasExpressionMark(text: string): boolean {
  return text.includes('${{') || text.includes('${%') || text.includes('{{');
}
