import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressKind } from './addresses.ts';

/**
 * Which addresses a connection may lead to. `public`: where the registry points us (redirects, token realms).
 * `network`: the registry itself, which may well be a private one, but is never a metadata service.
 * `any`: configured so.
 */
export type Reach = 'public' | 'network' | 'any';

/** The connection was refused by us, not by the other side. */
export class UnreachableByRule extends Error {
  constructor(host: string, address: string) {
    super(
      host === address
        ? `${host} is not a public address`
        : `${host} leads to ${address}, not a public address`,
    );
    this.name = 'UnreachableByRule';
  }
}

/** May this host, if it is an address, be contacted? Names are judged when they have been resolved. */
export function mayReach(reach: Reach, host: string): boolean {
  const kind = addressKind(host);
  if (kind === undefined || reach === 'any') return true;
  return reach === 'network' ? kind !== 'link-local' : kind === 'public';
}

/** Resolves a name to all its addresses; as node:dns does it. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

const systemResolve: Resolve = (hostname, callback) =>
  systemLookup(hostname, { all: true, order: 'verbatim' }, callback);

/**
 * The look-up of a connection being made. It judges the very addresses that are then connected to, so a name that
 * resolves differently the second time gains nothing. One bad address among several is enough to refuse.
 */
export function guardedLookup(reach: Reach, resolve: Resolve = systemResolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      const first = addresses?.[0];
      if (error || !first) {
        callback(error ?? new Error(`${hostname} has no address`), '', 0);
        return;
      }
      const refused = addresses.find(({ address }) => !mayReach(reach, address));
      if (refused) callback(new UnreachableByRule(hostname, refused.address), '', 0);
      else if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
}
