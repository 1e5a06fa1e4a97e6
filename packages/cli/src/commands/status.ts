import type { ImageRecord } from '@image-factory/core/state/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { namesIn, unknownName } from '../names.ts';
import { readState } from '../read-state.ts';
import type { Style } from '../render/style.ts';
import { table } from '../render/table.ts';

/** From the recorded state alone: fast, and right as of the last cycle. */
export async function status(options: GlobalOptions, io: Io, args: readonly string[]): Promise<Answer> {
  const { state, problems } = await readState(options, io);
  const images = [...state.images.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const name = args[0];
  if (name !== undefined) {
    const image = state.images.get(name);
    if (image) return { value: image, text: (style) => one(image, style), problems };
    // Images alone are told of fast: what gates are made of is loaded where it is asked for.
    const { findBase, statusOfBase } = await import('./status-base.ts');
    const base = findBase(state, name);
    if (!base) throw new FactoryError(unknownName(name, namesIn(state)));
    const answer = await statusOfBase(options.dir, state, base, io.now());
    return { ...answer, problems: [...problems, ...(answer.problems ?? [])] };
  }
  const value = images.map((image) => summary(image, state.intents.has(image.name), io.now()));
  const rows = (style: Style): string[][] =>
    value.map((image) => [
      image.name,
      image.state,
      image.digest?.slice(0, 19) ?? '',
      image.lastBuilt === undefined ? '' : style.when(image.lastBuilt),
      image.baseImages.join(', '),
    ]);
  return {
    value: { images: value },
    text: (style) => table(['image', 'state', 'digest', 'built', 'bases'], rows(style), style),
    problems,
  };
}

function summary(image: ImageRecord, running: boolean, now: number) {
  const last = image.rebuilds.at(-1);
  const failing =
    last &&
    last.outcome !== 'success' &&
    last.outcome !== 'superseded' &&
    last.endedAt > (image.clearedAt ?? 0);
  const words: string[] = [];
  if (image.discoveryStatus !== 'success') words.push(image.discoveryStatus);
  if (image.hold && (image.hold.until === undefined || image.hold.until > now)) words.push('held');
  if (running) words.push('running');
  if (image.pullRequest && !image.pullRequest.ended) words.push('request open');
  if (failing) words.push(last.outcome);
  return {
    name: image.name,
    state: words.join(', ') || (image.content ? 'built' : 'never built'),
    digest: image.currentDigest,
    version: image.currentVersion,
    lastBuilt: image.lastBuilt,
    baseImages: image.baseImages,
    hold: image.hold,
  };
}

function one(image: ImageRecord, style: Style): string {
  const lines = [style.bold(image.name), `  digest     ${image.currentDigest ?? 'none'}`];
  if (image.currentVersion !== undefined) lines.push(`  version    ${image.currentVersion}`);
  lines.push(
    `  discovery  ${image.discoveryStatus}${image.discoveryError === undefined ? '' : `: ${image.discoveryError}`}`,
  );
  if (image.hold) lines.push(`  hold       ${image.hold.reason}`);
  const { versionFile } = image;
  if (versionFile) lines.push(`  written    ${versionFile.version} in ${versionFile.path}`);
  for (const request of [image.pullRequest, image.versionRequest])
    if (request)
      lines.push(`  request    ${request.ended?.outcome ?? 'open'} ${request.url ?? request.branch}`);
  if (image.approved) lines.push(`  approved   ${image.approved.tag} @ ${image.approved.digest}`);
  if (image.dependencies.length > 0) lines.push('', style.dim('built from'));
  for (const dependency of image.dependencies) {
    const built = dependency.base === undefined ? undefined : image.builtFrom[dependency.base];
    const proof = built ? `${built.digest.slice(0, 19)} (${built.evidence})` : 'not known';
    lines.push(
      `  ${dependency.reference} [${dependency.kind} in ${dependency.stage}, ${dependency.platform}]: ${proof}`,
    );
  }
  if (image.rebuilds.length > 0) lines.push('', style.dim('last rebuilds'));
  for (const rebuild of image.rebuilds.slice(-5).toReversed()) {
    lines.push(
      `  ${style.when(rebuild.endedAt).padEnd(12)} ${rebuild.outcome.padEnd(10)} ${rebuild.reason} ${rebuild.digest ?? rebuild.error ?? ''}`,
    );
  }
  return lines.join('\n') + '\n';
}
