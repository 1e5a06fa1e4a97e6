import type {
  EndWords,
  WebhookSettings,
  WebhookStatus,
} from '@image-factory/core/enrolment/provider-settings.ts';
import type { Run } from '@image-factory/core/ports/builder.ts';
import type { ApiAnswer } from '../ci-http/api.ts';
import { at, linkAt, listAt, textAt } from '../ci-http/fields.ts';
import { digestIn } from '../ci-runs/run-fields.ts';
import type { RunMark } from '../ci-runs/run-mark.ts';

/** `$.a.b[0]` as steps. */
function stepsOf(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\.([\w-]+)|\[(\d+)\]/g)].map((match) => match[1] ?? Number(match[2]));
}

/** A value at a path, as one word. */
export function wordAt(value: unknown, path: string): string | undefined {
  const found = at(value, ...stepsOf(path));
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/**
 * The run's id in the answer to a start: at a JSON path, or in a header. Of a header that holds an address or a path
 * (`Location: https://ci/queue/item/17/`) it is the last segment. Undefined: the answer does not name it.
 */
export function runIdIn(answer: ApiAnswer, run: WebhookSettings['run']): string | undefined {
  if (run?.header !== undefined) {
    const value = answer.headers[run.header.toLowerCase()];
    const last = value
      ?.replace(/[?#].*$/, '')
      .replace(/\/+$/, '')
      .split('/')
      .at(-1);
    return usable(last);
  }
  if (run?.path === undefined) return undefined;
  try {
    return usable(wordAt(JSON.parse(answer.text) as unknown, run.path));
  } catch {
    return undefined;
  }
}

function usable(id: string | undefined): string | undefined {
  return id !== undefined && id.length <= 300 && /^[^\s\p{Cc}]+$/u.test(id) ? id : undefined;
}

/** The run's id in what `status` or `find` answered about it. */
export function runIdAt(entry: unknown, run: WebhookSettings['run']): string | undefined {
  return run?.path === undefined ? undefined : usable(wordAt(entry, run.path));
}

/**
 * The part of an answer that is about one run: itself, or the item of its list that names the run. Of several, one that
 * did not leave because of the claim is the run of the key.
 */
export function entryOf(
  answer: unknown,
  { items, status }: { readonly items: string | undefined; readonly status: WebhookStatus | undefined },
  mark: RunMark,
): unknown {
  if (items === undefined) return answer;
  const found = listAt(answer, ...stepsOf(items)).filter((item) => names(item, mark));
  const stayed = found.find((item) => !status || statusIn(item, status).status !== 'superseded');
  return stayed ?? found[0];
}

/** Does one of its texts have `key/attempt` or `key-attempt` in it? */
export function names(value: unknown, { key, attempt }: RunMark): boolean {
  return [`${key}/${attempt}`, `${key}-${attempt}`].some((mark) => hasText(value, mark, 0));
}

function hasText(value: unknown, mark: string, depth: number): boolean {
  if (typeof value === 'string') {
    for (let from = value.indexOf(mark); from >= 0; from = value.indexOf(mark, from + 1)) {
      const before = value[from - 1] ?? ' ';
      const after = value[from + mark.length] ?? ' ';
      if (!/[0-9A-Za-z]/.test(before) && !/\d/.test(after)) return true;
    }
    return false;
  }
  if (typeof value !== 'object' || value === null || depth > 12) return false;
  return Object.values(value).some((each) => hasText(each, mark, depth + 1));
}

/** Where an answer or a call-back says how a run is. */
type Told = Pick<WebhookStatus, keyof EndWords | 'state' | 'digest' | 'link' | 'log'>;

/** How a run is, by the words that the settings give. */
export function statusIn(
  entry: unknown,
  status: Told,
): Pick<Run, 'status' | 'digest' | 'url' | 'log' | 'error'> {
  const word = wordAt(entry, status.state);
  const is = (words: readonly string[]): boolean => word !== undefined && words.includes(word);
  const text = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : textAt(entry, ...stepsOf(path));
  const link = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : linkAt(entry, ...stepsOf(path));
  const digest = digestIn(text(status.digest));
  const [url, log] = [link(status.link), link(status.log)];
  const common = {
    ...(digest === undefined ? {} : { digest }),
    ...(url === undefined ? {} : { url }),
    ...(log === undefined ? {} : { log }),
  };
  if (is(status.success)) return { ...common, status: 'success' };
  if (is(status.superseded)) return { ...common, status: 'superseded' };
  if (is(status.cancelled)) return { ...common, status: 'cancelled' };
  if (!is(status.failure)) return { ...common, status: 'running' };
  return {
    ...common,
    status: 'failure',
    error: `the run ended as ${JSON.stringify((word ?? '').slice(0, 60))}`,
    // What failed is best read where it happened.
    ...(log === undefined && url !== undefined ? { log: url } : {}),
  };
}
