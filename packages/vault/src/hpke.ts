/**
 * HPKE (RFC 9180) in base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message for each encapsulation.
 * Written out here because opening takes a Diffie-Hellman point that a quorum computed, and no library lets one in.
 */
import { expand, extract } from '@noble/hashes/hkdf.js';
import { concat, sha256, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { GENERATOR, multiply, type Point, readPoint, readScalar, Scalar, writePoint } from './group.ts';

/** What was sealed: the ephemeral point (65 octets) and the ciphertext with its tag. */
export interface HpkeMessage {
  readonly encapsulation: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export interface HpkeContext {
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
}

/** RFC 9180 section 7.3: AES-256-GCM, and AES-128-GCM for the RFC's own vectors. */
const AEADS = { 'aes-256-gcm': { id: 2, keyLength: 32 }, 'aes-128-gcm': { id: 1, keyLength: 16 } } as const;
type Aead = keyof typeof AEADS;

const KEM_SUITE = Uint8Array.of(...utf8('KEM'), 0, 0x10);

/**
 * RFC 9180 section 6.1 SealBase.
 * @param publicKey 65 octets
 * @param ephemeral secret of 32 octets, never used twice: for who must prove that they know it, and for test vectors
 */
export async function seal(
  publicKey: Uint8Array,
  plaintext: Uint8Array,
  { info, aad }: HpkeContext,
  ephemeral?: Uint8Array,
  aead: Aead = 'aes-256-gcm',
): Promise<HpkeMessage> {
  readPoint(publicKey);
  const pair =
    ephemeral === undefined
      ? await crypto.subtle.generateKey(ECDH, false, ['deriveBits'])
      : await importPair(ephemeral, writePoint(multiply(GENERATOR, readScalar(ephemeral))));
  const encapsulation = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const shared = sharedSecret(await agree(pair.privateKey, publicKey), encapsulation, publicKey);
  const { key, nonce } = keySchedule(shared, info, aead);
  return { encapsulation, ciphertext: await encrypt(key, nonce, aad, plaintext) };
}

/**
 * RFC 9180 section 6.1 OpenBase.
 * @param secretKey 32 octets @param publicKey of it, 65 octets
 * @throws VaultError `cannot-open`, `malformed`
 */
export async function open(
  secretKey: Uint8Array,
  publicKey: Uint8Array,
  { encapsulation, ciphertext }: HpkeMessage,
  { info, aad }: HpkeContext,
  aead: Aead = 'aes-256-gcm',
): Promise<Uint8Array> {
  readPoint(encapsulation);
  const { privateKey } = await importPair(secretKey, publicKey);
  const { key, nonce } = keySchedule(
    sharedSecret(await agree(privateKey, encapsulation), encapsulation, publicKey),
    info,
    aead,
  );
  return decrypt(key, nonce, aad, ciphertext);
}

/**
 * OpenBase for whoever has `secret key · encapsulation` and not the secret key: a quorum.
 * @throws VaultError `cannot-open`
 */
export async function openWithPoint(
  point: Point,
  publicKey: Uint8Array,
  { encapsulation, ciphertext }: HpkeMessage,
  { info, aad }: HpkeContext,
  aead: Aead = 'aes-256-gcm',
): Promise<Uint8Array> {
  // RFC 9180 section 7.1.4: the neutral point would be a secret that everybody knows.
  if (point.is0()) throw new VaultError('malformed', 'The shared point is the neutral one.');
  const { key, nonce } = keySchedule(sharedSecret(coordinate(point), encapsulation, publicKey), info, aead);
  return decrypt(key, nonce, aad, ciphertext);
}

/** RFC 9180 section 7.1.3 DeriveKeyPair. @param material at least 32 octets of entropy @returns the secret key, 32 octets */
export function deriveSecretKey(material: Uint8Array): Uint8Array {
  const prk = labeledExtract(KEM_SUITE, new Uint8Array(), 'dkp_prk', material);
  for (let counter = 0; counter < 256; counter++) {
    const candidate = labeledExpand(KEM_SUITE, prk, 'candidate', Uint8Array.of(counter), 32);
    try {
      if (readScalar(candidate) !== Scalar.ZERO) return candidate;
    } catch {
      // Not below the order: the next one (about once in 2^32).
    }
  }
  throw new VaultError('malformed', 'No key can be derived from this material.');
}

const ECDH = { name: 'ECDH', namedCurve: 'P-256' } as const;

/** RFC 9180 section 7.1: DH gives the x coordinate. By WebCrypto, whose ECDH is native and in constant time. */
async function agree(privateKey: CryptoKey, publicKey: Uint8Array): Promise<Uint8Array> {
  const peer = await crypto.subtle.importKey('raw', source(publicKey), ECDH, false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, privateKey, 256));
}

const coordinate = (point: Point) => writePoint(point).slice(1, 33);

async function importPair(secretKey: Uint8Array, publicKey: Uint8Array) {
  const x = toBase64Url(publicKey.subarray(1, 33));
  const y = toBase64Url(publicKey.subarray(33));
  const jwk = { kty: 'EC', crv: 'P-256', x, y, d: toBase64Url(secretKey) };
  return {
    privateKey: await crypto.subtle.importKey('jwk', jwk, ECDH, false, ['deriveBits']),
    publicKey: await crypto.subtle.importKey('raw', source(publicKey), ECDH, true, []),
  };
}

/** RFC 9180 section 4.1 ExtractAndExpand. @param dh the x coordinate; zeroed */
function sharedSecret(dh: Uint8Array, encapsulation: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const prk = labeledExtract(KEM_SUITE, new Uint8Array(), 'eae_prk', dh);
  dh.fill(0);
  return labeledExpand(KEM_SUITE, prk, 'shared_secret', concat(encapsulation, publicKey), 32);
}

/** RFC 9180 section 5.1 KeySchedule in base mode, for the first message. */
function keySchedule(shared: Uint8Array, info: Uint8Array, aead: Aead): { key: Uint8Array; nonce: Uint8Array } {
  const { id, keyLength } = AEADS[aead];
  const suite = Uint8Array.of(...utf8('HPKE'), 0, 0x10, 0, 1, 0, id);
  const none = new Uint8Array();
  const pskIdHash = labeledExtract(suite, none, 'psk_id_hash', none);
  const infoHash = labeledExtract(suite, none, 'info_hash', info);
  const context = concat(Uint8Array.of(0), pskIdHash, infoHash);
  const secret = labeledExtract(suite, shared, 'secret', none);
  shared.fill(0);
  const key = labeledExpand(suite, secret, 'key', context, keyLength);
  const nonce = labeledExpand(suite, secret, 'base_nonce', context, 12);
  secret.fill(0);
  return { key, nonce };
}

/** RFC 9180 section 4. */
function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  return extract(sha256, concat(utf8('HPKE-v1'), suite, utf8(label), material), salt);
}

/** RFC 9180 section 4. @param length of the result, in octets */
function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return expand(sha256, prk, concat(Uint8Array.of(0, length), utf8('HPKE-v1'), suite, utf8(label), info), length);
}

/** AES-GCM with a tag of 16 octets at the end. The key is zeroed. */
export async function encrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array) {
  const imported = await importKey(key, 'encrypt');
  const parameters = { name: 'AES-GCM', iv: source(nonce), additionalData: source(aad) };
  return new Uint8Array(await crypto.subtle.encrypt(parameters, imported, source(plaintext)));
}

/** The other way. The key is zeroed. @throws VaultError `cannot-open` */
export async function decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array) {
  const imported = await importKey(key, 'decrypt');
  const parameters = { name: 'AES-GCM', iv: source(nonce), additionalData: source(aad) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, imported, source(ciphertext)));
  } catch {
    throw new VaultError('cannot-open', 'This key does not open what was sealed, or it was altered.');
  }
}

async function importKey(key: Uint8Array, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const imported = await crypto.subtle.importKey('raw', source(key), 'AES-GCM', false, [use]);
  key.fill(0);
  return imported;
}

/** WebCrypto's types ask for an ArrayBuffer that is not shared; ours never are. */
const source = (octets: Uint8Array) => octets as Uint8Array<ArrayBuffer>;
