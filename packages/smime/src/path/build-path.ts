/** Finds paths from a leaf to a trust anchor (RFC 4158), on a budget: whoever sends a message chooses the certificates in it. */
import { limits } from '../limits.ts';
import { type Certificate, isIssuedBy, verifyCertificateSignature } from '../x509/certificate.ts';
import { nameKey } from '../x509/name.ts';

/** What one search may still spend, and what it learnt. Shared by the searches that one validation needs. */
export class PathBudget {
  signatures: number = limits.pathSignatures;
  candidates: number = limits.pathCandidates;
  /** True once something was left untried. */
  exhausted = false;
  private readonly verified = new Map<Certificate, Map<Certificate, boolean>>();

  /** Whether the issuer's key signed the certificate; asked once per pair. */
  isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
    let byIssuer = this.verified.get(certificate);
    if (!byIssuer) {
      byIssuer = new Map();
      this.verified.set(certificate, byIssuer);
    }
    const known = byIssuer.get(issuer);
    if (known !== undefined) return known;
    if (this.signatures <= 0) {
      this.exhausted = true;
      return false;
    }
    this.signatures -= 1;
    const result = verifyCertificateSignature(certificate, issuer);
    byIssuer.set(issuer, result);
    return result;
  }
}

/** The certificates that a search may use, by subject. */
export class CertificatePool {
  readonly anchors: readonly Certificate[];
  private readonly anchorsBySubject: Map<string, Certificate[]>;
  private readonly intermediatesBySubject: Map<string, Certificate[]>;

  constructor(anchors: readonly Certificate[], intermediates: readonly Certificate[]) {
    this.anchors = anchors;
    this.anchorsBySubject = bySubject(anchors);
    this.intermediatesBySubject = bySubject(intermediates.slice(0, limits.pathPool));
  }

  isAnchor(certificate: Certificate): boolean {
    return this.anchors.some((anchor) => Buffer.compare(anchor.der, certificate.der) === 0);
  }

  /** Anchors and other certificates whose subject is the certificate's issuer. */
  issuersOf(certificate: Certificate): { anchors: readonly Certificate[]; intermediates: readonly Certificate[] } {
    const key = nameKey(certificate.issuer);
    return { anchors: this.anchorsBySubject.get(key) ?? [], intermediates: this.intermediatesBySubject.get(key) ?? [] };
  }

  withSubject(key: string): readonly Certificate[] {
    return [...(this.anchorsBySubject.get(key) ?? []), ...(this.intermediatesBySubject.get(key) ?? [])];
  }
}

/**
 * Paths whose signatures verify, leaf first and anchor last, most promising first: an anchor before an intermediate, a certificate
 * that is valid now before one that is not, a matching key identifier before none.
 */
export function* findPaths(
  leaf: Certificate,
  pool: CertificatePool,
  at: Date,
  budget: PathBudget,
): Generator<Certificate[]> {
  // Direct trust: the leaf itself is an anchor.
  if (pool.isAnchor(leaf)) yield [leaf];
  yield* extend([leaf], pool, at, budget);
}

function* extend(path: Certificate[], pool: CertificatePool, at: Date, budget: PathBudget): Generator<Certificate[]> {
  const last = path.at(-1) as Certificate;
  if (path.length >= limits.pathLength) {
    budget.exhausted = true;
    return;
  }
  const { anchors, intermediates } = pool.issuersOf(last);
  for (const anchor of anchors) {
    if (spend(budget) && anchor !== last && isIssuedBy(last, anchor) && budget.isSignedBy(last, anchor))
      yield [...path, anchor];
  }
  for (const issuer of [...intermediates].sort((a, b) => rank(b, last, at) - rank(a, last, at))) {
    if (!spend(budget) || !isIssuedBy(last, issuer)) continue;
    // RFC 4158 2.4.2: the same name and key twice is a loop.
    if (
      path.some(
        (seen) =>
          Buffer.compare(seen.spki, issuer.spki) === 0 && Buffer.compare(seen.subject.der, issuer.subject.der) === 0,
      )
    )
      continue;
    if (budget.isSignedBy(last, issuer)) yield* extend([...path, issuer], pool, at, budget);
  }
}

function spend(budget: PathBudget): boolean {
  if (budget.candidates <= 0) {
    budget.exhausted = true;
    return false;
  }
  budget.candidates -= 1;
  return true;
}

function rank(issuer: Certificate, child: Certificate, at: Date): number {
  const current = at >= issuer.notBefore && at <= issuer.notAfter ? 2 : 0;
  return current + (child.authorityKeyIdentifier?.keyIdentifier && issuer.subjectKeyIdentifier ? 1 : 0);
}

function bySubject(certificates: readonly Certificate[]): Map<string, Certificate[]> {
  const map = new Map<string, Certificate[]>();
  const seen = new Set<string>();
  for (const certificate of certificates) {
    const identity = Buffer.from(
      certificate.der.buffer,
      certificate.der.byteOffset,
      certificate.der.byteLength,
    ).toString('latin1');
    if (seen.has(identity)) continue;
    seen.add(identity);
    const key = nameKey(certificate.subject);
    const list = map.get(key);
    if (list) list.push(certificate);
    else map.set(key, [certificate]);
  }
  return map;
}
