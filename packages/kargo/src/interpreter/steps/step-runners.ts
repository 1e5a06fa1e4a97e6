import { runParse, runYamlUpdate } from './files.ts';
import { runGitClone, runGitCommit, runGitPush } from './git.ts';
import { runHttp } from './http.ts';
import { runKustomizeSetImage } from './kustomize.ts';
import { runGitOpenPr, runGitWaitForPr } from './pull-requests.ts';
import { checkConfig, ConfigRefused, type StepRunner } from './step-run.ts';

const runFail: StepRunner = ({ config }) => {
  checkConfig(config, { message: 'text' });
  return { status: 'Failed', error: (config['message'] as string | undefined) ?? 'failed', terminal: true };
};

const runComposeOutput: StepRunner = ({ config }) => {
  if (Object.keys(config).length === 0) throw new ConfigRefused('compose-output needs a key');
  return { status: 'Succeeded', output: config };
};

const runSetMetadata: StepRunner = ({ config, promotion, setMetadata }) => {
  checkConfig(config, { updates: 'list!' });
  const updates = config['updates'] as readonly {
    kind: 'Stage' | 'Freight';
    name: string;
    values: unknown;
  }[];
  for (const { kind, name, values } of updates) {
    if (kind === 'Stage' && name !== promotion.stage)
      throw new ConfigRefused(`metadata of the Stage ${name} is not ours to set`);
    setMetadata(kind === 'Stage' ? 'Stage' : promotion.freight, name, values);
  }
  return { status: 'Succeeded' };
};

/** Steps that this interpreter runs, by the name in `uses`. */
export const stepRunners: Readonly<Partial<Record<string, StepRunner>>> = {
  'compose-output': runComposeOutput,
  fail: runFail,
  'git-clone': runGitClone,
  'git-commit': runGitCommit,
  'git-open-pr': runGitOpenPr,
  'git-push': runGitPush,
  'git-wait-for-pr': runGitWaitForPr,
  http: runHttp,
  'json-parse': runParse,
  'kustomize-set-image': runKustomizeSetImage,
  'set-metadata': runSetMetadata,
  'yaml-parse': runParse,
  'yaml-update': runYamlUpdate,
};
