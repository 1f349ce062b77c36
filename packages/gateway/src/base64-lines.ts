/** How parts are written that this gateway makes. */
import { randomBytes } from 'node:crypto';
import type { Octets } from './message-parts.ts';

/** Base64 in lines of 76 (RFC 2045 section 6.8), without a line end after the last. */
export function wrapped(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += 76) lines.push(text.slice(at, at + 76));
  return lines.join('\r\n');
}

/** The same of octets in pieces. */
export function wrappedPieces(octets: Octets): Octets {
  return async function* () {
    let left: Uint8Array = Buffer.alloc(0);
    let lineEnd = '';
    for await (const piece of octets()) {
      const all = left.length === 0 ? piece : Buffer.concat([left, piece]);
      const whole = all.length - (all.length % lineOctets);
      if (whole > 0) {
        yield Buffer.from(`${lineEnd}${wrapped(all.subarray(0, whole))}`, 'latin1');
        lineEnd = '\r\n';
      }
      left = Buffer.from(all.subarray(whole));
    }
    if (left.length > 0) yield Buffer.from(`${lineEnd}${wrapped(left)}`, 'latin1');
  };
}

/** Octets that one line holds. */
const lineOctets = 57;

export function newBoundary(): string {
  return `=_${randomBytes(18).toString('hex')}`;
}
