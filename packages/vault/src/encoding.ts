/** Octets as text and back, and the one canonical form of a document: RFC 8785 JSON in UTF-8. Works in Node and browsers. */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import canonicalize from 'canonicalize';
import { VaultError } from './errors.ts';

export { bytesToHex as toHex, concatBytes as concat, sha256, utf8ToBytes as utf8 };

/** @throws VaultError `malformed` */
export function fromHex(text: string): Uint8Array {
  try {
    return hexToBytes(text);
  } catch {
    throw new VaultError('malformed', 'This is not hexadecimal.');
  }
}

/** RFC 4648 section 5, without padding. */
export function toBase64Url(octets: Uint8Array): string {
  let binary = '';
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws VaultError `malformed` */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new VaultError('malformed', 'This is not base64url.');
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
  } catch {
    throw new VaultError('malformed', 'This is not base64url.');
  }
}

/** The octets that are hashed and signed. @param document JSON values only */
export function canonical(document: unknown): Uint8Array {
  const text = canonicalize(document);
  if (text === undefined) throw new VaultError('malformed', 'This document has no JSON form.');
  return utf8ToBytes(text);
}

/** SHA-256 of the canonical form, in hexadecimal. */
export function digestOf(document: unknown): string {
  return bytesToHex(sha256(canonical(document)));
}
