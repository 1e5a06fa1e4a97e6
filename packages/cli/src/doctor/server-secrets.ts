import { resolve } from 'node:path';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import type { SecretReference } from '@image-factory/core/enrolment/provider-settings.ts';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import type { Finding } from './finding.ts';

/**
 * The secrets that only `image-factory serve` reads: it starts without them, and would refuse everybody. Odd and not bad,
 * because it may run elsewhere.
 */
export async function serverSecrets(
  { settings }: FactoryConfig,
  options: GlobalOptions,
  io: Io,
): Promise<Finding[]> {
  const secrets = createSecretSource({ baseDir: resolve(io.cwd, options.dir), environment: io.env });
  const findings = await Promise.all(
    named(settings).map(async ({ key, reference, address }): Promise<Finding | undefined> => {
      if (!reference) return undefined;
      try {
        await secrets.read(reference, address);
        return { check: 'token', state: 'good', what: `${key} can be read` };
      } catch (thrown) {
        const what = `${key}: ${problemOf(thrown).message}`;
        const mend =
          'It has to be there where image-factory serve runs: who should use it is refused otherwise.';
        return { check: 'token', state: 'odd', what, mend };
      }
    }),
  );
  return findings.filter((finding) => finding !== undefined);
}

interface Named {
  readonly key: string;
  readonly reference: SecretReference | undefined;
  /** What git is asked for, where the reference says git. */
  readonly address: string;
}

function named({ server, providers }: FactoryConfig['settings']): Named[] {
  const { webhook, ...forges } = providers;
  return [
    { key: 'server.token', reference: server.token, address: '' },
    ...Object.entries(forges).map(([name, forge]) => ({
      key: `providers.${name}.callBack`,
      reference: forge?.callBack,
      address: forge?.url ?? '',
    })),
    {
      key: 'providers.webhook.callBack.sign.secret',
      reference: webhook?.callBack?.sign.secret,
      address: webhook?.start.url ?? '',
    },
  ];
}
