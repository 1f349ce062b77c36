/** Which certificate of a PKCS#12 file belongs to which key. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { parseCertificate } from '../x509/certificate.ts';

interface FoundKey {
  readonly privateKey: Uint8Array;
  readonly localKeyId?: string;
}

interface FoundCertificate {
  readonly certificate: Uint8Array;
  readonly localKeyId?: string;
}

/**
 * For each key the certificate of the same public key; among several, the one of the same localKeyId. What the file says counts
 * alone only where the key or the certificate cannot be loaded: a localKeyId is a label, and labels are mixed up.
 */
export function pairKeys<K extends FoundKey, C extends FoundCertificate>(
  keys: readonly K[],
  certificates: readonly C[],
): Map<K, C> {
  const byPublicKey = new Map<string, C[]>();
  const unloadable: C[] = [];
  for (const candidate of certificates) {
    const identity = keys.length === 0 ? undefined : publicKeyOfCertificate(candidate.certificate);
    if (identity === undefined) unloadable.push(candidate);
    else byPublicKey.set(identity, [...(byPublicKey.get(identity) ?? []), candidate]);
  }
  const pairs = new Map<K, C>();
  const taken = new Set<C>();
  for (const key of keys) {
    const identity = publicKeyOfPrivateKey(key.privateKey);
    const candidates = (
      identity === undefined ? certificates : [...(byPublicKey.get(identity) ?? []), ...unloadable]
    ).filter((candidate) => !taken.has(candidate));
    const labelled = candidates.filter(
      (candidate) => key.localKeyId !== undefined && candidate.localKeyId === key.localKeyId,
    );
    const own =
      labelled[0] ??
      (identity === undefined ? undefined : candidates.find((candidate) => !unloadable.includes(candidate)));
    if (own === undefined) continue;
    taken.add(own);
    pairs.set(key, own);
  }
  return pairs;
}

function publicKeyOfCertificate(certificate: Uint8Array): string | undefined {
  return loaded(() => parseCertificate(certificate).publicKey.export({ format: 'der', type: 'spki' }));
}

function publicKeyOfPrivateKey(privateKey: Uint8Array): string | undefined {
  return loaded(() =>
    createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })).export({
      format: 'der',
      type: 'spki',
    }),
  );
}

function loaded(spki: () => Buffer): string | undefined {
  try {
    return spki().toString('latin1');
  } catch {
    // A key that this Node.js cannot load; what it is like is not for us to say.
    return undefined;
  }
}
