/** Private keys held by node:crypto in this process, behind the engine's two ports. */
import { constants, createPublicKey, diffieHellman, type KeyObject, privateDecrypt, sign } from 'node:crypto';
import { SmimeError } from '../errors.ts';
import { type HashName, type KeyKind, keyKindOf, publicKeyOf } from './algorithms.ts';
import { decodeOaep } from './oaep.ts';
import type { Decrypter, RsaScheme, Signer } from './ports.ts';

/** A `Signer` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localSigner(key: KeyObject): Signer {
  const { kind, spki } = describe(key);
  if (kind === 'x25519') throw new SmimeError('unsupported', 'an X25519 key cannot sign');
  return {
    kind,
    spki,
    sign: (data: Uint8Array, hash: HashName): Promise<Uint8Array> => {
      // RSA is slow enough to be worth a thread; an EC or Ed25519 signature costs less than the hand-over to one.
      if (kind !== 'rsa') return Promise.resolve(sign(kind === 'ed25519' ? null : hash, data, key));
      return new Promise((resolve, reject) => {
        sign(hash, data, key, (error, signature) => (error ? reject(error) : resolve(signature)));
      });
    },
  };
}

/** A `Decrypter` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localDecrypter(key: KeyObject): Decrypter {
  const { kind, spki } = describe(key);
  return {
    kind,
    spki,
    unwrapRsa: async (encryptedKey: Uint8Array, scheme: RsaScheme): Promise<Uint8Array> => {
      if (kind !== 'rsa') throw new SmimeError('invalid-argument', 'RSA key transport needs an RSA key');
      if (scheme.padding === 'pkcs1') {
        // OpenSSL 3.2 and later reject implicitly: bad padding gives octets that are random yet fixed per ciphertext.
        return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encryptedKey);
      }
      if (scheme.hash !== scheme.mgf1Hash) {
        const encoded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encryptedKey);
        return decodeOaep(encoded, scheme.hash, scheme.mgf1Hash, scheme.label ?? new Uint8Array(0));
      }
      return privateDecrypt(
        {
          key,
          padding: constants.RSA_PKCS1_OAEP_PADDING,
          oaepHash: scheme.hash,
          ...(scheme.label && { oaepLabel: scheme.label }),
        },
        encryptedKey,
      );
    },
    agree: async (peerSpki: Uint8Array): Promise<Uint8Array> => {
      if (kind === 'rsa' || kind === 'ed25519')
        throw new SmimeError('invalid-argument', 'key agreement needs an elliptic-curve key');
      // A point on another curve must not reach the private key; OpenSSL checks that it is on this one.
      if (keyKindOf(peerSpki) !== kind)
        throw new SmimeError('invalid-argument', 'the two keys of a key agreement are on different curves');
      return diffieHellman({ privateKey: key, publicKey: publicKeyOf(peerSpki) });
    },
  };
}

function describe(key: KeyObject): { kind: KeyKind; spki: Uint8Array } {
  if (key.type !== 'private') throw new SmimeError('invalid-argument', 'a private key is needed');
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { kind: keyKindOf(spki), spki };
}
