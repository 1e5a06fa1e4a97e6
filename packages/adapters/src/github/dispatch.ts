import type { GithubSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { RunInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import { minute, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { Api, ApiAnswer } from '../ci-http/api.ts';
import { idAt, linkAt, textAt } from '../ci-http/fields.ts';
import type { Need } from './refusals.ts';
import { pathOf, type WorkflowPlace } from './repository.ts';
import type { Requests } from './requests.ts';

/** What came of a request to start. */
export type Dispatched =
  | { readonly kind: 'accepted'; readonly id: string | undefined; readonly url: string | undefined }
  | { readonly kind: 'missing' }
  | { readonly kind: 'denied'; readonly answer: ApiAnswer; readonly need: Need }
  | { readonly kind: 'refused'; readonly answer: ApiAnswer; readonly ref: string };

export type Dispatch = (
  place: WorkflowPlace,
  image: ManagedEnrolment,
  inputs: RunInputs,
) => Promise<Dispatched>;

/** Of all inputs together (GitHub docs, "workflow_dispatch": 65,535 characters). */
const largestInputs = 65_535;
const branchesFor = 10 * minute;

export function createDispatch(options: {
  readonly settings: GithubSettings;
  readonly api: Api;
  readonly clock: Clock;
  readonly requests: Requests;
  readonly startWithin: Duration;
}): Dispatch {
  const { settings, api, clock, requests, startWithin } = options;
  const branches = new Map<string, { readonly branch: string; readonly at: Instant }>();
  /** False: the server does not know the field (GitHub Enterprise Server up to 3.20). */
  let knowsDetails = true;

  async function defaultBranch(place: WorkflowPlace): Promise<string | undefined> {
    const path = pathOf(place);
    const known = branches.get(path);
    if (known && clock.now() - known.at < branchesFor) return known.branch;
    const answer = await requests.read(place, 'Metadata: read', { path });
    const branch = answer && textAt(answer.json(), 'default_branch');
    if (branch !== undefined) branches.set(path, { branch, at: clock.now() });
    return branch;
  }

  /** Checked right before a create goes out: what is asked before it may have taken long. */
  function fence(): () => void {
    const wall = clock.now();
    const monotonic = clock.monotonic();
    return () => {
      if (Math.max(clock.now() - wall, clock.monotonic() - monotonic) <= startWithin) return;
      throw api.failure(
        'CI_THROTTLED',
        'not started: what has to be asked before took longer than a minute',
        'Nothing is to be done: a later cycle starts it.',
      );
    };
  }

  async function byWorkflow(
    place: WorkflowPlace,
    image: ManagedEnrolment,
    inputs: RunInputs,
    mayStill: () => void,
  ): Promise<Dispatched> {
    const ref = image.source.branch ?? (await defaultBranch(place));
    if (ref === undefined) return { kind: 'missing' };
    const post = (details: boolean): Promise<ApiAnswer> =>
      requests.send(
        place,
        {
          method: 'POST',
          path: `${pathOf(place)}/actions/workflows/${place.workflow}/dispatches`,
          json: { ref, inputs, ...(details ? { return_run_details: true } : {}) },
        },
        mayStill,
      );
    // Another start may find out meanwhile.
    const asked = knowsDetails;
    let answer = await post(asked);
    // It refused the request as a whole, so nothing was created, and it may be asked again without the field.
    if (asked && isAboutDetails(answer)) {
      answer = await post(false);
      if (isAccepted(answer)) knowsDetails = false;
    }
    return dispatched(answer, 'Actions: write', ref);
  }

  async function byRepository(
    place: WorkflowPlace,
    image: ManagedEnrolment,
    inputs: RunInputs,
    mayStill: () => void,
  ): Promise<Dispatched> {
    const branch = await defaultBranch(place);
    if (branch === undefined) return { kind: 'missing' };
    if (image.source.branch !== undefined && image.source.branch !== branch) {
      throw api.failure(
        'CI_REFUSED',
        `repository_dispatch builds the default branch ${branch}, but ${image.name} has the branch ${image.source.branch}`,
        'Set providers.github.start to workflow_dispatch in factory.yaml, or leave source.branch out.',
      );
    }
    const answer = await requests.send(
      place,
      {
        method: 'POST',
        path: `${pathOf(place)}/dispatches`,
        json: { event_type: eventOf(place), client_payload: inputs },
      },
      mayStill,
    );
    return dispatched(answer, 'Contents: write', branch);
  }

  return async (place, image, inputs) => {
    const size = JSON.stringify(inputs).length;
    if (size > largestInputs) {
      throw api.failure(
        'CI_REFUSED',
        `the inputs of ${image.name} have ${size} characters, GitHub takes ${largestInputs}`,
        'Split the Dockerfile: it has too many bases to be pinned in one run.',
      );
    }
    const mayStill = fence();
    const start = settings.start === 'workflow_dispatch' ? byWorkflow : byRepository;
    return start(place, image, inputs, mayStill);
  };
}

/** The event of a workflow file is its name: `build-image.yml` listens to `build-image`. */
function eventOf({ workflow }: WorkflowPlace): string {
  return workflow.replace(/\.ya?ml$/, '').slice(0, 100);
}

function isAccepted({ status }: ApiAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Older servers answer 400 to a field that they do not know, some 422 that names it. */
function isAboutDetails({ status, text }: ApiAnswer): boolean {
  return status === 400 || (status === 422 && text.includes('return_run_details'));
}

function dispatched(answer: ApiAnswer, need: Need, ref: string): Dispatched {
  if (isAccepted(answer)) {
    const details = answer.status === 204 || answer.text === '' ? undefined : detailsOf(answer);
    return {
      kind: 'accepted',
      id: idAt(details, 'workflow_run_id'),
      url: linkAt(details, 'html_url'),
    };
  }
  if (answer.status === 404) return { kind: 'missing' };
  if (answer.status === 401 || answer.status === 403) return { kind: 'denied', answer, need };
  return { kind: 'refused', answer, ref };
}

/** Whatever it says, it was accepted: what cannot be read is looked for. */
function detailsOf(answer: ApiAnswer): unknown {
  try {
    return answer.json();
  } catch {
    return undefined;
  }
}
