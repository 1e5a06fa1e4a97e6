import type { Digest } from '../reference/types.ts';

/** Verification's word on a base digest; open until a verifier is configured. */
export interface Verifier {
  /** The reason why the digest must not be used, or undefined. */
  refusal(base: string, digest: Digest, signal?: AbortSignal): Promise<string | undefined>;
}

export interface CveProof {
  readonly id: string;
  readonly severity: 'critical';
  /** Found in the layers that the running image has from this base digest... */
  readonly presentIn: Digest;
  /** ...and absent from this newer one. */
  readonly absentFrom: Digest;
}

/** The scanner's proof that a newer base removes a critical CVE; open until a scanner is configured. */
export interface CveProver {
  prove(base: string, running: Digest, candidate: Digest, signal?: AbortSignal): Promise<readonly CveProof[]>;
}
