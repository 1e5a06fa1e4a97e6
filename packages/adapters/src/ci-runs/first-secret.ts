import type { SecretReference } from '@image-factory/core/enrolment/provider-settings.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { SecretSource } from '../secrets/secret-source.ts';

export interface FoundSecret {
  readonly text: string;
  readonly reference: SecretReference;
}

/** The secret that factory.yaml names; where it names none, the first of the usual variables that is set. */
export async function firstSecret(
  secrets: SecretSource,
  named: SecretReference | undefined,
  usual: readonly string[],
  address: string,
): Promise<FoundSecret> {
  if (named) return { text: await secrets.read(named, address), reference: named };
  for (const name of usual) {
    const reference: SecretReference = { kind: 'env', name };
    const text = await secrets.read(reference, address).catch(() => undefined);
    if (text !== undefined) return { text, reference };
  }
  throw new FactoryError({
    code: 'CREDENTIALS',
    message: `no token for ${address}: ${usual.join(' and ')} ${usual.length > 1 ? 'are' : 'is'} not set`,
    hint: 'Set it, or say in factory.yaml under providers where the token is.',
  });
}
