/** Hosts of token services that stand apart from their registry. */
const wellKnown: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['auth.docker.io'],
};

/** Under these suffixes every name may belong to somebody else: being neighbours there proves nothing. */
const sharedSuffixes = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'appspot.com',
  'azure.com',
  'azurecr.io',
  'azurewebsites.net',
  'cloudapp.net',
  'cloudfront.net',
  'fly.dev',
  'github.io',
  'gitlab.io',
  'googleapis.com',
  'herokuapp.com',
  'netlify.app',
  'ngrok.io',
  'onrender.com',
  'pages.dev',
  'pkg.dev',
  'r2.dev',
  'run.app',
  'vercel.app',
  'web.app',
  'windows.net',
  'workers.dev',
];
const secondLevel = /^(?:ac|co|com|edu|gov|net|or|org|ne|go)\.[a-z]{2}$/;

/**
 * May the credentials of a registry be sent to this token service? Yes, if it is the registry's own host, the one
 * that is known for the registry, one that is configured, or a neighbour under the same registered domain
 * (`registry.example.com` and `gitlab.example.com/jwt/auth`) that is spoken to over TLS. Otherwise a registry could
 * send us with its credentials, or with those of somebody whose name it borrowed, to anywhere.
 */
export function mayHaveCredentials(
  registry: string,
  registryOrigin: URL,
  realm: URL,
  configured: readonly string[] = [],
): boolean {
  if (realm.host === registryOrigin.host)
    return realm.protocol === 'https:' || registryOrigin.protocol === 'http:';
  if (realm.protocol !== 'https:' && !configured.includes(realm.host)) return false;
  if (configured.includes(realm.host)) return true;
  if (Object.hasOwn(wellKnown, registry) && wellKnown[registry]?.includes(realm.host)) return true;
  if (realm.hostname === registryOrigin.hostname) return true;
  const shared = registeredDomain(registryOrigin.hostname);
  return shared !== undefined && shared === registeredDomain(realm.hostname);
}

/**
 * The part of a name that somebody registered: two labels, three under suffixes like `co.uk`. Undefined where no such
 * part can be told (addresses, single labels, hosting suffixes). Narrower than the public suffix list on purpose.
 */
function registeredDomain(host: string): string | undefined {
  if (/^[\d.]+$|:/.test(host)) return undefined;
  const labels = host.replace(/\.$/, '').split('.');
  const count = secondLevel.test(labels.slice(-2).join('.')) ? 3 : 2;
  if (labels.length < count) return undefined;
  if (sharedSuffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))) return undefined;
  return labels.slice(-count).join('.');
}
