/** Is a certificate to be trusted for a purpose at a time: RFC 5280 6, RFC 8550 4. */
import { type Problem, problem } from '../problem.ts';
import { checkRevocation, type RevocationReport } from '../revocation/check.ts';
import type { OcspResponse } from '../revocation/ocsp.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { formatName, nameKey, namesEqual } from '../x509/name.ts';
import { CertificatePool, findPaths } from './build-path.ts';
import type { PathPurpose } from './check-purpose.ts';
import { judgePath } from './judge-path.ts';
import { PathBudget } from './path-budget.ts';
import type { PolicyInput } from './policy-tree.ts';

/**
 * What a status that is not known means: `required`, an error for every certificate below the anchor; `leaf-required`, an error
 * for the leaf alone; `if-present`, nothing, only a revocation counts; `none`, revocation is not looked at.
 */
export type RevocationDemand = 'required' | 'leaf-required' | 'if-present' | 'none';

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
  readonly revocation: RevocationDemand;
  readonly policy?: PolicyInput;
  /** SHA-1, MD5, DSA and RSA below 2048 bits are errors unless true; then warnings. */
  readonly legacy?: boolean;
}

/** What `validatePath` found. */
export interface PathReport {
  readonly valid: boolean;
  /** Leaf first, anchor last; the leaf alone where no path was found. */
  readonly path: readonly Certificate[];
  /** The worst of all certificates below the anchor. */
  readonly revocation: 'good' | 'revoked' | 'unknown' | 'not-checked';
  /** The user-constrained-policy-set (RFC 5280 6.1.6): dotted object identifiers, empty where the path is not valid. */
  readonly policies: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Searches for a path to an anchor and validates it; where several exist, the first valid one counts. Never throws for what is
 * wrong with certificates: that is in the report, whose first error is the reason to show.
 */
export function validatePath(input: PathInput): PathReport {
  return search(input, new CertificatePool(input.anchors, input.intermediates), new PathBudget(), []);
}

/** @param pending CRL signers whose own paths are being searched for, outermost first */
function search(
  input: PathInput,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): PathReport {
  let best: PathReport | undefined;
  const ask = revocationAsker(input, pool, budget, pending);
  for (const path of findPaths(input.leaf, pool, input.at, budget)) {
    if (!budget.spendPath()) break;
    const anchor = path.at(-1) as Certificate;
    const report = judgePath(path, input, (certificate, issuer) => ask(certificate, issuer, anchor), budget);
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
  return {
    valid: false,
    path: best?.path ?? [input.leaf],
    revocation: best?.revocation ?? 'not-checked',
    policies: [],
    problems,
  };
}

/** Asks about each certificate once per issuer and anchor, however many paths lead through it. */
function revocationAsker(
  input: PathInput,
  pool: CertificatePool,
  budget: PathBudget,
  pending: readonly Certificate[],
): (certificate: Certificate, issuer: Certificate, anchor: Certificate) => RevocationReport {
  const known = new Map<Certificate, { issuer: Certificate; anchor: Certificate; report: RevocationReport }[]>();
  return (certificate, issuer, anchor) => {
    const answers = known.get(certificate) ?? [];
    known.set(certificate, answers);
    const found = answers.find((answer) => answer.issuer === issuer && answer.anchor === anchor);
    if (found) return found.report;
    const report = checkRevocation(certificate, issuer, {
      at: input.at,
      ...(input.crls && { crls: input.crls }),
      ...(input.ocspResponses && { ocsp: input.ocspResponses }),
      // RFC 5280 6.3.3 (f): whoever signed a CRL has a path to the same anchor.
      crlSigners: (crl) => crlSigners(crl, input, pool.under(anchor), budget, pending),
      signatures: budget.statements,
    });
    answers.push({ issuer, anchor, report });
    return report;
  };
}

/** Two levels deep is deep enough. */
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

const errors = ({ problems }: PathReport): number => problems.filter(({ severity }) => severity === 'error').length;

function noPath(leaf: Certificate, pool: CertificatePool, budget: PathBudget): Problem {
  const { anchors, intermediates } = pool.issuersOf(leaf);
  const named = [...anchors, ...intermediates];
  const issuer = formatName(leaf.issuer);
  if (
    named.length > 0 &&
    !budget.exhausted &&
    !named.some((candidate) => budget.certificates.isSignedBy(leaf, candidate))
  ) {
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
