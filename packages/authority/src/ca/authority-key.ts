/** Signs with an authority's key, which stays in the key store. */
import { parseKeyReference } from '@chancery/keystore';
import {
  assembleSigned,
  type Certificate,
  defaultHash,
  keyKindLabel,
  keyKindOf,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { World } from '../world.ts';

/** DER AlgorithmIdentifier of what that key signs with: ECDSA with the hash of its curve, RSA with SHA-256. */
export function algorithmOf(spki: Uint8Array): Uint8Array {
  const kind = keyKindOf(spki);
  return signatureAlgorithmFor(kind, defaultHash(kind));
}

/** @throws AuthorityError `wrong-state` for a root whose key is offline */
export async function authoritySigner(world: World, keyReference: string | null): Promise<Signer> {
  if (keyReference !== null) return world.keyStore.signer(parseKeyReference(keyReference));
  throw new AuthorityError(
    'wrong-state',
    'The key of this root is offline: hold a ceremony ("chancery ceremony"), and take in what it signed. Nothing was signed.',
  );
}

/** DER of the signed certificate or CRL. @param tbs DER, naming `algorithmOf(spki)` as its algorithm */
export async function signAsAuthority(
  world: World,
  authority: { readonly keyReference: string | null; readonly spki: Uint8Array },
  tbs: Uint8Array,
): Promise<Uint8Array> {
  return assembleSigned(tbs, algorithmOf(authority.spki), await signatureOf(world, authority, tbs));
}

/** The signature alone, for what is assembled elsewhere. */
export async function signatureOf(
  world: World,
  authority: { readonly keyReference: string | null; readonly spki: Uint8Array },
  tbs: Uint8Array,
): Promise<Uint8Array> {
  const signer = await authoritySigner(world, authority.keyReference);
  if (Buffer.compare(signer.spki, authority.spki) !== 0)
    throw new Error("The key store's key is not the one of the authority's certificate. Nothing was signed.");
  return signer.sign(tbs, defaultHash(signer.kind));
}

/** A certificate as it will be, before its signature exists: for lints. */
export function draftCertificate(tbs: Uint8Array, algorithm: Uint8Array): Certificate {
  return parseCertificate(assembleSigned(tbs, algorithm, new Uint8Array(64)));
}

/** Most relying parties cannot check its signatures yet. */
export function isExperimental({ keyKind }: Pick<Certificate, 'keyKind'>): boolean {
  return keyKind?.startsWith('ml-dsa-') === true;
}

/** For a person: `RSA-3072`, `P-256`. */
export function keyLabel(certificate: Pick<Certificate, 'publicKey' | 'keyKind'>): string {
  const { keyKind } = certificate;
  if (keyKind === undefined) return 'unknown';
  // The key itself is read where its length is told: that takes as long as a signature.
  return keyKind === 'rsa' ? `RSA-${certificate.publicKey.asymmetricKeyDetails?.modulusLength}` : keyKindLabel(keyKind);
}
