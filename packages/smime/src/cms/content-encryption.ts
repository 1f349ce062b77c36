/** EncryptedContentInfo: the content's own cipher (RFC 5652 section 6.1, RFC 3565, RFC 5084). */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
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
import { SmimeError } from '../errors.ts';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import { Rc2CbcDecipher } from '../keys/rc2.ts';
import { limits } from '../limits.ts';
import { type Chunks, chunkedElement, gapOf } from './chunks.ts';
import { legacyAlgorithm } from './legacy.ts';

/** AES and, as legacy, what archives are full of and nothing is encrypted with: Triple DES, DES and RC2. */
export type ReadableCipher = ContentCipher | 'des-ede3-cbc' | 'des-cbc' | 'rc2-cbc';
type LegacyCipher = Exclude<ReadableCipher, ContentCipher>;

export interface EncryptedContent {
  readonly contentType: string;
  readonly cipher: ReadableCipher;
  readonly keyLength: number;
  readonly iv: Buffer;
  /** Octets of the authentication tag that the parameters announce; 0 for CBC. */
  readonly tagLength: number;
  readonly octets: Buffer;
}

interface CipherFacts {
  readonly cipher: ReadableCipher;
  /** Octets; for RC2 its parameters say how many. */
  readonly keyLength: number;
  readonly ivLength: number;
  readonly authenticated: boolean;
}

const ciphersByOid = new Map<string, CipherFacts>([
  ...Object.entries(contentCiphers).map(
    ([cipher, facts]) => [facts.oid, { cipher: cipher as ContentCipher, ...facts }] as const,
  ),
  [oids.desEde3Cbc, { cipher: 'des-ede3-cbc', keyLength: 24, ivLength: 8, authenticated: false }],
  [oids.desCbc, { cipher: 'des-cbc', keyLength: 8, ivLength: 8, authenticated: false }],
  [oids.rc2Cbc, { cipher: 'rc2-cbc', keyLength: 16, ivLength: 8, authenticated: false }],
]);

/** Throws `SmimeError` `legacy-algorithm` for content that is read only as legacy: before any key is used. */
export function requireModern({ cipher }: EncryptedContent, legacy: boolean): void {
  if (!legacy && !(cipher in contentCiphers))
    throw legacyAlgorithm(`the content is encrypted with ${legacyLabels[cipher as LegacyCipher]}`);
}

const legacyLabels: Readonly<Record<LegacyCipher, string>> = {
  'des-ede3-cbc': 'Triple DES',
  'des-cbc': 'DES',
  'rc2-cbc': 'RC2',
};

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
  if (facts === undefined) throw new SmimeError('unsupported', `the content cipher ${oid} is not implemented`);
  if (facts.authenticated !== authenticated)
    throw info.unexpected(`the content cipher ${oid} is not one for this kind of content`);
  const parameters = readParameters(algorithm, facts);
  if (authenticated ? parameters.iv.length > limits.gcmNonceOctets : parameters.iv.length !== facts.ivLength)
    throw info.unexpected('an initialisation vector of the wrong length');
  const octets = info.atEnd ? Buffer.alloc(0) : implicitOctets(info.element());
  return { contentType, cipher: facts.cipher, ...parameters, octets };
}

/** @param algorithm stands after the object identifier */
function readParameters(
  algorithm: DerReader,
  { cipher, keyLength, authenticated }: CipherFacts,
): Pick<EncryptedContent, 'keyLength' | 'iv' | 'tagLength'> {
  if (authenticated) {
    const parameters = algorithm.enter();
    const iv = parameters.octetString();
    // RFC 5084 3.2: 12 where nothing is said; shorter tags than that are forgeries waiting to happen.
    const tagLength = parameters.atEnd ? 12 : parameters.smallInteger();
    if (tagLength < 12 || tagLength > 16) throw algorithm.unexpected(`an authentication tag of ${tagLength} octets`);
    return { keyLength, iv, tagLength };
  }
  if (cipher !== 'rc2-cbc') return { keyLength, iv: algorithm.octetString(), tagLength: 0 };
  const parameters = algorithm.enter();
  const version = parameters.smallInteger();
  // RFC 2268 6: the effective length in bits, below 256 by a number from the table of the cipher; the key is as long.
  const bits = version >= 256 ? version : rc2Bits.get(version);
  if (bits === undefined || bits > 1024)
    throw new SmimeError('unsupported', `RC2 with the parameter version ${version} is not implemented`);
  return { keyLength: Math.ceil(bits / 8), iv: parameters.octetString(), tagLength: 0 };
}

const rc2Bits = new Map([
  [160, 40],
  [120, 64],
  [58, 128],
]);

/** Opens the content. Throws whatever node:crypto throws: the caller makes one indistinct error of it. */
export function openContent(
  content: EncryptedContent,
  key: Buffer,
  additional: Uint8Array,
  mac: Uint8Array | undefined,
): Buffer {
  if (mac !== undefined && mac.length !== content.tagLength) throw new RangeError('tag length');
  const decipher = decipherFor(content, key);
  if (mac !== undefined) {
    decipher.setAuthTag?.(mac);
    decipher.setAAD?.(additional);
  }
  // A decipher that removes the padding holds the last block back, and joining it to the others would copy them all.
  const padded = mac === undefined && decipher.setAutoPadding?.(false) !== undefined;
  const opened = decipher.update(content.octets);
  const last = decipher.final();
  if (padded) return withoutPadding(opened, content.iv.length);
  return last.length === 0 ? opened : Buffer.concat([opened, last]);
}

/** RFC 5652 section 6.3: as many octets as each of them says, at least one and at most a block of them. */
function withoutPadding(octets: Buffer, blockLength: number): Buffer {
  const count = octets.at(-1) ?? 0;
  const start = octets.length - count;
  if (count === 0 || count > blockLength || octets.subarray(start).some((octet) => octet !== count))
    throw new RangeError('padding');
  return octets.subarray(0, start);
}

/**
 * Throws whatever node:crypto throws. For GCM the tag and what it covers beside the content are yet to be set. The key goes in as
 * a KeyObject: to recognise octets as a key costs Node 24 more than AES of 10 KB.
 */
export function decipherFor({ cipher, iv, tagLength }: EncryptedContent, key: Uint8Array): ContentDecipher {
  if (cipher === 'rc2-cbc') return new Rc2CbcDecipher(key, key.length * 8, iv);
  // OpenSSL 3 has no DES of its own any more; Triple DES with one key three times is the same.
  if (cipher === 'des-cbc') return createDecipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), iv);
  // The cast: node's types have one overload per mode; the methods of GCM are called for GCM alone.
  const options = tagLength > 0 ? { authTagLength: tagLength } : undefined;
  return createDecipheriv(cipher as 'aes-256-gcm', createSecretKey(key), iv, options);
}

/** What node:crypto's deciphers and our own have in common. */
export interface ContentDecipher {
  update(ciphertext: Uint8Array): Buffer;
  final(): Buffer;
  setAuthTag?(mac: Uint8Array): unknown;
  setAAD?(additional: Uint8Array): unknown;
  setAutoPadding?(automatic: boolean): unknown;
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

/**
 * @param length octets of the content to come, of type id-data: they are the gap in `info`
 * @param iv drawn for this content alone
 */
export function startSealing(length: number, cipher: ContentCipher, key: Uint8Array, iv: Uint8Array): Sealing {
  const { oid, ivLength, authenticated } = contentCiphers[cipher];
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
