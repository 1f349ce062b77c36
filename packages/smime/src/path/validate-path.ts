/** Is a certificate to be trusted for a purpose at a time: RFC 5280 6, RFC 8550 4. */
import { hasDerLengths } from '../asn1/ber.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { parseSignatureAlgorithm } from '../keys/algorithms.ts';
import { type Problem, problem } from '../problem.ts';
import { checkRevocation } from '../revocation/check.ts';
import type { OcspResponse } from '../revocation/ocsp.ts';
import { type Certificate, certificateEmails } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { formatName, nameKey, namesEqual } from '../x509/name.ts';
import { type NameConstraints, readNameConstraints } from '../x509/read-extensions.ts';
import { CertificatePool, findPaths, PathBudget } from './build-path.ts';
import { violation } from './name-constraints.ts';
import { type PolicyInput, PolicyTracker } from './policy-tree.ts';

/** What the leaf is to be used for (RFC 8550 section 4.4): its key usage and extended key usage must allow it. */
export type PathPurpose = 'email-signing' | 'email-encryption' | 'any';

/** A certificate, what may lead from it to an anchor, and what it is to be used for. */
export interface PathInput {
  readonly leaf: Certificate;
  readonly intermediates: readonly Certificate[];
  /** Trusted as they stand: their signatures are not looked at. */
  readonly anchors: readonly Certificate[];
  readonly at: Date;
  readonly purpose: PathPurpose;
  /** An address that the leaf must name. */
  readonly email?: string;
  readonly crls?: readonly Crl[];
  readonly ocspResponses?: readonly OcspResponse[];
  /** `required`: unknown is an error. `if-present`: only a revocation is. */
  readonly revocation: 'required' | 'if-present' | 'none';
  readonly policy?: PolicyInput;
  /** SHA-1, MD5 and RSA below 2048 bits: refused unless told `warn`. */
  readonly weakAlgorithms?: 'reject' | 'warn';
}

/** What `validatePath` found. */
export interface PathReport {
  readonly valid: boolean;
  /** Leaf first, anchor last; the leaf alone where no path was found. */
  readonly path: readonly Certificate[];
  /** The worst of all certificates below the anchor. */
  readonly revocation: 'good' | 'revoked' | 'unknown' | 'not-checked';
  readonly problems: readonly Problem[];
}

/**
 * Searches for a path to an anchor and validates it; where several exist, the first valid one counts. Never throws for what is
 * wrong with certificates: that is in the report, whose first error is the reason to show.
 */
export function validatePath(input: PathInput): PathReport {
  return search(input, new CertificatePool(input.anchors, input.intermediates), new PathBudget(), []);
}

function search(
  input: PathInput,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): PathReport {
  let best: PathReport | undefined;
  for (const path of findPaths(input.leaf, pool, input.at, budget)) {
    const report = judge(path, input, pool, budget, pending);
    if (report.valid) return report;
    if (!best || errors(report) < errors(best)) best = report;
  }
  if (best && !budget.exhausted) return best;
  const problems = [...(best?.problems ?? [noPath(input.leaf, pool, budget)])];
  if (budget.exhausted)
    problems.push(
      problem(
        'error',
        'path-budget-exhausted',
        'the search for a path was given up: too many certificates to try',
        'RFC 4158 section 2.4',
      ),
    );
  return { valid: false, path: best?.path ?? [input.leaf], revocation: best?.revocation ?? 'not-checked', problems };
}

const errors = ({ problems }: PathReport): number => problems.filter(({ severity }) => severity === 'error').length;

function noPath(leaf: Certificate, pool: CertificatePool, budget: PathBudget): Problem {
  const { anchors, intermediates } = pool.issuersOf(leaf);
  const named = [...anchors, ...intermediates];
  const issuer = formatName(leaf.issuer);
  if (named.length > 0 && !budget.exhausted && !named.some((candidate) => budget.isSignedBy(leaf, candidate))) {
    return problem(
      'error',
      'certificate-signature-invalid',
      `the certificate is not signed by the "${issuer}" that is known here`,
      'RFC 5280 section 6.1.3',
    );
  }
  if (namesEqual(leaf.issuer, leaf.subject))
    return problem(
      'error',
      'self-signed',
      'the certificate vouches for itself and is no trust anchor',
      'RFC 5280 section 6.1',
    );
  return problem('error', 'no-path', `no path leads from "${issuer}" to a trust anchor`, 'RFC 5280 section 6.1');
}

/** State of RFC 5280 6.1.2 while a path is walked from the anchor down. */
interface Walk {
  readonly input: PathInput;
  readonly problems: Problem[];
  readonly constraints: NameConstraints[];
  readonly checks: { checks: number };
  maxPathLength: number;
}

function judge(
  path: readonly Certificate[],
  input: PathInput,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): PathReport {
  const walk: Walk = {
    input,
    problems: [],
    constraints: [],
    checks: { checks: 0 },
    maxPathLength: Number.POSITIVE_INFINITY,
  };
  const anchor = path.at(-1) as Certificate;
  let revocation: PathReport['revocation'] = 'not-checked';
  try {
    if (path.length === 1) checkValidity(anchor, walk);
    else acceptAnchor(anchor, walk);
    const policies = new PolicyTracker(path.length - 1, input.policy ?? {});
    for (let index = path.length - 2; index >= 0; index--) {
      const certificate = path[index] as Certificate;
      const issuer = path[index + 1] as Certificate;
      const last = index === 0;
      const selfIssued = namesEqual(certificate.subject, certificate.issuer);
      checkValidity(certificate, walk);
      checkStrength(certificate, walk);
      checkEncoding(certificate, walk);
      if (input.revocation !== 'none')
        revocation = worse(revocation, askRevocation(certificate, issuer, walk, pool, budget, pending));
      if (!selfIssued || last) checkNames(certificate, walk);
      if (!policies.next(certificate, selfIssued, last)) {
        walk.problems.push(
          problem(
            'error',
            'policy-not-acceptable',
            `${called(certificate)} is not issued under an acceptable certificate policy`,
            'RFC 5280 section 6.1.3',
          ),
        );
      }
      checkCritical(certificate, walk);
      if (!last) acceptIssuer(certificate, selfIssued, walk);
    }
    const leaf = path[0] as Certificate;
    if (path.length === 1) checkCritical(leaf, walk);
    checkPurpose(leaf, walk);
    checkEmail(leaf, walk);
  } catch (error) {
    if (error instanceof SmimeError)
      walk.problems.push(
        problem(
          'error',
          'malformed-extension',
          `an extension cannot be read: ${error.message}`,
          'RFC 5280 section 4.2',
        ),
      );
    else if (error instanceof RangeError)
      walk.problems.push(
        problem(
          'error',
          'name-constraints-too-many',
          'too many names against too many name constraints',
          'RFC 5280 section 4.2.1.10',
        ),
      );
    else throw error;
  }
  return {
    valid: !walk.problems.some(({ severity }) => severity === 'error'),
    path,
    revocation,
    problems: walk.problems,
  };
}

/** RFC 5937: what an anchor's own certificate says about itself is taken for the caller's wish. */
function acceptAnchor(anchor: Certificate, walk: Walk): void {
  checkValidity(anchor, walk);
  if (anchor.basicConstraints && !anchor.basicConstraints.ca)
    walk.problems.push(
      problem('error', 'not-a-ca', 'the trust anchor says that it is no CA', 'RFC 5280 section 4.2.1.9'),
    );
  acceptConstraints(anchor, walk);
}

/** RFC 5280 6.1.4 (g), (k) to (n): may this certificate issue the next one? */
function acceptIssuer(certificate: Certificate, selfIssued: boolean, walk: Walk): void {
  if (certificate.version !== 3 || certificate.basicConstraints?.ca !== true) {
    walk.problems.push(
      problem('error', 'not-a-ca', `${called(certificate)} is no CA certificate`, 'RFC 5280 section 6.1.4 (k)'),
    );
  }
  // (l): a self-issued certificate does not count.
  if (!selfIssued) {
    if (walk.maxPathLength <= 0)
      walk.problems.push(
        problem(
          'error',
          'path-too-long',
          `a CA above allows no ${called(certificate)} below itself`,
          'RFC 5280 section 6.1.4 (l)',
        ),
      );
    walk.maxPathLength -= 1;
  }
  acceptConstraints(certificate, walk);
}

function acceptConstraints(certificate: Certificate, walk: Walk): void {
  const { pathLength } = certificate.basicConstraints ?? {};
  if (pathLength !== undefined && pathLength < walk.maxPathLength) walk.maxPathLength = pathLength;
  if (certificate.keyUsage && !certificate.keyUsage.has('keyCertSign')) {
    walk.problems.push(
      problem(
        'error',
        'ca-key-usage',
        `${called(certificate)} must not sign certificates`,
        'RFC 5280 section 6.1.4 (n)',
      ),
    );
  }
  const constraints = certificate.extensions.find(({ id }) => id === oids.nameConstraints);
  if (constraints) walk.constraints.push(readNameConstraints(constraints.value));
  // Not in RFC 5280, but every mail client and browser does it: a CA's extended key usage limits what it may issue for.
  if (walk.input.purpose !== 'any' && !allowsEmail(certificate)) {
    walk.problems.push(
      problem(
        'error',
        'ca-extended-key-usage',
        `${called(certificate)} must not issue certificates for e-mail`,
        'RFC 8550 section 4.4.4',
      ),
    );
  }
}

function checkValidity(certificate: Certificate, { input: { at }, problems }: Walk): void {
  if (at < certificate.notBefore)
    problems.push(
      problem(
        'error',
        'not-yet-valid',
        `${called(certificate)} is valid only from ${certificate.notBefore.toISOString()}`,
        'RFC 5280 section 6.1.3 (a)',
      ),
    );
  if (at > certificate.notAfter)
    problems.push(
      problem(
        'error',
        'expired',
        `${called(certificate)} expired at ${certificate.notAfter.toISOString()}`,
        'RFC 5280 section 6.1.3 (a)',
      ),
    );
}

function checkStrength(certificate: Certificate, { input, problems }: Walk): void {
  const severity = input.weakAlgorithms === 'warn' ? 'warning' : 'error';
  const algorithm = parseSignatureAlgorithm(certificate.signatureAlgorithm);
  if (algorithm.weak)
    problems.push(
      problem(
        severity,
        'weak-signature',
        `${called(certificate)} is signed with ${algorithm.label}, which can be forged`,
        'RFC 8550 section 4.3',
      ),
    );
  const bits =
    certificate.keyKind === 'rsa' ? (certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) : undefined;
  if (bits !== undefined && bits < 2048)
    problems.push(
      problem(
        severity,
        'weak-key',
        `${called(certificate)} has an RSA key of only ${bits} bits`,
        'RFC 8550 section 4.3',
      ),
    );
}

/** X.690 10.1. Harmless to the signature, which covers the octets as they are; worth a word, as no CA of today does it. */
function checkEncoding(certificate: Certificate, { problems }: Walk): void {
  if (hasDerLengths(certificate.der)) return;
  problems.push(problem('warning', 'not-der', `${called(certificate)} is not encoded in DER`, 'RFC 5280 section 4.1'));
}

function checkNames(certificate: Certificate, walk: Walk): void {
  const found = violation(certificate, walk.constraints, walk.checks);
  if (found)
    walk.problems.push(
      problem('error', 'name-constraints', `a CA above does not allow a name: ${found}`, 'RFC 5280 section 4.2.1.10'),
    );
}

/** Extensions that the code of this folder processes. */
const processed: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.issuerAltName,
  oids.nameConstraints,
  oids.certificatePolicies,
  oids.policyMappings,
  oids.policyConstraints,
  oids.inhibitAnyPolicy,
  oids.crlDistributionPoints,
  oids.subjectKeyIdentifier,
  oids.authorityKeyIdentifier,
  oids.authorityInfoAccess,
  oids.smimeCapabilities,
]);

function checkCritical(certificate: Certificate, { problems }: Walk): void {
  for (const { id, critical } of certificate.extensions) {
    if (critical && !processed.has(id))
      problems.push(
        problem(
          'error',
          'unknown-critical-extension',
          `${called(certificate)} has the critical extension ${id}, which is not known here`,
          'RFC 5280 section 6.1.4 (o)',
        ),
      );
  }
}

function checkPurpose(leaf: Certificate, { input: { purpose }, problems }: Walk): void {
  if (purpose === 'any') return;
  const usage = leaf.keyUsage;
  if (purpose === 'email-signing' && usage && !usage.has('digitalSignature') && !usage.has('nonRepudiation')) {
    problems.push(problem('error', 'key-usage', `${called(leaf)} must not sign messages`, 'RFC 8550 section 4.4.2'));
  }
  if (
    purpose === 'email-encryption' &&
    usage &&
    !usage.has(leaf.keyKind === 'rsa' ? 'keyEncipherment' : 'keyAgreement')
  ) {
    problems.push(problem('error', 'key-usage', `${called(leaf)} must not be encrypted to`, 'RFC 8550 section 4.4.2'));
  }
  if (!allowsEmail(leaf))
    problems.push(
      problem('error', 'extended-key-usage', `${called(leaf)} is not meant for e-mail`, 'RFC 8550 section 4.4.4'),
    );
}

function allowsEmail({ extendedKeyUsage }: Certificate): boolean {
  return (
    !extendedKeyUsage ||
    extendedKeyUsage.includes(oids.emailProtection) ||
    extendedKeyUsage.includes(oids.anyExtendedKeyUsage)
  );
}

function checkEmail(leaf: Certificate, { input: { email }, problems }: Walk): void {
  if (email === undefined || certificateEmails(leaf).some((named) => sameMailbox(named, email))) return;
  problems.push(problem('error', 'email-mismatch', `${called(leaf)} does not name ${email}`, 'RFC 8550 section 3'));
}

/**
 * Whether two addresses mean the same mailbox. The domain has no case; nor, in every directory that issues certificates by the
 * thousand, has the local part, though RFC 5321 2.4 would let a host tell them apart.
 */
export function sameMailbox(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function askRevocation(
  certificate: Certificate,
  issuer: Certificate,
  walk: Walk,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): 'good' | 'revoked' | 'unknown' {
  const { input, problems } = walk;
  // RFC 6960 4.2.2.2.1: only a responder's certificate may go unchecked.
  const responder = certificate.extendedKeyUsage?.includes(oids.ocspSigning) === true;
  if (responder && certificate.extensions.some(({ id }) => id === oids.ocspNoCheck)) return 'good';
  const report = checkRevocation(certificate, issuer, {
    at: input.at,
    ...(input.crls && { crls: input.crls }),
    ...(input.ocspResponses && { ocsp: input.ocspResponses }),
    crlSigners: (crl) => crlSigners(crl, input, pool, budget, pending),
  });
  if (report.status === 'revoked') {
    const when = report.revokedAt?.toISOString() ?? 'an unknown time';
    problems.push(
      problem(
        'error',
        'revoked',
        `${called(certificate)} was revoked at ${when}${report.reason ? ` (${report.reason})` : ''}`,
        'RFC 5280 section 6.3',
      ),
    );
  }
  if (report.status === 'unknown') {
    problems.push(...report.problems);
    problems.push(
      problem(
        input.revocation === 'required' ? 'error' : 'info',
        'revocation-unknown',
        `whether ${called(certificate)} was revoked is not known`,
        'RFC 5280 section 6.3',
      ),
    );
  }
  return report.status;
}

/** RFC 5280 6.3.3 (f): whoever signed a CRL needs a path of its own to the same anchor. Two levels deep is deep enough. */
function crlSigners(
  crl: Crl,
  input: PathInput,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): Certificate[] {
  return pool.withSubject(nameKey(crl.issuer)).filter((candidate) => {
    // A signer whose own status only its own CRL tells (PKITS 4.14.30): the search that is under way judges all else about it.
    if (pool.isAnchor(candidate) || pending.includes(candidate)) return true;
    if (pending.length >= 2) return false;
    const { email: _email, policy: _policy, ...rest } = input;
    return search({ ...rest, leaf: candidate, purpose: 'any' }, pool, budget, [...pending, candidate]).valid;
  });
}

const severity = { 'not-checked': 0, good: 1, unknown: 2, revoked: 3 } as const;

function worse(a: PathReport['revocation'], b: PathReport['revocation']): PathReport['revocation'] {
  return severity[a] >= severity[b] ? a : b;
}

function called(certificate: Certificate): string {
  const subject = formatName(certificate.subject);
  return subject === '' ? `the certificate ${certificate.serialNumber}` : `the certificate of "${subject}"`;
}
