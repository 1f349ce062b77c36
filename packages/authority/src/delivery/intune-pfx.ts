/**
 * Encryption keys to phones that Intune manages, as its imported PFX certificates. Each key is sealed here to the key of Intune's
 * connector, once, while it is open for another reason: its owner's passkey, or the link that nobody has seen yet. What waits to be
 * sent afterwards opens for the connector alone; the office itself cannot.
 */
import { constants, createHash, createPublicKey, type KeyObject, publicEncrypt } from 'node:crypto';
import { parseCertificate } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { IntuneConfig } from './devices-config.ts';

/** What Microsoft Graph is sent: `userPFXCertificate` of Intune's imported certificates. */
export interface ImportedPfx {
  /** SHA-1, lower-case hex. */
  readonly thumbprint: string;
  readonly intendedPurpose: 'smimeEncryption';
  readonly userPrincipalName: string;
  readonly startDateTime: string;
  readonly expirationDateTime: string;
  readonly providerName: string;
  readonly keyName: string;
  readonly paddingScheme: 'oaepSha512';
  /** An ordinary PKCS#12 under the password, base64. */
  readonly encryptedPfxBlob: string;
  /** The password, one octet a character, under RSA-OAEP with SHA-512, base64. */
  readonly encryptedPfxPassword: string;
}

/** The certificate to be named, the PKCS#12, and its password, which is nowhere else. */
export function sealToConnector(
  intune: Pick<IntuneConfig, 'providerName' | 'keyName'>,
  connector: KeyObject,
  one: {
    readonly userPrincipalName: string;
    /** DER. */
    readonly certificate: Uint8Array;
    readonly pkcs12: Uint8Array;
    readonly password: string;
  },
): ImportedPfx {
  const { notBefore, notAfter } = parseCertificate(one.certificate);
  const password = Buffer.from(one.password, 'latin1');
  try {
    const sealed = publicEncrypt(
      { key: connector, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
      password,
    );
    return {
      thumbprint: createHash('sha1').update(one.certificate).digest('hex'),
      intendedPurpose: 'smimeEncryption',
      userPrincipalName: one.userPrincipalName,
      startDateTime: notBefore.toISOString(),
      expirationDateTime: notAfter.toISOString(),
      providerName: intune.providerName,
      keyName: intune.keyName,
      paddingScheme: 'oaepSha512',
      encryptedPfxBlob: Buffer.from(one.pkcs12).toString('base64'),
      encryptedPfxPassword: sealed.toString('base64'),
    };
  } finally {
    password.fill(0);
  }
}

/** PEM, or what Microsoft's own tool writes (RSAPUBLICBLOB). @throws AuthorityError `unusable-input` */
export function readConnectorKey(file: Uint8Array): KeyObject {
  try {
    const key = isPublicBlob(file) ? readPublicBlob(Buffer.from(file)) : createPublicKey(Buffer.from(file));
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType === 'rsa' && bits >= 2048) return key;
  } catch {
    // Told below, as any other file that is none.
  }
  throw new AuthorityError(
    'unusable-input',
    'The file of [devices.intune] connectorKey is no RSA public key of 2048 bits or more, as PEM or RSAPUBLICBLOB. Nothing was sealed.',
  );
}

const isPublicBlob = (file: Uint8Array): boolean => Buffer.from(file.subarray(0, 4)).toString('latin1') === 'RSA1';

/** BCRYPT_RSAKEY_BLOB: magic, bits, lengths of exponent, modulus and two primes (32-bit little-endian), then the first two. */
function readPublicBlob(blob: Buffer): KeyObject {
  const [exponentLength, modulusLength] = [blob.readUInt32LE(8), blob.readUInt32LE(12)];
  if (blob.length !== 24 + exponentLength + modulusLength) throw new RangeError('Not the length that it says');
  const exponent = blob.subarray(24, 24 + exponentLength);
  const modulus = blob.subarray(24 + exponentLength);
  const jwk = { kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}
