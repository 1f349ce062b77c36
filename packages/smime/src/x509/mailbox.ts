/** When two addresses, of a certificate and of a message, mean one mailbox (RFC 9598 5, RFC 9549 3). */
import { domainToASCII } from 'node:url';

/**
 * Two addresses are the same mailbox when their keys are equal. The domain is compared in its ASCII form; the local part without
 * case in ASCII only, since Unicode case folding makes equals of letters that are not (the Kelvin sign and k).
 */
export function mailboxKey(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  return `${asciiLower(address.slice(0, Math.max(at, 0)))}@${domainToASCII(domain) || asciiLower(domain)}`;
}

/**
 * Whether two addresses mean the same mailbox. The domain has no case; nor has the local part, in every directory that issues
 * certificates by the thousand, though RFC 5321 2.4 would let a host tell them apart.
 */
export const sameMailbox = (a: string, b: string): boolean => mailboxKey(a) === mailboxKey(b);

const asciiLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
