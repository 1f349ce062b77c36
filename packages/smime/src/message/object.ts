/** Tells a CMS object that was saved by itself from a message. */
import { asBuffer, tag } from '../asn1/der.ts';
import { pemBlocks } from '../asn1/pem.ts';
import { SmimeError } from '../errors.ts';

/**
 * The BER or DER of a file that is a CMS object, PEM or binary, readable or not; undefined for what is more likely a message.
 * Throws `malformed-pem`.
 */
export function cmsObjectIn(bytes: Uint8Array): Uint8Array | undefined {
  const input = asBuffer(bytes);
  // "0" begins header fields that nobody uses; a length in the long form or an object identifier follows in no text.
  if (input[0] === tag.sequence && ((input[1] ?? 0) >= 0x80 || input[2] === tag.oid)) return bytes;
  if (!isPem(input)) return undefined;
  const block = pemBlocks(input.toString('latin1')).find(({ label }) => labels.has(label));
  if (block === undefined) throw new SmimeError('malformed-pem', 'no PEM block that holds a CMS object');
  return block.der;
}

/** RFC 7468 section 8 and 9, and what older programs write. */
const labels: ReadonlySet<string> = new Set(['CMS', 'PKCS7', 'PKCS #7 SIGNED DATA']);

/** A PEM block within a message is content; only a text that does not begin like a header is PEM itself. */
export function isPem(bytes: Buffer): boolean {
  const begin = bytes.indexOf('-----BEGIN ');
  if (begin <= 0) return begin === 0;
  const firstLine = bytes.subarray(0, Math.max(0, bytes.indexOf(0x0a))).toString('latin1');
  return !/^[!-9;-~]+:/.test(firstLine);
}
