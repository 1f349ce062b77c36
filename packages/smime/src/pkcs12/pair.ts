/** Which certificate of a PKCS#12 file belongs to which key. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';

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
  const candidates = keys.length === 0 ? [] : certificates.map((found) => new Candidate(found));
  const pairs = new Map<K, C>();
  for (const key of keys) {
    const publicKey = publicKeyOf(key.privateKey);
    const labelled = candidates.filter(
      ({ found }) => key.localKeyId !== undefined && found.localKeyId === key.localKeyId,
    );
    const own =
      (publicKey &&
        (labelled.find(({ spki }) => spki === publicKey.spki) ??
          candidates.find(({ spki }) => spki === publicKey.spki))) ??
      labelled.find((candidate) => publicKey === undefined || candidate.mayHave(publicKey.key));
    if (own === undefined) continue;
    candidates.splice(candidates.indexOf(own), 1);
    pairs.set(key, own.found);
  }
  return pairs;
}

class Candidate<C extends FoundCertificate> {
  readonly found: C;
  /** The public key as the certificate has it; undefined where that is none. */
  readonly spki: string | undefined;
  readonly #certificate: Certificate | undefined;

  constructor(found: C) {
    this.found = found;
    this.#certificate = attempt(() => parseCertificate(found.certificate));
    this.spki = this.#certificate && Buffer.from(this.#certificate.spki).toString('latin1');
  }

  /** True unless the public key can be loaded and is another: one key has several encodings (compressed points). */
  mayHave(publicKey: KeyObject): boolean {
    return attempt(() => this.#certificate?.publicKey.equals(publicKey)) ?? true;
  }
}

/** The public key and its DER SubjectPublicKeyInfo, as latin1. Undefined for a key that this Node.js cannot load. */
function publicKeyOf(privateKey: Uint8Array): { key: KeyObject; spki: string } | undefined {
  return attempt(() => {
    const key = createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }));
    return { key, spki: key.export({ format: 'der', type: 'spki' }).toString('latin1') };
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    // What the key or certificate is like is not for us to say; the caller will see when it loads it.
    return undefined;
  }
}
