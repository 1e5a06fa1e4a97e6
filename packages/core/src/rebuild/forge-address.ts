import type { ProviderSettings } from '../enrolment/provider-settings.ts';
import type { Provider } from '../enrolment/types.ts';

/**
 * Where people and git find the repositories of a forge. GitHub keeps its API elsewhere: at `api.` of github.com and of the
 * hosts of Enterprise Cloud (`api.acme.ghe.com`), below `/api/v3` of an Enterprise Server.
 */
export function forgeAddress(provider: Provider, providers: ProviderSettings): string | undefined {
  if (provider === 'local' || provider === 'webhook') return undefined;
  if (provider !== 'github') return providers[provider]?.url;
  return providers.github.url
    .replace(/^https:\/\/api\.(github\.com|[\w-]+\.ghe\.com)$/, 'https://$1')
    .replace(/\/api\/v3$/, '');
}
