import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';
import type { SimulatedProcess } from './scheduler.ts';
import type { World } from './world.ts';

export interface ForgeCall {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
}

export interface ForgeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An image as the workflow finds it in its repository. */
export interface BuiltImage {
  readonly image: ManagedEnrolment;
  readonly dependencies: readonly Dependency[];
}

/** What a run is asked to build, read from the body of its dispatch alone. */
function requestOfDispatch(body: string, built: (name: string) => BuiltImage | undefined): BuildRequest {
  const { inputs } = JSON.parse(body) as { inputs: Readonly<Record<string, string>> };
  const name = inputs['factory_image'] ?? '';
  const found = built(name);
  if (!found) throw new Error(`a run for ${name}, which no repository has`);
  const { image, dependencies } = found;
  const pins = JSON.parse(inputs['factory_pins'] ?? '[]') as { reference: string; digest: Digest }[];
  return {
    key: inputs['factory_key'] ?? '',
    attempt: Number(inputs['factory_attempt']),
    image,
    pins: pins.map((pin) => ({
      ...pin,
      base: dependencies.find(({ reference }) => reference === pin.reference)?.base ?? '',
    })),
    dependencies,
    platforms: image.platforms,
    commit: inputs['factory_commit'] || undefined,
    reason: inputs['factory_reason'] ?? '',
  };
}

/** GitHub's workflow dispatches and runs in front of the simulated CI: every accepted dispatch is a run. */
export async function askForge(
  world: World,
  process: SimulatedProcess,
  { method, url, body = '' }: ForgeCall,
  built: (name: string) => BuiltImage | undefined,
): Promise<ForgeResponse> {
  if (method === 'POST' && url.endsWith('/dispatches')) {
    const run = await world.builder(process).start(requestOfDispatch(body, built));
    return answer(200, { workflow_run_id: Number(run.id.slice('run-'.length)) });
  }
  const id = /\/actions\/runs\/([0-9]+)$/.exec(url)?.[1];
  if (method !== 'GET' || id === undefined) return answer(404, { message: 'Not Found' });
  await world.at(process, 'get run over http');
  const run = world.runs.find((each) => each.id === `run-${id}` && !each.hidden);
  if (!run) return answer(404, { message: 'Not Found' });
  const conclusion = run.cancelled ? 'cancelled' : run.built && !run.digest ? 'failure' : 'success';
  return answer(200, {
    id: Number(id),
    status: run.ended ? 'completed' : 'in_progress',
    conclusion: run.ended ? conclusion : null,
  });
}

function answer(status: number, body: unknown): ForgeResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
