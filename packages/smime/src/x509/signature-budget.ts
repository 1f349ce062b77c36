/** Verifies each signature of certificates, CRLs and OCSP responses once, and only so many of them. */
import { type Certificate, verifySigned } from './certificate.ts';

/** What certificates, CRLs and OCSP responses have in common (RFC 5280 4.1.1). */
export interface SignedObject {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** So many signatures may be verified; share one among all questions about one message, so that nobody can multiply them. */
export class SignatureBudget {
  /** True once a signature was left unverified. */
  exhausted = false;
  private left: number;
  private readonly known = new Map<SignedObject, Map<Certificate, boolean>>();

  constructor(signatures: number) {
    this.left = signatures;
  }

  /** Whether the issuer's key signed it; asked once per pair. False as well where the budget is spent. */
  isSignedBy(signed: SignedObject, issuer: Certificate): boolean {
    let byIssuer = this.known.get(signed);
    if (!byIssuer) {
      byIssuer = new Map();
      this.known.set(signed, byIssuer);
    }
    const known = byIssuer.get(issuer);
    if (known !== undefined) return known;
    if (this.left <= 0) {
      this.exhausted = true;
      return false;
    }
    this.left -= price(issuer);
    const result = verifySigned(signed, issuer);
    byIssuer.set(issuer, result);
    return result;
  }
}

/** An RSA key above 8,192 bits costs up to 6 ms a signature, where others cost at most 1. */
const price = ({ keyKind, spki }: Certificate): number => (keyKind === 'rsa' && spki.length > 1_100 ? 8 : 1);
