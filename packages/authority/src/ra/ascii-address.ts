import { domainToASCII } from 'node:url';

/** RFC 5890: a domain with letters beyond ASCII is written in A-labels, in mail as in certificates. */
export function asciiAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = at < 0 ? '' : domainToASCII(address.slice(at + 1));
  return domain === '' || domain === address.slice(at + 1).toLowerCase()
    ? address
    : `${address.slice(0, at)}@${domain}`;
}
