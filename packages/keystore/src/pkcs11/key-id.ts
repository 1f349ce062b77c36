/** CKA_ID of the keys that we make: a UUID of version 7 (RFC 9562 section 5.7), for a token keeps no time of creation. */
import { randomBytes } from 'node:crypto';

/** 16 octets in hexadecimal; never the same twice. */
export function newKeyId(at: Date = new Date()): string {
  const id = randomBytes(16);
  id.writeUIntBE(at.getTime(), 0, 6);
  id[6] = 0x70 | ((id[6] ?? 0) & 0x0f);
  id[8] = 0x80 | ((id[8] ?? 0) & 0x3f);
  return id.toString('hex');
}

/** When `newKeyId` made it; 1970 for the id of a key that somebody else made. */
export function createdAt(id: string): Date {
  return new Date(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(id) ? Number.parseInt(id.slice(0, 12), 16) : 0);
}
