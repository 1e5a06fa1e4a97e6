import { parseAllDocuments } from 'yaml';
import { evaluateIn } from '../expression.ts';
import { ExpressionError } from '../expression-tokens.ts';
import { updatedYaml, type YamlUpdate } from '../yaml-update.ts';
import { checkConfig, treeOf, type StepInput, type StepResult, type StepRunner } from './step-run.ts';

/** Source: kargo.md section 2, "yaml-parse / json-parse". */
export const runParse: StepRunner = (input) => {
  const { config } = input;
  checkConfig(config, { path: 'text!', outputs: 'list!' });
  const file = readFile(input);
  if (typeof file !== 'string') return file;
  try {
    if (file === '') return { status: 'Errored', error: `${config['path'] as string} is empty` };
    const content = firstDocument(file);
    const names = new Map(
      typeof content === 'object' && content !== null && !Array.isArray(content)
        ? Object.entries(content)
        : [],
    );
    const outputs = (
      config['outputs'] as readonly { readonly name: string; readonly fromExpression: string }[]
    ).map(({ name, fromExpression }) => [name, evaluateIn(fromExpression, names)] as const);
    return { status: 'Succeeded', output: Object.fromEntries(outputs) };
  } catch (thrown) {
    if (thrown instanceof ExpressionError || (thrown instanceof Error && thrown.name === 'YAMLParseError'))
      return { status: 'Errored', error: thrown.message };
    throw thrown;
  }
};

function firstDocument(file: string): unknown {
  const [document] = parseAllDocuments(file, { logLevel: 'silent' });
  const [mistake] = document?.errors ?? [];
  if (mistake) throw mistake;
  return document?.toJS();
}

/** Source: kargo.md section 2, "yaml-update". */
export const runYamlUpdate: StepRunner = (input) => {
  const { config } = input;
  checkConfig(config, { path: 'text!', updates: 'list!' });
  const path = config['path'] as string;
  const file = readFile(input);
  if (typeof file !== 'string') return file;
  const text = updatedYaml(file, config['updates'] as readonly YamlUpdate[]);
  if (typeof text !== 'string') return { status: 'Errored', error: `${path}: ${text.error}` };
  writeFile(input, path, text);
  return { status: 'Succeeded', output: { commitMessage: `Updated ${path}` } };
};

export function writeFile({ promotion }: StepInput, path: string, text: string): void {
  const { tree, within } = treeOf(promotion, path) ?? {};
  if (within !== undefined) tree?.files.set(within, text);
}

function readFile({ config, promotion }: StepInput): string | StepResult {
  const path = config['path'] as string;
  const { tree, within } = treeOf(promotion, path) ?? {};
  const text = within === undefined ? undefined : tree?.files.get(within);
  return text ?? { status: 'Errored', error: `there is no file ${path}` };
}
