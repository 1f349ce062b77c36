/** A signing key and its PKCS#10 request (RFC 2986), made by the browser's own cryptography. */
import { children, type Der, readDer } from '../der/read.ts';
import { bitString, der, integer, type Octets, oid, sequence, setOf, unsigned, utf8String } from '../der/write.ts';

export interface SigningKey {
  keyPair: CryptoKeyPair;
  /** DER. */
  request: Octets;
}

/** A new P-256 key and the request that proves its possession. The private key is extractable only for the PKCS#12. */
export async function makeSigningKey(commonName: string): Promise<SigningKey> {
  const keyPair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', keyPair.publicKey));
  const information = sequence(
    integer(0),
    sequence(setOf(sequence(oid('2.5.4.3'), utf8String(commonName)))),
    publicKey,
    // The authority writes the certificate from its own register; it needs no attribute of ours.
    der(0xa0),
  );
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keyPair.privateKey, information);
  const request = sequence(
    information,
    sequence(oid('1.2.840.10045.4.3.2')),
    bitString(ecdsaSignature(new Uint8Array(signature))),
  );
  return { keyPair, request };
}

/** Web Cryptography gives r and s side by side; X.509 wants a sequence of two integers (RFC 3279 section 2.2.3). */
export function ecdsaSignature(raw: Uint8Array): Octets {
  const half = raw.length / 2;
  return sequence(unsigned(raw.subarray(0, half)), unsigned(raw.subarray(half)));
}

/** Whether a certificate (DER) is for this public key: anything else would make an unusable PKCS#12. */
export async function certifies(certificate: Uint8Array, publicKey: CryptoKey): Promise<boolean> {
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  const tbs = children(readDer(certificate))[0];
  return tbs !== undefined && children(tbs).some((field: Der) => same(field.octets, spki));
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((octet, index) => octet === right[index]);
}
