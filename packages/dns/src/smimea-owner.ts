/** Under which names the certificates of an address stand (RFC 8162). */
import { createHash } from 'node:crypto';

/**
 * Under the digest of the local part as it is written (section 3: SHA-256 in UTF-8, its first 28 octets in hex), and then in small
 * letters, where that differs: people publish, and look for, what others type with capitals.
 * @param domain in ASCII and small letters
 */
export function smimeaOwners(local: string, domain: string): string[] {
  return [...new Set([local, local.toLowerCase()])].map((spelt) => {
    const digest = createHash('sha256').update(spelt.normalize('NFC'), 'utf8').digest();
    return `${digest.subarray(0, 28).toString('hex')}._smimecert.${domain}`;
  });
}
