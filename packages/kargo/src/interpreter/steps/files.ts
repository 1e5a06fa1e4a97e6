import { isScalar, parse, parseDocument } from 'yaml';
import { evaluateIn } from '../expression.ts';
import { ExpressionError } from '../expression-tokens.ts';
import { checkConfig, treeOf, type StepInput, type StepResult, type StepRunner } from './step-run.ts';

/** Source: kargo.md section 2, "yaml-parse / json-parse". */
export const runParse: StepRunner = (input) => {
  const { config } = input;
  checkConfig(config, { path: 'text!', outputs: 'list!' });
  const file = readFile(input);
  if (typeof file !== 'string') return file;
  try {
    const content: unknown = parse(file);
    if (typeof content !== 'object' || content === null || Array.isArray(content))
      return { status: 'Errored', error: `${config['path'] as string} holds no mapping` };
    const names = new Map(Object.entries(content as Record<string, unknown>));
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

/** Source: kargo.md section 2, "yaml-update": keys are sjson paths, and have to be there. */
export const runYamlUpdate: StepRunner = (input) => {
  const { config, promotion } = input;
  checkConfig(config, { path: 'text!', updates: 'list!' });
  const file = readFile(input);
  if (typeof file !== 'string') return file;
  const document = parseDocument(file);
  for (const { key, value } of config['updates'] as readonly {
    readonly key: string;
    readonly value: unknown;
  }[]) {
    const path = sjsonPath(key);
    const node: unknown = document.getIn(path, true);
    if (!isScalar(node)) return { status: 'Errored', error: `${key} is no value of the file` };
    if (node.value === value) continue;
    document.setIn(path, value);
  }
  const text = document.toString();
  const { tree, within } = treeOf(promotion, config['path'] as string) ?? {};
  if (tree && within !== undefined && text !== file) {
    tree.files.set(within, text);
    tree.changed = true;
  }
  return { status: 'Succeeded', output: { commitMessage: `Updated ${config['path'] as string}` } };
};

function sjsonPath(key: string): readonly (string | number)[] {
  return key
    .split(/(?<!\\)\./)
    .map((part) => part.replaceAll('\\.', '.'))
    .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
}

function readFile({ config, promotion }: StepInput): string | StepResult {
  const path = config['path'] as string;
  const { tree, within } = treeOf(promotion, path) ?? {};
  const text = within === undefined ? undefined : tree?.files.get(within);
  return text ?? { status: 'Errored', error: `there is no file ${path}` };
}
