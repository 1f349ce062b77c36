/** IP networks as the configuration writes them: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

export const Network = z.string().refine((value) => networkOf(value) !== undefined, 'is an IP address or network');

/** Whether an address lies in one of them. @param networks each a `Network` */
export function withinAny(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const parts = networkOf(network);
    if (parts !== undefined) list.addSubnet(parts.address, parts.bits, parts.family);
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** An address or network in parts; undefined when it is neither. */
function networkOf(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', bits] = text.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  const most = family === 'ipv4' ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  if (family === undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || length > most) return undefined;
  return { address, bits: length, family };
}
