/** Which IP addresses lie in the public Internet: what a stranger's certificate may make us ask. */

/**
 * True for an address of the public Internet. False for every private, loopback, link-local, shared, documentation, multicast,
 * tunnel and reserved block (RFC 6890 and its registries), for addresses at which clouds answer with secrets, and for what is no
 * address in its usual notation.
 * @param address IPv4 with four decimal numbers, or IPv6 without brackets
 */
export function isPublicAddress(address: string): boolean {
  const four = ipv4(address);
  if (four !== undefined) return isPublicIpv4(four);
  const groups = ipv6(address);
  if (!groups) return false;
  const [a = 0, b = 0] = groups;
  // IPv4-mapped: the address inside counts.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return isPublicIpv4((groups[6] as number) * 0x10000 + (groups[7] as number));
  // Global unicast is 2000::/3; within it protocol assignments and Teredo, documentation, 6to4, documentation again.
  if (a < 0x2000 || a > 0x3fff) return false;
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return false;
  return a !== 0x2002 && !(a === 0x3fff && b < 0x1000);
}

/** Four decimal numbers without leading zeros, which some read as octal. */
function ipv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

const blocks: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // The metadata service of Azure, at a public address.
  ['168.63.129.16', 32],
];

function isPublicIpv4(value: number): boolean {
  return !blocks.some(([start, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(value / size) === Math.floor((ipv4(start) as number) / size);
  });
}

/** Eight groups; undefined for what is no IPv6 address, or has a zone. */
function ipv6(text: string): number[] | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text)) return undefined;
  const tail = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text);
  let hex = text;
  if (tail) {
    const four = ipv4(tail[2] as string);
    if (four === undefined) return undefined;
    hex = `${tail[1]}${Math.floor(four / 0x10000).toString(16)}:${(four % 0x10000).toString(16)}`;
  }
  const halves = hex.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...rest];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((g) => Number.parseInt(g, 16))
    : undefined;
}
