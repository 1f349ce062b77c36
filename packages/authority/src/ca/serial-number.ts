import { randomBytes } from 'node:crypto';

/** 126 random bits in lower-case hex: positive, below 2^127, and always of 16 octets (RFC 5280 4.1.2.2, S/MIME BR 7.1). */
export function randomSerialNumber(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] as number) & 0x3f) | 0x40;
  return octets.toString('hex');
}
