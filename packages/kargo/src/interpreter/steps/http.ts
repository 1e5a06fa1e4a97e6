import { readKargoDuration } from '../../manifests/duration.ts';
import { second } from '@image-factory/core/time.ts';
import { evaluateIn } from '../expression.ts';
import { ExpressionError } from '../expression-tokens.ts';
import { truth, type Environment } from '../expression-values.ts';
import type { HttpResponse } from '../outside.ts';
import { checkConfig, ConfigRefused, type StepRunner } from './step-run.ts';

const shape = {
  url: 'text!',
  method: 'text',
  headers: 'list',
  queryParams: 'list',
  body: 'text',
  timeout: 'text',
  pollInterval: 'text',
  responseContentType: 'text',
  successExpression: 'text',
  failureExpression: 'text',
  errorExpression: 'text',
  outputs: 'list',
  proxy: 'text',
  insecureSkipTLSVerify: 'flag',
} as const;

interface NameValue {
  readonly name: string;
  readonly value: string;
}

const usualPoll = 30 * second;
const shortestPoll = 10 * second;

/** Source: kargo.md section 2, "http", traps 6 and 7; kargo v1.11, http_requester.go for the order of outcomes. */
export const runHttp: StepRunner = async ({ config, outside }) => {
  checkConfig(config, shape);
  if (config['errorExpression'] !== undefined)
    throw new Error('errorExpression is not known to this interpreter');
  const written = config as {
    readonly url: string;
    readonly method?: string;
    readonly body?: string;
    readonly pollInterval?: string;
    readonly successExpression?: string;
    readonly failureExpression?: string;
    readonly outputs?: readonly { readonly name: string; readonly fromExpression: string }[];
  };
  const response = await outside
    .request({
      method: written.method ?? 'GET',
      url: withQuery(written.url, pairs(config, 'queryParams')),
      headers: Object.fromEntries(pairs(config, 'headers').map(({ name, value }) => [name, value])),
      body: written.body ?? '',
    })
    .catch((thrown: unknown) => String(thrown));
  if (typeof response === 'string') return { status: 'Errored', error: response };
  const names = environment(response);
  if (!names) return { status: 'Errored', error: 'the response is no JSON object or list' };
  try {
    const success = judge(written.successExpression, names);
    const failure = judge(written.failureExpression, names);
    const ok = response.status >= 200 && response.status < 300;
    if (failure === true)
      return { status: 'Failed', error: `${response.status} met failure criteria`, terminal: true };
    if (success === true || (success === undefined && failure === undefined && ok)) {
      const outputs = (written.outputs ?? []).map(
        ({ name, fromExpression }) => [name, evaluateIn(fromExpression, names)] as const,
      );
      return { status: 'Succeeded', output: Object.fromEntries(outputs) };
    }
    if (success === undefined && failure === undefined) return { status: 'Failed' };
    const poll = readKargoDuration(written.pollInterval ?? '') ?? usualPoll;
    return { status: 'Running', again: Math.max(poll, shortestPoll) };
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return { status: 'Errored', error: thrown.message };
    throw thrown;
  }
};

function judge(expression: string | undefined, names: Environment): boolean | undefined {
  return expression === undefined || expression === '' ? undefined : truth(evaluateIn(expression, names));
}

function pairs(config: Readonly<Record<string, unknown>>, key: string): readonly NameValue[] {
  const list = (config[key] ?? []) as readonly NameValue[];
  for (const { name, value } of list)
    if (typeof name !== 'string' || typeof value !== 'string' || (key === 'queryParams' && value === ''))
      throw new ConfigRefused(`${key}: expected names with text, got ${JSON.stringify({ name, value })}`);
  return list;
}

function withQuery(url: string, params: readonly NameValue[]): string {
  if (params.length === 0) return url;
  const query = params.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `${url}${url.includes('?') ? '&' : '?'}${query.join('&')}`;
}

function environment({ status, headers, body }: HttpResponse): Environment | undefined {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  let parsed: unknown = {};
  try {
    if (body !== '') parsed = JSON.parse(body);
  } catch {
    if (lower.get('content-type')?.startsWith('application/json')) return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const header = (name: unknown): string => lower.get(String(name).toLowerCase()) ?? '';
  return new Map([['response', { status, headers, header, body: parsed }]]);
}
