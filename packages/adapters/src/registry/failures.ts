import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { formatDuration, type Duration } from '@image-factory/core/time.ts';

/** A refusal for now: the registry may be asked again after `delay`, if that is known. */
export class Throttled extends FactoryError {
  readonly detail: string;
  readonly delay: Duration | undefined;

  constructor(registry: string, detail: string, delay: Duration | undefined) {
    const when =
      delay === undefined ? '' : `; it may be asked again in ${formatDuration(Math.max(1000, delay))}`;
    super({
      code: 'REGISTRY_THROTTLED',
      message: `${registry}: ${detail}${when}`,
      hint: 'Nothing to do: it is asked again later. Log in for a larger quota, or lower requestsPerSecond of this registry in factory.yaml.',
    });
    this.detail = detail;
    this.delay = delay;
  }
}

const hints = {
  REGISTRY_UNREACHABLE:
    'Check the network and the name of the registry; `image-factory doctor` tries the connection.',
  REGISTRY_DENIED: 'Check the repository name and the credentials for this registry (docker login).',
  REGISTRY_NOT_FOUND: 'Check the repository and the tag.',
  REGISTRY_INVALID:
    'Something that is not an OCI registry answered: check the registry name, and proxies on the way.',
  REGISTRY_DIGEST_MISMATCH:
    "The content was changed on the way or in the registry: do not use it, and tell the registry's owner.",
  REGISTRY_BLOCKED:
    'If the address is meant, set allowPrivateAddresses (or insecure, for plain HTTP) for this registry in factory.yaml.',
  REGISTRY_TOO_LARGE: 'No image manifest or configuration is that large: check what the registry serves.',
} as const satisfies Partial<Record<ProblemCode, string>>;

/** A failure at a registry, named first in the message. `detail` must not hold a credential. */
export function registryFailure(
  code: keyof typeof hints,
  registry: string,
  detail: string,
  options?: { readonly cause?: unknown; readonly hint?: string },
): FactoryError {
  return new FactoryError(
    { code, message: `${registry}: ${detail}`, hint: options?.hint ?? hints[code] },
    options && 'cause' in options ? { cause: options.cause } : undefined,
  );
}

export function hasCode(thrown: unknown, code: ProblemCode): thrown is FactoryError {
  return thrown instanceof FactoryError && thrown.problem.code === code;
}

/** An address without query and user information: both may be credentials. */
export function plainAddress(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 200);
}

/** Longest quotation of a stranger's words in a message. */
const longestQuote = 160;

/**
 * What the registry says in its error body, as one clean line: codes and messages of the specification's form,
 * nothing of other bodies. Secrets that we sent are masked, should it echo them.
 */
export function quoteErrors(body: Uint8Array, secrets: readonly string[]): string {
  let errors: unknown;
  try {
    errors = (JSON.parse(Buffer.from(body).toString('utf8')) as { errors?: unknown } | null)?.errors;
  } catch {
    return '';
  }
  if (!Array.isArray(errors)) return '';
  const parts = errors
    .slice(0, 3)
    .map((error: { code?: unknown; message?: unknown } | null) =>
      [error?.code, error?.message].filter((part) => typeof part === 'string').join(': '),
    );
  let text = parts.filter(Boolean).join('; ');
  for (const secret of secrets) if (secret.length >= 4) text = text.replaceAll(secret, '***');
  const clean = text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]+/gu, ' ').trim();
  return clean.length > longestQuote ? `${clean.slice(0, longestQuote)}...` : clean;
}
