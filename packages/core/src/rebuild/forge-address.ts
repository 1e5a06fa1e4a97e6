import type { ProviderSettings } from '../enrolment/provider-settings.ts';
import type { Provider } from '../enrolment/types.ts';

/** Where people and git find the repositories of a forge; GitHub keeps its API elsewhere. */
export function forgeAddress(provider: Provider, providers: ProviderSettings): string | undefined {
  if (provider === 'local' || provider === 'webhook') return undefined;
  if (provider !== 'github') return providers[provider]?.url;
  const { url } = providers.github;
  return url === 'https://api.github.com' ? 'https://github.com' : url.replace(/\/api\/v3$/, '');
}
