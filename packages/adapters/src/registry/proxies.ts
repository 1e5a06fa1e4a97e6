import { Buffer } from 'node:buffer';
import { BlockList, isIP } from 'node:net';
import { FactoryError } from '@image-factory/core/problem.ts';

/** The proxy of an organisation, as the environment names it. */
export interface Proxy {
  /** Without the credentials that may have been written in it; fit for messages. */
  readonly url: URL;
  /** For `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

/** Which requests go through which proxy; undefined: straight. */
export type ProxyFor = (url: URL) => Proxy | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; where a name is there in small letters too, those count, as in curl.
 * `NO_PROXY` has hosts (with all below them), addresses, networks (`10.0.0.0/8`), each with a port or without, or `*`.
 * This machine is never asked through a proxy. Throws a FactoryError for what is no proxy URL.
 */
export function proxiesFrom(environment: Environment): ProxyFor {
  const value = (name: string): string => (environment[name.toLowerCase()] ?? environment[name] ?? '').trim();
  const http = proxyFrom('HTTP_PROXY', value('HTTP_PROXY'));
  const https = proxyFrom('HTTPS_PROXY', value('HTTPS_PROXY'));
  const exceptions = value('NO_PROXY')
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(exceptionFrom);
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http;
    const host = plainHost(url.hostname);
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    if (!proxy || isThisMachine(host) || exceptions.some((excepts) => excepts(host, port))) return undefined;
    return proxy;
  };
}

function proxyFrom(name: string, text: string): Proxy | undefined {
  if (text === '') return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const credentials = url ? credentialsIn(url) : undefined;
  if (
    !url ||
    credentials === undefined ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.hostname === ''
  ) {
    throw new FactoryError({
      code: 'CONFIG_INVALID_VALUE',
      message: `the environment variable ${name} (or ${name.toLowerCase()}) holds no address of an HTTP proxy`,
      hint: 'Write it as http://host:port or http://user:password@host:port, or leave it out.',
    });
  }
  const authorization =
    credentials === '' ? undefined : `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
  return { url: new URL(url.origin), authorization };
}

/** Empty where there are none, undefined where they cannot be read. */
function credentialsIn({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function isThisMachine(host: string): boolean {
  return /^(?:localhost|.*\.localhost|::1|127(?:\.\d+){3})$/.test(host);
}

type Exception = (host: string, port: string) => boolean;

function exceptionFrom(entry: string): Exception {
  if (entry === '*') return () => true;
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry);
  if (network) return inNetwork(network[1] ?? '', Number(network[2]));
  // A bare IPv6 address is full of colons; with a port it stands in brackets.
  const [, name = entry, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  const host = plainHost(name).replace(/^\*?\./, '');
  return (asked, at) =>
    (port === undefined || port === at) &&
    (asked === host || (isIP(asked) === 0 && asked.endsWith(`.${host}`)));
}

function inNetwork(address: string, prefix: number): Exception {
  const version = isIP(address);
  if (version === 0 || prefix > (version === 4 ? 32 : 128)) return () => false;
  const network = new BlockList();
  network.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
  return (host) => isIP(host) === version && network.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
