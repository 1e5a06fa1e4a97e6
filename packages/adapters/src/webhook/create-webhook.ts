import type { WebhookCall, WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { FactoryError } from '@image-factory/core/problem.ts';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import type { Duration } from '@image-factory/core/time.ts';
import type { Api, ApiAnswer } from '../ci-http/api.ts';
import { fence, usualStartWithin } from '../ci-runs/fence.ts';
import type { RunMark } from '../ci-runs/run-mark.ts';
import { said, wordsOf } from '../ci-runs/said.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { entryOf, names, runIdAt, runIdIn, statusIn } from './answer.ts';
import { fillCall, signatureOf, type Places } from './fill.ts';
import { idOf, readId, usualId } from './run-id.ts';

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  /** The server of an address: the requests of one provider may go to several. */
  readonly apiFor: (address: string) => Api;
  readonly secrets: SecretSource;
  readonly clock: Clock;
  /** Tells what came of a run that nobody can be asked about. */
  readonly registry: Pick<Registry, 'look' | 'describe'>;
  /** Only so long after it was asked to start a run it does so. @default a minute */
  readonly startWithin?: Duration;
}

export interface WebhookBuilder extends Builder {
  /** Throws where a secret is missing. Nothing is sent: no request of a webhook is known to be without effect. */
  check(): Promise<void>;
}

const buildKeyAnnotation = 'io.image-factory.build-key';

/**
 * Starts builds by a request that factory.yaml describes, and follows them by another, or by the registry: a run that
 * nobody can be asked about has succeeded once the tag's manifest carries its key, and runs until then (the engine
 * ends it after `limits.runTimeout`).
 */
export function createWebhook(options: WebhookOptions): WebhookBuilder {
  const { settings, apiFor, secrets, clock, registry, startWithin = usualStartWithin } = options;
  const { start: startCall, status, run: runId } = settings;
  // A list, or an id that we made ourselves, is found by key; anything else only by a request that is made for it.
  const findCall =
    settings.find ?? (status && (status.items !== undefined || runId === undefined) ? status : undefined);

  async function ask(
    call: WebhookCall,
    places: Places,
    signal?: AbortSignal,
    mayStill: () => void = () => undefined,
  ): Promise<{ readonly api: Api; readonly answer: ApiAnswer; readonly secrets: readonly string[] }> {
    const api = apiFor(call.url);
    const filled = fillCall(call, places);
    if ('mistake' in filled)
      throw api.failure(
        'CI_REFUSED',
        filled.mistake,
        'Take that place out of the header, or send it in the body.',
      );
    const known: string[] = [];
    const headers: Record<string, string> = { ...filled.headers };
    for (const [name, { secret, prefix }] of Object.entries(call.secretHeaders)) {
      const text = await secrets.read(secret, call.url);
      known.push(text);
      headers[name] = prefix + text;
    }
    if (settings.sign && filled.body !== undefined) {
      const key = await secrets.read(settings.sign.secret, call.url);
      known.push(key);
      Object.assign(headers, signatureOf(settings.sign, key, filled.body));
    }
    mayStill();
    const answer = await api.send({
      method: call.method,
      path: filled.url,
      headers,
      ...(filled.body === undefined ? {} : { body: filled.body }),
      signal,
    });
    return { api, answer, secrets: known };
  }

  async function start(request: BuildRequest, signal?: AbortSignal): Promise<Run> {
    const { image, key, attempt } = request;
    const {
      api,
      answer,
      secrets: known,
    } = await ask(startCall, startPlaces(request), signal, fence(apiFor(startCall.url), clock, startWithin));
    if (answer.status === 409) {
      // Its name is taken: by the run of this very key, if it can be found.
      const found = await find(image, key, attempt, signal);
      if (found) return found;
      throw api.failure('CI_UNREACHABLE', '409: such a run may exist already', 'It is looked for again.');
    }
    if (answer.status >= 300) throw refusal(api, answer, known);
    const id = runIdIn(answer, runId);
    if (id === undefined && runId !== undefined) {
      const found = await find(image, key, attempt, signal).catch(() => undefined);
      if (found) return found;
      throw api.failure(
        'CI_UNREACHABLE',
        `the start was accepted (${answer.status}), but the answer does not name its run`,
        'Correct providers.webhook.run in factory.yaml: it says where the answer has the id.',
      );
    }
    return { id: idOf(request, id ?? usualId(request)), key, attempt, status: 'running' };
  }

  async function find(
    image: ManagedEnrolment,
    key: string,
    attempt: number,
    signal?: AbortSignal,
  ): Promise<Run | undefined> {
    const mark = { key, attempt };
    const usual = usualId(mark);
    if (!findCall) return (await isPushed(image, mark, signal)) ? pushed(mark, usual) : undefined;
    const places = new Map([...imagePlaces(image, mark), ['run', usual]]);
    const { api, answer, secrets: known } = await ask(findCall, places, signal);
    if (answer.status === 404 || answer.status === 410) return undefined;
    if (answer.status >= 300) throw refusal(api, answer, known);
    const entry = entryOf(answer.json(), { items: findCall.items, status }, mark);
    // Whatever was asked for: a run that does not name this key may be another's.
    if (entry === undefined || !names(entry, mark)) return undefined;
    const own = { ...mark, id: idOf(mark, runIdAt(entry, runId) ?? usual) };
    return status ? { ...own, ...statusIn(entry, status) } : { ...own, status: 'running' };
  }

  async function get(image: ManagedEnrolment, id: string, signal?: AbortSignal): Promise<Run | undefined> {
    const known = readId(id);
    if (!known) return undefined;
    const { mark, own } = known;
    if (status) {
      const places = new Map([...imagePlaces(image, mark), ['run', own]]);
      const { api, answer, secrets: hidden } = await ask(status, places, signal);
      const gone = answer.status === 404 || answer.status === 410;
      if (!gone && answer.status >= 300) throw refusal(api, answer, hidden);
      const entry = gone ? undefined : entryOf(answer.json(), { items: status.items, status }, mark);
      if (entry !== undefined) return { id, ...mark, ...statusIn(entry, status) };
    }
    // A queue does not list it yet, or the server has forgotten it: what it pushed speaks for it.
    return (await isPushed(image, mark, signal)) ? pushed(mark, own) : { id, ...mark, status: 'running' };
  }

  /** Only the annotation counts (brief 4.4): a tag alone may be anybody's. */
  async function isPushed(image: ManagedEnrolment, { key }: RunMark, signal?: AbortSignal): Promise<boolean> {
    const reference = { domain: image.registry, path: image.repository, tag: image.tags[0] ?? 'latest' };
    const look = await registry.look(reference, { force: true, ...(signal ? { signal } : {}) });
    if (look.kind !== 'digest') return false;
    const described = await registry.describe(reference, look.digest, signal);
    return described?.annotations[buildKeyAnnotation] === key;
  }

  function pushed(mark: RunMark, own: string): Run {
    // Without a digest: the engine reads it where it proves it.
    return { id: idOf(mark, own), ...mark, status: 'success' };
  }

  function refusal(api: Api, answer: ApiAnswer, known: readonly string[]): FactoryError {
    const quote = `it answered ${answer.status}: ${said(wordsOf(answer), known)}`;
    return answer.status === 401 || answer.status === 403 || answer.status === 404
      ? api.failure(
          'CI_DENIED',
          quote,
          'Check the addresses and secretHeaders of providers.webhook, and that the token is not expired.',
        )
      : api.failure('CI_REFUSED', quote, 'Check the requests of providers.webhook in factory.yaml.');
  }

  return {
    provider: 'webhook',
    capabilities: () => ({ exactlyOnce: settings.claims, inProcess: false }),
    start,
    find,
    get,
    async cancel(image, id) {
      const known = readId(id);
      const api = apiFor(startCall.url);
      if (!known || !settings.cancel)
        throw api.failure(
          'CI_INVALID',
          `run ${id.slice(0, 100)} cannot be cancelled from here`,
          'Cancel it at the CI system; or describe the request under providers.webhook.cancel.',
        );
      const places = new Map([...imagePlaces(image, known.mark), ['run', known.own]]);
      const { answer, secrets: hidden } = await ask(settings.cancel, places);
      if (answer.status >= 300 && answer.status !== 409) throw refusal(api, answer, hidden);
    },
    async check() {
      for (const call of [startCall, status, settings.find, settings.cancel]) {
        for (const { secret } of Object.values(call?.secretHeaders ?? {}))
          await secrets.read(secret, call?.url ?? startCall.url);
      }
      if (settings.sign) await secrets.read(settings.sign.secret, startCall.url);
    },
  };
}

function imagePlaces(
  image: ManagedEnrolment,
  { key, attempt }: RunMark,
): readonly (readonly [string, string])[] {
  const { source } = image;
  return [
    ['image', image.name],
    ['key', key],
    ['attempt', String(attempt)],
    ['repo', source.repo],
    ['branch', source.branch ?? ''],
    ['workflow', source.workflow ?? ''],
    ['workflowRepo', source.workflowRepo ?? source.repo],
    ['workflowBranch', (source.workflowRepo === undefined ? source.branch : source.workflowBranch) ?? ''],
    ['patches', (source.patches ?? []).join(',')],
    ['registry', image.registry],
    ['repository', image.repository],
    ['tags', image.tags.join(',')],
  ];
}

function startPlaces(request: BuildRequest): Places {
  const inputs = runInputs(request);
  return new Map([
    ...imagePlaces(request.image, request),
    ['reason', inputs.factory_reason],
    ['commit', inputs.factory_commit],
    ['pins', inputs.factory_pins],
    ['buildContexts', inputs.factory_build_contexts],
    ['buildFlags', inputs.factory_build_flags],
    ['buildArgs', inputs.factory_build_args],
  ]);
}
