import type { Digest, PlatformName } from '../reference/types.ts';
import type {
  BaseRecord,
  Dependency,
  EvidenceStrength,
  ImageContent,
  ImageRecord,
  LedgerEntry,
} from '../state/types.ts';
import { provenByLayers } from './layers.ts';

/** What a provenance attestation says the build read; found and verified by an adapter. */
export interface ProvenanceFact {
  readonly image: string;
  /** Of the image that the attestation is about. */
  readonly subject: Digest;
  readonly base: string;
  readonly digest: Digest;
  readonly signed: boolean;
}

export interface Claim {
  readonly digest: Digest;
  readonly evidence: EvidenceStrength;
}

export interface Contained {
  /** Strongest first; empty: nothing is known. */
  readonly claims: readonly Claim[];
  /** The strongest claim. */
  readonly best: Claim | undefined;
  /** The strongest weaker claim that says something else. */
  readonly conflict: Claim | undefined;
  /** Layers can only prove the chain that the final image stands on. */
  readonly provable: boolean;
}

/**
 * Which digest of a base does the image contain? Evidence in the order of brief 4.3.2; config labels are never asked,
 * because a child inherits its base's.
 */
export function containedBase(
  image: ImageRecord,
  base: BaseRecord,
  uses: readonly Dependency[],
  provenance: readonly ProvenanceFact[],
): Contained {
  const provable = uses.some((use) => use.final && use.kind === 'from');
  const content = image.content;
  if (!content) return { claims: [], best: undefined, conflict: undefined, provable };

  const attested = provenance.filter(
    (fact) => fact.image === image.name && fact.base === base.name && fact.subject === content.digest,
  );
  const signed = attested.find((fact) => fact.signed);
  const unsigned = attested.find((fact) => !fact.signed);
  const built = image.rebuilds.findLast(
    (rebuild) => rebuild.digest === content.digest && rebuild.outcome === 'success',
  );
  const recorded = built?.pins.find((pin) => pin.base === base.name);
  const annotated = provable ? content.annotatedBase : undefined;

  // Layers cannot tell digests apart that differ in their config alone; there a weaker word decides.
  const matches = provable ? provenByLayers(content.platforms, base.ledger) : [];
  const words = [signed?.digest, recorded?.digest, unsigned?.digest, annotated?.digest];
  const layers = words.find((word) => word !== undefined && matches.includes(word)) ?? matches[0];

  const claims: Claim[] = [];
  if (signed) claims.push({ digest: signed.digest, evidence: 'signed-provenance' });
  if (layers) claims.push({ digest: layers, evidence: 'layers' });
  if (recorded) claims.push({ digest: recorded.digest, evidence: 'record' });
  if (unsigned) claims.push({ digest: unsigned.digest, evidence: 'provenance' });
  if (annotated) claims.push({ digest: annotated.digest, evidence: 'annotation' });

  const best = claims[0];
  const conflict =
    best && claims.find((claim) => !sameDigest(base.ledger, claim.digest, best.digest, content));
  return { claims, best, conflict, provable };
}

/** Equal digests, digests with equal content, or digests that hold the same manifests for the image's platforms. */
function sameDigest(ledger: readonly LedgerEntry[], a: Digest, b: Digest, content: ImageContent): boolean {
  if (a === b) return true;
  const left = ledger.find((entry) => entry.digest === a);
  const right = ledger.find((entry) => entry.digest === b);
  if (!left || !right) return false;
  if ((left.equalTo ?? left.digest) === (right.equalTo ?? right.digest)) return true;
  const names = Object.keys(content.platforms) as PlatformName[];
  return (
    names.length > 0 &&
    names.every((name) => {
      const ours = left.platforms?.[name]?.digest;
      return ours !== undefined && ours === right.platforms?.[name]?.digest;
    })
  );
}
