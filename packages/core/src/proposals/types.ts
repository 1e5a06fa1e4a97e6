import type { Reason } from '../plan/types.ts';
import type { Instant } from '../time.ts';

/** One reference of a Dockerfile that shall read otherwise. */
export interface PinMove {
  /** Name of the base record. */
  readonly base: string;
  /** Normalised, as the Dockerfile means it now: `docker.io/library/node:22@sha256:...`. */
  readonly written: string;
  /** The same as it shall mean. */
  readonly moved: string;
}

/**
 * propose: a request with these moves is to be open now. keep: one is open, and is left as it is. wait: there will be
 * one. blocked and report: as of rebuilds. none: there is nothing to propose, and a request that is open is moot.
 */
export type ProposalAction = 'propose' | 'keep' | 'wait' | 'blocked' | 'report' | 'none';

/** What an image in pull-request mode is to propose to its source now, and why. */
export interface Proposal {
  readonly image: string;
  readonly action: ProposalAction;
  /** The branch that its request comes from: one of the image's own, or that of its group. */
  readonly branch: string;
  /** It shares the request with the images of this group. */
  readonly group?: string;
  /** When it will be proposed, where that is known. */
  readonly at?: Instant;
  readonly emergency?: true;
  readonly due: readonly Reason[];
  readonly notes: readonly Reason[];
  readonly moves: readonly PinMove[];
}

/** What a reference says behind the repository where that is what moves: a digest, or a tag with or without one. */
export function targetOf({ written, moved }: PinMove): string {
  const at = moved.indexOf('@');
  const digest = at < 0 ? '' : moved.slice(at + 1);
  const plain = at < 0 ? moved : moved.slice(0, at);
  const before = written.indexOf('@') < 0 ? written : written.slice(0, written.indexOf('@'));
  if (plain === before) return digest;
  const tag = plain.slice(plain.lastIndexOf(':') + 1);
  return digest === '' ? tag : `${tag}@${digest}`;
}

/** By base name, as the state keeps it. */
export function targetsOf(moves: readonly PinMove[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    moves
      .map((move): [string, string] => [move.base, targetOf(move)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
