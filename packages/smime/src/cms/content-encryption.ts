/** EncryptedContentInfo: the content's own cipher (RFC 5652 section 6.1, RFC 3565, RFC 5084). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { implicitOctets } from '../asn1/ber.ts';
import {
  context,
  type DerReader,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import { type Chunks, chunkedElement } from './chunks.ts';

/** AES, and Triple DES, which is only read: archives are full of it. */
export type ReadableCipher = ContentCipher | 'des-ede3-cbc';

export interface EncryptedContent {
  readonly contentType: string;
  readonly cipher: ReadableCipher;
  readonly keyLength: number;
  readonly iv: Buffer;
  /** Octets of the authentication tag that the parameters announce; 0 for CBC. */
  readonly tagLength: number;
  readonly octets: Buffer;
}

const ciphersByOid = new Map<
  string,
  { cipher: ReadableCipher; keyLength: number; ivLength: number; authenticated: boolean }
>([
  ...Object.entries(contentCiphers).map(
    ([cipher, facts]) => [facts.oid, { cipher: cipher as ContentCipher, ...facts }] as const,
  ),
  [oids.desEde3Cbc, { cipher: 'des-ede3-cbc', keyLength: 24, ivLength: 8, authenticated: false }],
]);

/**
 * Reads an EncryptedContentInfo. Throws `SmimeError` for another structure, and `unexpected-structure` for a cipher of the
 * other kind: GCM belongs in AuthEnvelopedData and CBC outside of it, and relabelling one as the other is an attack.
 */
export function readEncryptedContent(reader: DerReader, authenticated: boolean): EncryptedContent {
  const info = reader.enter();
  const contentType = info.oid();
  const algorithm = info.enter();
  const oid = algorithm.oid();
  const facts = ciphersByOid.get(oid);
  if (facts === undefined || facts.authenticated !== authenticated)
    throw info.unexpected(`the content cipher ${oid} is not one for this kind of content`);
  let iv: Buffer;
  let tagLength = 0;
  if (authenticated) {
    const parameters = algorithm.enter();
    iv = parameters.octetString();
    // RFC 5084 3.2: 12 where nothing is said; shorter tags than that are forgeries waiting to happen.
    tagLength = parameters.atEnd ? 12 : parameters.smallInteger();
    if (tagLength < 12 || tagLength > 16) throw info.unexpected(`an authentication tag of ${tagLength} octets`);
  } else iv = algorithm.octetString();
  if (iv.length !== facts.ivLength) throw info.unexpected('an initialisation vector of the wrong length');
  const octets = info.atEnd ? Buffer.alloc(0) : implicitOctets(info.element());
  return { contentType, cipher: facts.cipher, keyLength: facts.keyLength, iv, tagLength, octets };
}

/** Opens the content. Throws whatever node:crypto throws: the caller makes one indistinct error of it. */
export function openContent(
  content: EncryptedContent,
  key: Buffer,
  additional: Uint8Array,
  mac: Uint8Array | undefined,
): Buffer[] {
  if (mac === undefined) {
    const decipher = createDecipheriv(content.cipher, key, content.iv);
    return [decipher.update(content.octets), decipher.final()];
  }
  if (content.cipher === 'des-ede3-cbc' || !content.cipher.endsWith('-gcm') || mac.length !== content.tagLength)
    throw new RangeError('tag length');
  const decipher = createDecipheriv(content.cipher as 'aes-256-gcm', key, content.iv, {
    authTagLength: content.tagLength,
  });
  decipher.setAuthTag(mac);
  decipher.setAAD(additional);
  return [decipher.update(content.octets), decipher.final()];
}

export interface SealedContent {
  /** EncryptedContentInfo. */
  readonly info: Chunks;
  readonly mac: Buffer | undefined;
}

/** @param content octets of type id-data */
export function sealContent(content: Uint8Array, cipher: ContentCipher, key: Uint8Array): SealedContent {
  const { oid, ivLength, authenticated } = contentCiphers[cipher];
  const iv = randomBytes(ivLength);
  // The cast: node's types have one overload per mode; `getAuthTag` is called for GCM alone.
  const encryption = createCipheriv(cipher as 'aes-256-gcm', key, iv);
  const chunks = [encryption.update(content), encryption.final()];
  const parameters = authenticated ? encodeSequence(encodeOctetString(iv), encodeInteger(16)) : encodeOctetString(iv);
  const info = chunkedElement(
    tag.sequence,
    encodeOid(oids.data),
    encodeSequence(encodeOid(oid), parameters),
    chunkedElement(context(0), ...chunks),
  );
  return { info, mac: authenticated ? encryption.getAuthTag() : undefined };
}
