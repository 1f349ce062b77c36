/** How parts are written that this gateway makes. */
import { randomBytes } from 'node:crypto';

/** Base64 in lines of 76 (RFC 2045 section 6.8), without a line end after the last. */
export function wrapped(octets: Uint8Array): string {
  return Buffer.from(octets)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n');
}

export function newBoundary(): string {
  return `=_${randomBytes(18).toString('hex')}`;
}
