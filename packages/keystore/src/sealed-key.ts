/**
 * The file of one key. What may be known about it stands in the clear and is authenticated; the key itself is sealed.
 *
 *   'CHKY' | version 1 | length of the description (32 bits, big-endian) | description (JSON) | sealed key
 */

import { seal, unseal } from './authenticated-encryption.ts';
import type { KeyInfo, KeyReference } from './key-store.ts';
import type { MasterKey } from './master-key.ts';

/** One key at rest: PKCS#8 for a private key, 32 octets for a key-encryption key. */
export interface KeyRecord {
  readonly info: KeyInfo;
  /** DER SubjectPublicKeyInfo; absent for a key-encryption key. */
  readonly spki: Uint8Array | undefined;
}

export function encodeSealedKey(master: MasterKey, { info, spki }: KeyRecord, secret: Uint8Array): Uint8Array {
  const description = Buffer.from(
    JSON.stringify({
      reference: info.reference,
      label: info.label,
      type: info.type,
      createdAt: info.createdAt.toISOString(),
      ...(spki && { spki: Buffer.from(spki).toString('base64') }),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(description.length);
  const head = Buffer.concat([MAGIC, length, description]);
  return Buffer.concat([head, seal(master.key, secret, bound(master, info.reference, head))]);
}

/** Opens the file of `reference`; undefined where anything about it is wrong. The caller zeroes `secret`. */
export function decodeSealedKey(
  master: MasterKey,
  reference: KeyReference,
  file: Uint8Array,
): (KeyRecord & { readonly secret: Buffer }) | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < HEAD || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const end = HEAD + bytes.readUInt32BE(MAGIC.length);
  if (end > bytes.length) return undefined;
  const secret = unseal(master.key, bytes.subarray(end), bound(master, reference, bytes.subarray(0, end)));
  if (!secret) return undefined;
  // Authenticated by now: nobody without the master key wrote it.
  const { label, type, createdAt, spki } = JSON.parse(bytes.subarray(HEAD, end).toString('utf8')) as Description;
  const info = { reference, label, type, createdAt: new Date(createdAt) };
  return { info, spki: spki === undefined ? undefined : Buffer.from(spki, 'base64'), secret };
}

const MAGIC = Buffer.from('CHKY\x01', 'latin1');
const HEAD = MAGIC.length + 4;

interface Description {
  label: string;
  type: KeyInfo['type'];
  createdAt: string;
  spki?: string;
}

/** A file that was renamed to another key's name, or comes from another store, does not open. */
function bound(master: MasterKey, reference: KeyReference, head: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${master.storeId}\n${reference}\n`), head]);
}
