import type { SourceRequest } from '../state/types.ts';

export function isOpenRequest(
  request: SourceRequest | undefined,
): request is SourceRequest & { readonly ended?: never } {
  return request !== undefined && request.ended === undefined;
}

/** Does the request say exactly this? */
export function sameTargets({ digests }: SourceRequest, targets: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(targets);
  return (
    wanted.length === Object.keys(digests).length &&
    wanted.every(([base, target]) => digests[base] === target)
  );
}
