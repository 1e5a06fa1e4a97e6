import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * `public`: the open internet. `link-local`: the cloud's metadata services and their like, which no registry has.
 * `private`: everything else that is not reachable from the open internet, loopback included.
 */
export type AddressKind = 'public' | 'private' | 'link-local';

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** RFC 3927 and RFC 4291, and the metadata addresses that stand elsewhere: AWS over IPv6, Alibaba, Azure's wire server. */
const linkLocal = blockList([
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fe80::/10',
  'fd00:ec2::/32',
]);

/** The special-purpose registries of IANA (RFC 6890), as far as they are not globally reachable. */
const notPublic = blockList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001:db8::/32',
  'fc00::/7',
  'fec0::/10',
  'ff00::/8',
]);

/** What kind of address an IP literal is, with or without brackets; undefined for a name. */
export function addressKind(host: string): AddressKind | undefined {
  const literal = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const version = isIP(literal);
  if (version === 0) return undefined;
  const embedded = version === 6 ? embeddedIpv4(literal) : undefined;
  if (embedded !== undefined) return addressKind(embedded);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (linkLocal.check(literal, family)) return 'link-local';
  return notPublic.check(literal, family) ? 'private' : 'public';
}

/** Mapped (`::ffff:a.b.c.d`), translated (`64:ff9b::`, RFC 6052) and 6to4 (`2002:`) addresses lead to an IPv4 one. */
function embeddedIpv4(address: string): string | undefined {
  const groups = ipv6Groups(address);
  const prefix = groups.slice(0, 6).join(':');
  if (prefix === '0:0:0:0:0:65535' || prefix === '100:65435:0:0:0:0') return dotted(groups[6], groups[7]);
  return groups[0] === 0x2002 ? dotted(groups[1], groups[2]) : undefined;
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight groups of an address, as numbers. */
function ipv6Groups(address: string): readonly number[] {
  // The URL parser writes every form of an address in one way, without dotted parts.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = '', right] = canonical.split('::');
  const numbers = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const head = numbers(left);
  const end = right === undefined ? [] : numbers(right);
  return [...head, ...Array<number>(8 - head.length - end.length).fill(0), ...end];
}
