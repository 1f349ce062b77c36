/** EncryptedContentInfo: the content's own cipher (RFC 5652 section 6.1, RFC 3565, RFC 5084). */
import { createCipheriv, createDecipheriv, createSecretKey, type DecipherGCM, randomBytes } from 'node:crypto';
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
import { type Chunks, chunkedElement, gapOf } from './chunks.ts';

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
    const decipher = decipherFor(content, key);
    return [decipher.update(content.octets), decipher.final()];
  }
  if (mac.length !== content.tagLength) throw new RangeError('tag length');
  const decipher = decipherFor(content, key);
  decipher.setAuthTag(mac);
  decipher.setAAD(additional);
  return [decipher.update(content.octets), decipher.final()];
}

/**
 * Throws whatever node:crypto throws. For GCM the tag and what it covers beside the content are yet to be set. The key goes in as
 * a KeyObject: to recognise octets as a key costs Node 24 more than AES of 10 KB.
 */
function decipherFor({ cipher, iv, tagLength }: EncryptedContent, key: Uint8Array): DecipherGCM {
  // The cast: node's types have one overload per mode; the methods of GCM are called for GCM alone.
  const options = tagLength > 0 ? { authTagLength: tagLength } : undefined;
  return createDecipheriv(cipher as 'aes-256-gcm', createSecretKey(key), iv, options);
}

export interface SealedContent {
  /** EncryptedContentInfo. */
  readonly info: Chunks;
  /** The authentication tag: zeros until the content is complete. */
  readonly mac: Buffer | undefined;
}

/** Content while it is being encrypted. */
interface Sealing extends SealedContent {
  update(content: Uint8Array): Buffer;
  /** The last octets of the ciphertext. */
  final(): Buffer;
}

/** @param length octets of the content to come, of type id-data: they are the gap in `info` */
export function startSealing(length: number, cipher: ContentCipher, key: Uint8Array): Sealing {
  const { oid, ivLength, authenticated } = contentCiphers[cipher];
  const iv = randomBytes(ivLength);
  const encryption = createCipheriv(cipher as 'aes-256-gcm', createSecretKey(key), iv);
  const parameters = authenticated ? encodeSequence(encodeOctetString(iv), encodeInteger(16)) : encodeOctetString(iv);
  const info = chunkedElement(
    tag.sequence,
    encodeOid(oids.data),
    encodeSequence(encodeOid(oid), parameters),
    // CBC pads to a whole block, and always by one octet at least.
    chunkedElement(context(0), gapOf(authenticated ? length : length + ivLength - (length % ivLength))),
  );
  const mac = authenticated ? Buffer.alloc(16) : undefined;
  return {
    info,
    mac,
    update: (content) => encryption.update(content),
    final: () => {
      const last = encryption.final();
      if (mac) encryption.getAuthTag().copy(mac);
      return last;
    },
  };
}
