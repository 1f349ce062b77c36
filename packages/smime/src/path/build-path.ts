/** Finds paths from a leaf to a trust anchor (RFC 4158), on a budget: whoever sends a message chooses the certificates in it. */
import { asBuffer } from '../asn1/der.ts';
import { limits } from '../limits.ts';
import type { Certificate } from '../x509/certificate.ts';
import { inheritParameters, lacksParameters } from '../x509/inherited-parameters.ts';
import { nameKey, namesEqual } from '../x509/name.ts';
import type { PathBudget } from './path-budget.ts';

/** The certificates that a search may use, by subject. */
export class CertificatePool {
  readonly anchors: readonly Certificate[];
  private readonly anchorsBySubject: Map<string, Certificate[]>;
  private readonly intermediatesBySubject: Map<string, Certificate[]>;
  /** How many certificates at least stand between a subject and an anchor, by names alone. Who is missing reaches none. */
  private readonly distances = new Map<string, number>();
  private readonly pools = new Map<Certificate, CertificatePool>();

  constructor(anchors: readonly Certificate[], intermediates: readonly Certificate[] | CertificatePool) {
    this.anchors = anchors;
    this.anchorsBySubject = bySubject(anchors);
    this.intermediatesBySubject =
      intermediates instanceof CertificatePool
        ? intermediates.intermediatesBySubject
        : bySubject(intermediates.slice(0, limits.pathPool));
    this.measure();
  }

  /** The same certificates under one of the anchors alone. */
  under(anchor: Certificate): CertificatePool {
    if (this.anchors.length === 1) return this;
    const pool = this.pools.get(anchor) ?? new CertificatePool([anchor], this);
    this.pools.set(anchor, pool);
    return pool;
  }

  isAnchor(certificate: Certificate): boolean {
    return this.anchors.some((anchor) => Buffer.compare(anchor.der, certificate.der) === 0);
  }

  /** Anchors and other certificates whose subject is the certificate's issuer. */
  issuersOf(certificate: Certificate): { anchors: readonly Certificate[]; intermediates: readonly Certificate[] } {
    const key = nameKey(certificate.issuer);
    return { anchors: this.anchorsBySubject.get(key) ?? [], intermediates: this.intermediatesBySubject.get(key) ?? [] };
  }

  /** Certificates that must at least follow this one in a path, the anchor included; infinite where none can lead to an anchor. */
  distance(certificate: Certificate): number {
    return this.distances.get(nameKey(certificate.issuer)) ?? Number.POSITIVE_INFINITY;
  }

  withSubject(key: string): readonly Certificate[] {
    return [...(this.anchorsBySubject.get(key) ?? []), ...(this.intermediatesBySubject.get(key) ?? [])];
  }

  /** From the anchors down, breadth first. */
  private measure(): void {
    const below = new Map<string, string[]>();
    for (const [subject, certificates] of this.intermediatesBySubject) {
      for (const { issuer } of certificates) {
        const key = nameKey(issuer);
        const list = below.get(key);
        if (list) list.push(subject);
        else below.set(key, [subject]);
      }
    }
    let frontier = [...this.anchorsBySubject.keys()];
    for (let distance = 1; frontier.length > 0; distance++) {
      for (const subject of frontier) if (!this.distances.has(subject)) this.distances.set(subject, distance);
      const next = new Set<string>();
      for (const issuer of frontier)
        for (const subject of below.get(issuer) ?? []) if (!this.distances.has(subject)) next.add(subject);
      frontier = [...next];
    }
  }
}

/**
 * Paths whose signatures verify, leaf first and anchor last, most promising first: an anchor before an intermediate, a certificate
 * that is valid now before one that is not, a matching key identifier before none, a short way before a long one.
 */
export function* findPaths(
  leaf: Certificate,
  pool: CertificatePool,
  at: Date,
  budget: PathBudget,
): Generator<Certificate[]> {
  // Direct trust: the leaf itself is an anchor.
  if (pool.isAnchor(leaf)) yield [leaf];
  for (const path of extend([leaf], pool, at, budget)) {
    const complete = withParameters(path, budget);
    if (complete) yield complete;
  }
}

function* extend(path: Certificate[], pool: CertificatePool, at: Date, budget: PathBudget): Generator<Certificate[]> {
  const last = path.at(-1) as Certificate;
  const distance = pool.distance(last);
  if (distance === Number.POSITIVE_INFINITY) return;
  if (path.length + distance > limits.pathLength) {
    budget.tooLong();
    return;
  }
  const { anchors, intermediates } = pool.issuersOf(last);
  for (const anchor of ordered(anchors, last, pool, at)) {
    if (anchor !== last && budget.spendCandidate() && mayBeSignedBy(last, anchor, budget)) yield [...path, anchor];
  }
  for (const issuer of ordered(intermediates, last, pool, at)) {
    // An anchor above it would add nothing to it as an anchor; and RFC 4158 2.4.2: the same name and key twice is a loop.
    if (!budget.spendCandidate() || pool.isAnchor(issuer) || path.some((seen) => isSameHolder(seen, issuer))) continue;
    if (pool.distance(issuer) < Number.POSITIVE_INFINITY && mayBeSignedBy(last, issuer, budget))
      yield* extend([...path, issuer], pool, at, budget);
  }
}

/** A DSA key without parameters takes them from above (RFC 5280 6.1.4 e), so its signature can be judged only in a whole path. */
function mayBeSignedBy(certificate: Certificate, issuer: Certificate, budget: PathBudget): boolean {
  return lacksParameters(issuer) || budget.certificates.isSignedBy(certificate, issuer);
}

/** The path with every inherited parameter in its place; undefined where a signature does not verify then. */
function withParameters(path: Certificate[], budget: PathBudget): Certificate[] | undefined {
  if (!path.some(lacksParameters)) return path;
  const complete = [...path];
  for (let index = path.length - 2; index >= 0; index--) {
    const above = complete[index + 1] as Certificate;
    const certificate = inheritParameters(path[index] as Certificate, above);
    complete[index] = certificate;
    if (!budget.certificates.isSignedBy(certificate, above)) return undefined;
  }
  return complete;
}

const isSameHolder = (a: Certificate, b: Certificate): boolean =>
  Buffer.compare(a.spki, b.spki) === 0 && namesEqual(a.subject, b.subject);

function ordered(
  issuers: readonly Certificate[],
  child: Certificate,
  pool: CertificatePool,
  at: Date,
): readonly Certificate[] {
  if (issuers.length < 2) return issuers;
  return issuers
    .map((issuer) => ({ issuer, rank: rank(issuer, child, at) - pool.distance(issuer) }))
    .sort((a, b) => b.rank - a.rank)
    .map(({ issuer }) => issuer);
}

/** Key identifiers only guide the search (RFC 4158 3.5.12): CAs compute them in more ways than one, the signature decides. */
function rank(issuer: Certificate, child: Certificate, at: Date): number {
  const current = at >= issuer.notBefore && at <= issuer.notAfter ? 1_000 : 0;
  const wanted = child.authorityKeyIdentifier?.keyIdentifier;
  const found = issuer.subjectKeyIdentifier;
  if (wanted === undefined || found === undefined) return current + 100;
  return current + (Buffer.compare(wanted, found) === 0 ? 200 : 0);
}

function bySubject(certificates: readonly Certificate[]): Map<string, Certificate[]> {
  const map = new Map<string, Certificate[]>();
  /** What stands in a list already; needed once a subject has several certificates. */
  const known = new Map<Certificate[], Set<string>>();
  for (const certificate of certificates) {
    const key = nameKey(certificate.subject);
    const list = map.get(key);
    if (list === undefined) {
      map.set(key, [certificate]);
      continue;
    }
    const seen = known.get(list) ?? new Set(list.map(identityOf));
    known.set(list, seen);
    const identity = identityOf(certificate);
    if (seen.has(identity)) continue;
    seen.add(identity);
    list.push(certificate);
  }
  return map;
}

const identityOf = ({ der }: Certificate): string => asBuffer(der).toString('latin1');
