import type { GithubSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { parseInstant, minute, hour, type Instant } from '@image-factory/core/time.ts';
import { createAppAuth } from '@octokit/auth-app';
import type { Api } from '../ci-http/api.ts';
import { idAt, quoted, textAt } from '../ci-http/fields.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { pathOf, type WorkflowPlace } from './repository.ts';

/** Who we are at GitHub. */
export interface Access {
  /** For the header `authorization`. Throws CREDENTIALS or CI_DENIED. */
  authorization(place: WorkflowPlace): Promise<string>;
  /** The server refused what `authorization` gave: true if there may be a better one now. */
  renew(place: WorkflowPlace): boolean;
}

interface AccessOptions {
  readonly settings: GithubSettings;
  readonly api: Api;
  readonly secrets: SecretSource;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Installation tokens live for an hour; one that could end while it is on its way is not used. */
const renewBefore = 10 * minute;

export function createAccess(options: AccessOptions): Access {
  const { settings } = options;
  return settings.app ? byApp(options, settings.app) : byToken(options);
}

function byToken({ settings, api, secrets, environment }: AccessOptions): Access {
  const usual = usualVariables(settings.url).find((name) => environment[name]);
  const reference =
    settings.token ?? (usual === undefined ? undefined : { kind: 'env' as const, name: usual });
  return {
    async authorization() {
      if (reference) return `Bearer ${await secrets.read(reference, settings.url)}`;
      throw api.failure(
        'CREDENTIALS',
        'there is no token',
        `Set ${usualVariables(settings.url).join(' or ')}, or name the token's place in factory.yaml: providers.github.token.`,
      );
    },
    renew: () => false,
  };
}

/** As GitHub's own command line has it: the token of one server does not go to another. */
function usualVariables(url: string): readonly string[] {
  const { hostname } = new URL(url);
  const own = ['GITHUB_TOKEN', 'GH_TOKEN'];
  const isGithub = hostname === 'api.github.com' || hostname.endsWith('.ghe.com');
  return isGithub ? own : ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN', ...own];
}

interface InstallationToken {
  readonly token: string;
  readonly expiresAt: Instant;
}

/**
 * As a GitHub App. The library signs; tokens are kept here, because its cache is one for the whole process and goes by
 * the time of the machine, not by when GitHub says that a token ends.
 */
function byApp(
  { api, secrets, clock, settings }: AccessOptions,
  app: NonNullable<GithubSettings['app']>,
): Access {
  const installations = new Map<string, number | string>();
  const tokens = new Map<string, InstallationToken>();
  const asked = new Map<string, Promise<InstallationToken>>();

  async function asApp(): Promise<Readonly<Record<string, string>>> {
    const privateKey = await secrets.read(app.privateKey, settings.url);
    try {
      const { token } = await createAppAuth({ appId: app.id, privateKey })({ type: 'app' });
      return { ...commonHeaders, authorization: `Bearer ${token}` };
    } catch {
      // What the library says could quote the key.
      throw api.failure(
        'CREDENTIALS',
        'the private key of the App cannot be used',
        'Name the .pem file that GitHub gave for the App in providers.github.app.privateKey.',
      );
    }
  }

  async function installationOf(place: WorkflowPlace): Promise<string> {
    const id = app.installation ?? installations.get(place.owner);
    if (id !== undefined) return String(id);
    const answer = await api.send({
      method: 'GET',
      path: `${pathOf(place)}/installation`,
      headers: await asApp(),
    });
    const found = answer.status === 200 ? idAt(answer.json(), 'id') : undefined;
    if (found === undefined) {
      throw api.failure(
        'CI_DENIED',
        `the App ${app.id} is not installed on ${place.owner}/${place.name} (${answer.status})`,
        "Install it there (the App's settings, Install App), with Actions: read and write, and Contents and Metadata: read.",
      );
    }
    installations.set(place.owner, found);
    return found;
  }

  async function newToken(place: WorkflowPlace): Promise<InstallationToken> {
    const installation = await installationOf(place);
    const answer = await api.send({
      method: 'POST',
      path: `/app/installations/${installation}/access_tokens`,
      headers: await asApp(),
    });
    const said = answer.status === 201 ? answer.json() : undefined;
    const token = textAt(said, 'token');
    if (token === undefined) {
      throw api.failure(
        'CI_DENIED',
        `no token for installation ${installation} of App ${app.id}: ${answer.status} ${quoted(answer.text)}`,
        'Check app.id, app.installation and app.privateKey in factory.yaml, and that the App is not suspended.',
      );
    }
    const expiresAt = parseInstant(textAt(said, 'expires_at') ?? '') ?? clock.now() + hour;
    return { token, expiresAt };
  }

  return {
    async authorization(place) {
      const known = tokens.get(place.owner);
      if (known && known.expiresAt - renewBefore > clock.now()) return `Bearer ${known.token}`;
      const request = asked.get(place.owner) ?? newToken(place).finally(() => void asked.delete(place.owner));
      asked.set(place.owner, request);
      const fresh = await request;
      tokens.set(place.owner, fresh);
      return `Bearer ${fresh.token}`;
    },
    renew(place) {
      return tokens.delete(place.owner);
    },
  };
}

/** The version that every server since 2022 knows. */
export const commonHeaders: Readonly<Record<string, string>> = {
  accept: 'application/vnd.github+json',
  'x-github-api-version': '2022-11-28',
};
