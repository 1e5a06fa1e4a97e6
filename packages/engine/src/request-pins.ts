import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { FileFault } from '@image-factory/core/ports/proposals.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { describeGroup } from '@image-factory/core/proposals/describe-group.ts';
import { describeRequest } from '@image-factory/core/proposals/describe-request.ts';
import { moveSharedPins } from '@image-factory/core/proposals/move-shared-pins.ts';
import { proposalsOf } from '@image-factory/core/proposals/proposals.ts';
import { pinsBranch, repositoryOf } from '@image-factory/core/proposals/request-place.ts';
import { isOpenRequest, sameTargets } from '@image-factory/core/proposals/request-record.ts';
import { targetsOf, type PinMove, type Proposal } from '@image-factory/core/proposals/types.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Result } from '@image-factory/core/result.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import { platformsFor } from './discover.ts';
import { enrolmentOfRecord } from './enrolment-of-record.ts';
import type { Change, Edited, Leaving, Part, Unit } from './request-steps.ts';

/** What images in pull-request mode are to propose, on this state. */
export function proposalsOn(run: CycleRun, state: FactoryState): readonly Proposal[] {
  const { settings, images, sources, gone, proofs, requests, now } = run;
  return proposalsOf({
    settings,
    images,
    state,
    facts: { sources, gone, proofs, provenance: [], requests },
    now,
  });
}

interface Gathered {
  readonly branch: string;
  readonly staying: { readonly proposal: Proposal; readonly image: ManagedEnrolment }[];
  readonly leaving: (Leaving & { readonly image: ManagedEnrolment })[];
  /** An image of it is not looked at in this cycle: nobody knows what it would propose. */
  unknown: boolean;
}

/** The requests for pins that are to be opened, changed, looked at or closed. */
export function pinUnits(run: CycleRun, proposals: readonly Proposal[]): readonly Unit[] {
  const gathered = new Map<string, Gathered>();
  const unitAt = (image: ManagedEnrolment, branch: string): Gathered => {
    const key = `${repositoryOf(image.source, run.settings.providers)} ${branch}`;
    const unit = gathered.get(key) ?? { branch, staying: [], leaving: [], unknown: false };
    gathered.set(key, unit);
    return unit;
  };
  const stays = new Map<string, string>();
  for (const proposal of proposals) {
    const image = run.managed.get(proposal.image);
    if (!image || (proposal.action !== 'propose' && proposal.action !== 'keep')) continue;
    stays.set(image.name, proposal.branch);
    unitAt(image, proposal.branch).staying.push({ proposal, image });
  }
  for (const record of run.records.state.images.values()) {
    const { name, pullRequest: request } = record;
    if (!isOpenRequest(request) || stays.get(name) === request.branch) continue;
    const enrolled = run.enrolled.get(name);
    const image = enrolled ?? enrolmentOfRecord(record);
    if (!image) continue;
    const unit = unitAt(image, request.branch);
    if (enrolled && !run.managed.has(name)) unit.unknown = true;
    const moves = enrolled?.mode === 'pull-request' && pinsBranch(enrolled) !== request.branch;
    unit.leaving.push({ name, request, moves, image });
  }
  return [...gathered.values()].flatMap((unit) => unitOf(run, unit));
}

function unitOf(run: CycleRun, { branch, staying, leaving, unknown }: Gathered): Unit[] {
  if (unknown) return [];
  const { state } = run.records;
  const isWanted = staying.some(({ proposal }) => proposal.action === 'propose');
  if (!isWanted && staying.length > 0) {
    // Nobody has news. What is there changes only where an image leaves it, and the others can stay as they are.
    const isKept = staying.every(({ proposal: { image, moves } }) => {
      const request = state.images.get(image)?.pullRequest;
      return request !== undefined && sameTargets(request, targetsOf(moves));
    });
    if (leaving.length === 0 || !isKept) return [];
  }
  const images = [...staying, ...leaving]
    .map(({ image }) => image)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const speaker = images.find(({ source }) => run.deps.proposals?.requestsFor(source.provider));
  const requests = speaker && run.deps.proposals?.requestsFor(speaker.source.provider);
  if (!speaker || !requests) {
    if (isWanted) run.problems.push(...staying.map(({ image }) => nobodyOpens(image)));
    return [];
  }
  const proposals = new Map(staying.map(({ proposal }) => [proposal.image, proposal]));
  const parts = staying.flatMap(({ image, proposal }): Part[] => {
    const record = state.images.get(image.name);
    const { dockerfile: file } = image.source;
    return record
      ? [{ image, record, targets: targetsOf(proposal.moves), file, madeOn: record.dockerfile }]
      : [];
  });
  const why = whyMoot(run, leaving);
  const change = pinChange(run, proposals, parts);
  return [{ field: 'pullRequest', branch, speaker, requests, parts, leaving, change, why }];
}

/** What stands in the way of requests for an image whose provider knows none. */
function nobodyOpens({ name, source }: ManagedEnrolment): Problem {
  return {
    code: 'BUILDER_MISSING',
    message: `nothing here can open requests at provider ${source.provider}`,
    hint: 'Set source.provider and its settings under providers in factory.yaml, or mode: dispatch.',
    subject: { kind: 'image', name },
  };
}

function whyMoot(run: CycleRun, leaving: readonly Leaving[]): string {
  if (leaving.length > 0 && leaving.every(({ moves }) => moves))
    return leaving.length > 1
      ? 'The images go on in other requests now (`pullRequestGroup`).'
      : 'The image goes on in another request now (`pullRequestGroup`).';
  if (leaving.every(({ name }) => !run.enrolled.has(name)))
    return leaving.length > 1
      ? 'The images are enrolled no more, so nobody keeps this up to date.'
      : 'The image is enrolled no more, so nobody keeps this up to date.';
  if (leaving.every(({ name }) => run.enrolled.get(name)?.mode !== 'pull-request'))
    return leaving.length > 1
      ? 'The images are rebuilt without requests now (`mode: dispatch`).'
      : 'The image is rebuilt without requests now (`mode: dispatch`).';
  return 'There is nothing left to propose: the pins have been moved, or what was proposed here may not be used any more.';
}

function pinChange(run: CycleRun, proposals: ReadonlyMap<string, Proposal>, parts: readonly Part[]): Change {
  const movesOf = (name: string): readonly PinMove[] => proposals.get(name)?.moves ?? [];
  return {
    isServed: () =>
      allServed(
        run,
        parts.flatMap(({ image }) => movesOf(image.name)),
      ),
    edit: (files) => editedPins(parts, files, movesOf),
    words: (able) => {
      const members = able.flatMap(({ image }) => {
        const proposal = proposals.get(image.name);
        return proposal ? [{ image, due: proposal.due, moves: proposal.moves, group: proposal.group }] : [];
      });
      const [first] = members;
      const { state } = run.records;
      if (first && first.group === undefined) return describeRequest(first.image, first, state);
      return describeGroup(first?.group ?? '', members, state);
    },
  };
}

/** Each Dockerfile once, with what all of its images want of it. */
function editedPins(
  parts: readonly Part[],
  files: ReadonlyMap<string, Result<string, FileFault>>,
  movesOf: (name: string) => readonly PinMove[],
): Edited {
  const texts = new Map<string, string>();
  const refused = new Map<string, Problem>();
  for (const [file, sharing] of Map.groupBy(parts, (part) => part.file)) {
    const read = files.get(file);
    if (!read?.ok) {
      for (const { image } of sharing) refused.set(image.name, unreadable(image, read?.error));
      continue;
    }
    const asked = sharing.map(({ image, record }) => ({
      image: image.name,
      moves: movesOf(image.name),
      options: {
        buildArgs: new Map(Object.entries(image.source.buildArgs)),
        platforms: platformsFor(image, record),
        ...(image.source.target === undefined ? {} : { target: image.source.target }),
      },
    }));
    const done = moveSharedPins(read.value, asked);
    if (done.text !== undefined) texts.set(file, done.text);
    for (const { image } of sharing) {
      const why = done.refused.get(image.name);
      if (why !== undefined) refused.set(image.name, impossible(image, why));
    }
  }
  return { texts, refused, done: new Map() };
}

function unreadable({ name, source }: ManagedEnrolment, fault: FileFault | undefined): Problem {
  const isMissing = fault?.kind === 'missing';
  return {
    code: isMissing ? 'DOCKERFILE_MISSING' : 'REQUEST_IMPOSSIBLE',
    message: fault?.message ?? `"${source.dockerfile}" was not read`,
    hint: isMissing ? 'Check source.dockerfile.' : 'Set source.dockerfile to a regular file in UTF-8.',
    subject: { kind: 'image', name },
  };
}

function impossible({ name, source }: ManagedEnrolment, why: string): Problem {
  return {
    code: 'REQUEST_IMPOSSIBLE',
    message: `the pins in ${source.dockerfile} cannot be moved: ${why}`,
    hint: 'Write the whole digest in the FROM, or in the default of one ARG that it is made of.',
    subject: { kind: 'image', name },
    place: { file: source.dockerfile },
  };
}

/** Are the digests still there (brief 4.3.1)? One that is gone is no candidate in the next cycle. */
async function allServed(run: CycleRun, moves: readonly PinMove[]): Promise<boolean> {
  for (const { base, moved } of moves) {
    const record = run.records.state.bases.get(base);
    const at = moved.indexOf('@');
    const name = `${base}@${moved.slice(at + 1)}`;
    if (!record || at < 0) continue;
    if (!run.asked.has(name)) {
      const reference = { domain: record.registry, path: record.repository };
      const isServed = await run.deps.registry.serves(reference, moved.slice(at + 1) as Digest, run.signal);
      run.asked.add(name);
      if (!isServed) run.gone.add(name);
    }
    if (run.gone.has(name)) return false;
  }
  return true;
}
