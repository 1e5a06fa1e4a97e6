import type { CredentialSource } from '@image-factory/core/ports/credentials.ts';

/** No credentials for anybody. */
export const anonymous: CredentialSource = { find: () => Promise.resolve([]) };
