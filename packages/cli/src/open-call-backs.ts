import { resolve } from 'node:path';
import { createGiteaCallBacks } from '@image-factory/adapters/gitea/call-back.ts';
import { createGithubCallBacks } from '@image-factory/adapters/github/call-back.ts';
import { createGitlabCallBacks } from '@image-factory/adapters/gitlab/call-back.ts';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import { createWebhookCallBacks } from '@image-factory/adapters/webhook/call-back.ts';
import type { ProviderSettings, SecretReference } from '@image-factory/core/enrolment/provider-settings.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import type { Io } from './io.ts';

/** Reads the call-backs of the providers that factory.yaml has a secret for; undefined for every other one. */
export function openCallBacks(
  dir: string,
  settings: () => ProviderSettings,
  io: Io,
): (provider: Provider) => CallBackReader | undefined {
  const secrets = createSecretSource({ baseDir: resolve(io.cwd, dir), environment: io.env });
  return (provider) => {
    const { github, gitlab, webhook, ...others } = settings();
    const read = (reference: SecretReference, url: string) => () => secrets.read(reference, url);
    switch (provider) {
      case 'github':
        return github.callBack && createGithubCallBacks({ secret: read(github.callBack, github.url) });
      case 'gitlab':
        return gitlab.callBack && createGitlabCallBacks({ secret: read(gitlab.callBack, gitlab.url) });
      case 'gitea':
      case 'forgejo': {
        const forge = others[provider];
        return forge?.callBack && createGiteaCallBacks({ provider, secret: read(forge.callBack, forge.url) });
      }
      case 'webhook': {
        if (!webhook?.callBack) return undefined;
        const { callBack, run, start } = webhook;
        return createWebhookCallBacks({
          settings: callBack,
          run,
          secret: read(callBack.sign.secret, start.url),
        });
      }
      case 'local':
        return undefined;
    }
  };
}
