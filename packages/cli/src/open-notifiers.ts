import { resolve } from 'node:path';
import type { SecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import type { Channel, IssueChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { Notifier, Notifiers } from '@image-factory/core/ports/notifier.ts';
import type { Io } from './io.ts';
import { clockOf } from './system-clock.ts';

export interface OpenNotifiers extends Notifiers {
  close(): Promise<void>;
}

/** The channels of factory.yaml; each is loaded when it has something to tell. */
export function openNotifiers(dir: string, settings: () => Settings, io: Io): OpenNotifiers {
  const baseDir = resolve(io.cwd, dir);
  const closers: (() => Promise<void>)[] = [];

  async function openChannel(channel: Channel): Promise<Notifier> {
    const { createSecretSource } = await import('@image-factory/adapters/secrets/secret-source.ts');
    const secrets = createSecretSource({ baseDir, environment: io.env });
    switch (channel.kind) {
      case 'slack': {
        const { createSlackNotifier } = await import('@image-factory/adapters/notify/slack.ts');
        return createSlackNotifier(channel, { secrets });
      }
      case 'webhook': {
        const { createWebhookNotifier } = await import('@image-factory/adapters/notify/webhook.ts');
        return createWebhookNotifier(channel, { secrets });
      }
      case 'email': {
        const { createEmailNotifier } = await import('@image-factory/adapters/notify/email.ts');
        return createEmailNotifier(channel, { secrets });
      }
      case 'issue':
        return openIssues(channel, secrets);
    }
  }

  async function openIssues(channel: IssueChannel, secrets: SecretSource): Promise<Notifier> {
    const [{ createApi }, { createIssueNotifier }, { createIssueTracker }] = await Promise.all([
      import('@image-factory/adapters/ci-http/api.ts'),
      import('@image-factory/adapters/notify/issue.ts'),
      import('@image-factory/adapters/notify/issue-tracker.ts'),
    ]);
    const { provider, repo, labels, token } = channel;
    const { github, gitlab } = settings().providers;
    const { url, ca } = provider === 'github' ? github : gitlab;
    const clock = clockOf(io);
    const api = createApi({ provider, url, ca: ca === undefined ? undefined : resolve(baseDir, ca), clock });
    closers.push(() => api.close());
    const tracker = { provider, repo, labels, api };
    if (provider === 'gitlab') {
      const { credentialsOf } = await import('@image-factory/adapters/gitlab/credentials.ts');
      const access = { ...gitlab, triggerToken: undefined, token: token ?? gitlab.token };
      const headers = async () => (await credentialsOf(access, secrets)).headers;
      return createIssueNotifier(channel, createIssueTracker({ ...tracker, headers }));
    }
    const { createAccess } = await import('@image-factory/adapters/github/access.ts');
    const own = token ? { ...github, token, app: undefined } : github;
    const access = createAccess({ settings: own, api, secrets, clock, environment: io.env });
    const [owner = '', name = ''] = repo.split('/');
    const headers = async () => ({
      authorization: await access.authorization({ owner, name, workflow: '' }),
    });
    return createIssueNotifier(channel, createIssueTracker({ ...tracker, headers }));
  }

  return {
    async open(name) {
      const channel = settings().notifications.find((each) => each.name === name);
      return channel && openChannel(channel);
    },
    async close() {
      for (const close of closers.splice(0)) await close();
    },
  };
}
