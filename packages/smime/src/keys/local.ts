/** Private keys held by node:crypto in this process, behind the engine's two ports. */
import { constants, createPublicKey, diffieHellman, type KeyObject, privateDecrypt, sign } from 'node:crypto';
import { SmimeError } from '../errors.ts';
import {
  canSign,
  encryptionSchemeOf,
  type HashName,
  type KeyKind,
  keyKindLabel,
  keyKindOf,
  knownToNode,
  publicKeyOf,
  type RsaPadding,
} from './algorithms.ts';
import { decapsulate } from './kem.ts';
import { decodeOaep } from './oaep.ts';
import { oaep, pkcs1, type RsaOptions, withPadding } from './padded-key.ts';
import type { Decrypter, RsaScheme, Signer } from './ports.ts';
import { pssSaltLength } from './pss.ts';

/** A `Signer` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localSigner(key: KeyObject): Signer {
  const { kind, spki } = describe(key);
  if (!canSign(kind)) throw new SmimeError('unsupported', `an ${keyKindLabel(kind)} key cannot sign`);
  const rsa = kind === 'rsa' || kind === 'rsa-pss';
  const hashes = rsa || kind.startsWith('p');
  return {
    kind,
    spki,
    sign: (data: Uint8Array, hash: HashName, padding: RsaPadding = 'pkcs1'): Promise<Uint8Array> => {
      // RSA is slow enough to be worth a thread; any other signature costs less than, or little more than, the hand-over to one.
      if (!rsa) return Promise.resolve(sign(hashes ? hash : null, data, key));
      const pss = kind === 'rsa-pss' || padding === 'pss';
      const input = pss ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pssSaltLength(hash) } : key;
      return new Promise((resolve, reject) => {
        sign(hash, data, input, (error, signature) => (error ? reject(error) : resolve(signature)));
      });
    },
  };
}

/** A `Decrypter` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localDecrypter(key: KeyObject): Decrypter {
  const { kind, spki } = describe(key);
  const scheme = encryptionSchemeOf(kind);
  const unwrapRsa = rsaUnwrapper(key);
  return {
    kind,
    spki,
    unwrapRsa: async (encryptedKey: Uint8Array, rsaScheme: RsaScheme): Promise<Uint8Array> => {
      if (scheme !== 'key-transport') throw new SmimeError('invalid-argument', 'RSA key transport needs an RSA key');
      return unwrapRsa(encryptedKey, rsaScheme);
    },
    agree: async (peerSpki: Uint8Array): Promise<Uint8Array> => {
      if (scheme !== 'key-agreement')
        throw new SmimeError('invalid-argument', 'key agreement needs an elliptic-curve key');
      // A point on another curve must not reach the private key; OpenSSL checks that it is on this one.
      if (keyKindOf(peerSpki) !== kind)
        throw new SmimeError('invalid-argument', 'the two keys of a key agreement are on different curves');
      return diffieHellman({ privateKey: key, publicKey: publicKeyOf(peerSpki) });
    },
    decapsulate: async (ciphertext: Uint8Array): Promise<Uint8Array> => {
      if (scheme !== 'kem') throw new SmimeError('invalid-argument', 'decapsulation needs an ML-KEM key');
      return decapsulate(key, ciphertext);
    },
  };
}

/** One key for each padding that was asked for without a label. */
function rsaUnwrapper(key: KeyObject): (encryptedKey: Uint8Array, scheme: RsaScheme) => Uint8Array {
  const padded = new Map<string, KeyObject>();
  const paddedFor = (name: string, options: RsaOptions): KeyObject => {
    const known = padded.get(name) ?? withPadding(key, options);
    padded.set(name, known);
    return known;
  };
  return (encryptedKey, scheme) => {
    // OpenSSL 3.2 and later reject implicitly: bad padding gives octets that are random yet fixed per ciphertext.
    if (scheme.padding === 'pkcs1') return privateDecrypt(paddedFor('pkcs1', pkcs1), encryptedKey);
    const { hash, mgf1Hash, label } = scheme;
    if (hash !== mgf1Hash) {
      const encoded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encryptedKey);
      return decodeOaep(encoded, hash, mgf1Hash, label ?? new Uint8Array(0));
    }
    if (label) return privateDecrypt(withPadding(key, oaep(hash, label)), encryptedKey);
    return privateDecrypt(paddedFor(hash, oaep(hash, undefined)), encryptedKey);
  };
}

function describe(key: KeyObject): { kind: KeyKind; spki: Uint8Array } {
  if (key.type !== 'private') throw new SmimeError('invalid-argument', 'a private key is needed');
  const spki = createPublicKey(knownToNode(key)).export({ format: 'der', type: 'spki' });
  return { kind: keyKindOf(spki), spki };
}
