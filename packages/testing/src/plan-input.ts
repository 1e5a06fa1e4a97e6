import { defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import type { Enrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import type { Facts, PlanInput } from '@image-factory/core/plan/types.ts';
import type { BaseRecord, ImageRecord, LedgerEntry } from '@image-factory/core/state/types.ts';
import { day, minute } from '@image-factory/core/time.ts';
import {
  amd64,
  baseRecord,
  dependency,
  digest,
  epoch,
  imageRecord,
  ledgerEntry,
  platformContent,
  rebuild,
  stateOf,
  type StateParts,
} from './records.ts';

/** Builders for what the plan is asked: bases with a history, images that contain some of it. Times are days since the epoch. */

export function days(count: number): number {
  return epoch + Math.round(count * day);
}

const noFacts: Facts = {
  sources: new Map(),
  gone: new Set(),
  proofs: new Map(),
  provenance: [],
  requests: new Map(),
};

export interface PlanParts extends StateParts {
  readonly enrolments: readonly Enrolment[];
  readonly facts?: Partial<Facts>;
  readonly settings?: { readonly [Part in 'timing' | 'limits' | 'waves']?: Partial<Settings[Part]> } & {
    readonly freezeWindows?: Settings['freezeWindows'];
  };
  /** Days since the epoch. */
  readonly at: number;
}

export function planInput({ enrolments, facts, settings = {}, at, ...state }: PlanParts): PlanInput {
  return {
    settings: {
      ...defaultSettings,
      timing: { ...defaultSettings.timing, ...settings.timing },
      limits: { ...defaultSettings.limits, ...settings.limits },
      waves: { ...defaultSettings.waves, ...settings.waves },
      freezeWindows: settings.freezeWindows ?? [],
    },
    images: enrolments,
    state: stateOf(state),
    facts: { ...noFacts, ...facts },
    now: days(at),
  };
}

type Push = readonly [at: number, name: string, more?: Partial<LedgerEntry>];

/** A base whose tag was pushed at these days; each digest stood until the next one and has one layer of its own name. */
export function baseWith(pushes: readonly Push[], more: Partial<BaseRecord> = {}): BaseRecord {
  const ledger = pushes.map(([at, name, extra], index): LedgerEntry => {
    const next = pushes[index + 1];
    const firstSeen = days(at);
    const gone = next
      ? { lastSeenAt: days(next[0]), replacedAt: days(next[0]), stood: days(next[0]) - firstSeen }
      : {};
    const before = index > 0 ? { previousLastSeenAt: firstSeen - minute } : {};
    return ledgerEntry({
      digest: digest(name),
      firstSeen,
      settledAt: firstSeen + 30 * minute,
      platforms: { [amd64]: platformContent([name]) },
      ...(index === 0 ? { baseline: true as const } : {}),
      ...before,
      ...gone,
      ...extra,
    });
  });
  return baseRecord({ ledger, ...more });
}

/** The tag `latest` of a managed image as a base of others. */
export function ownBase(image: string, pushes: readonly Push[], more: Partial<BaseRecord> = {}): BaseRecord {
  return baseWith(
    pushes.map(([at, name, extra]): Push => [at, name, { settledAt: days(at), ...extra }]),
    { registry: 'ghcr.io', repository: `acme/${image}`, tag: 'latest', ...more },
  );
}

/** What an image is built from: the base of its final stage first, then copied-from images. */
export function uses(bases: readonly BaseRecord[], more: Partial<ImageRecord> = {}): ImageRecord {
  return imageRecord({
    discoveryStatus: 'success',
    dockerfile: 'blob-1',
    baseImages: bases.map(({ name }) => name),
    dependencies: bases.map((base, index) =>
      dependency({
        base: base.name,
        reference: `${base.registry}/${base.repository}:${base.tag ?? 'latest'}`,
        kind: index === 0 ? 'from' : 'copy-from',
        final: index === 0,
      }),
    ),
    ...more,
  });
}

/** An image that we built with these digests (by name, one per base) on a day; the layers prove the first. */
export function builtOn(
  bases: readonly BaseRecord[],
  contains: readonly string[],
  at: number,
  more: Partial<ImageRecord> = {},
): ImageRecord {
  const record = uses(bases, more);
  const made = digest(`${record.name} on ${contains.join()}`);
  const pins = bases.map((base, index) => ({
    base: base.name,
    reference: `${base.registry}/${base.repository}:${base.tag ?? 'latest'}`,
    digest: digest(contains[index] ?? ''),
  }));
  return {
    ...record,
    currentDigest: made,
    content: {
      digest: made,
      firstSeen: days(at),
      platforms: { [amd64]: platformContent([contains[0] ?? '', record.name]) },
    },
    rebuilds: more.rebuilds ?? [
      rebuild({ key: `built ${contains.join()}`, startedAt: days(at), digest: made, pins }),
    ],
  };
}
