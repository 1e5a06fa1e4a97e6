import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { PlatformName } from '../reference/types.ts';
import type { Pin } from '../state/types.ts';

/** What a build is made of (brief 4.4): equal ingredients, equal key. */
export interface Ingredients {
  readonly image: ManagedEnrolment;
  /** Changes exactly when the Dockerfile or its context does. */
  readonly revision: string;
  readonly pins: readonly Pin[];
  readonly platforms: readonly PlatformName[];
  readonly requestId: string | undefined;
}

/** 32 hex digits: enough never to collide, short enough for a CI input and a Kubernetes label. */
export function buildKey(ingredients: Ingredients): string {
  const { image, revision, pins, platforms, requestId } = ingredients;
  const text = JSON.stringify([
    'v1',
    image.name,
    revision,
    image.source.target ?? null,
    Object.entries(image.source.buildArgs).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    pins.map((pin) => `${pin.reference}@${pin.digest}`).toSorted(),
    platforms.toSorted(),
    requestId ?? null,
  ]);
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, 32);
}

/** The daily slot of an image in milliseconds after midnight UTC, to the minute, spread evenly by its name. */
export function slotOfDay(name: string): number {
  const hash = sha256(utf8ToBytes(name));
  const number = ((hash[0] ?? 0) << 16) | ((hash[1] ?? 0) << 8) | (hash[2] ?? 0);
  return (number % 1440) * 60_000;
}
