import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { PlatformName } from '../reference/types.ts';
import type { ImageRecord, Pin, Rebuild } from '../state/types.ts';

/** What a build is made of (brief 4.4): equal ingredients, equal key. */
export interface Ingredients {
  readonly image: ManagedEnrolment;
  /** Changes exactly when the Dockerfile or its context does. */
  readonly revision: string;
  readonly pins: readonly Pin[];
  readonly platforms: readonly PlatformName[];
  readonly requestId: string | undefined;
  /** Key of the build, or digest of the image, that this build takes back; see {@link keyFor}. */
  readonly takesBack?: string;
}

/** 32 hex digits: enough never to collide, short enough for a CI input and a Kubernetes label. */
export function buildKey(ingredients: Ingredients): string {
  const { image, revision, pins, platforms, requestId, takesBack } = ingredients;
  const text = JSON.stringify([
    'v1',
    image.name,
    revision,
    image.source.target ?? null,
    Object.entries(image.source.buildArgs).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    pins.map((pin) => `${pin.reference}@${pin.digest}`).toSorted(),
    platforms.toSorted(),
    requestId ?? null,
    ...(takesBack === undefined ? [] : [takesBack]),
  ]);
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, 32);
}

/**
 * The key to build under now, and whether its build has succeeded already. A base that goes from A to B and back to A
 * asks for a build whose ingredients have been built before, while another one stands in its place: such a build names
 * what it takes back, so that it is a new key and every key still has one success at most.
 */
export function keyFor(
  record: ImageRecord,
  ingredients: Ingredients,
): { readonly key: string; readonly built: boolean } {
  let key = buildKey(ingredients);
  let success: Rebuild | undefined;
  for (const rebuild of record.rebuilds) {
    if (rebuild.outcome !== 'success') continue;
    if (rebuild.key === key) success = rebuild;
    else if (success) {
      key = buildKey({ ...ingredients, takesBack: rebuild.key });
      success = undefined;
    }
  }
  const present = record.content?.digest;
  if (success?.digest !== undefined && present !== undefined && success.digest !== present) {
    return { key: buildKey({ ...ingredients, takesBack: present }), built: false };
  }
  return { key, built: success !== undefined };
}

/** The daily slot of an image in milliseconds after midnight UTC, to the minute, spread evenly by its name. */
export function slotOfDay(name: string): number {
  const hash = sha256(utf8ToBytes(name));
  const number = ((hash[0] ?? 0) << 16) | ((hash[1] ?? 0) << 8) | (hash[2] ?? 0);
  return (number % 1440) * 60_000;
}
