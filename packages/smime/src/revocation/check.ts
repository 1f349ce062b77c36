/** What CRLs (RFC 5280 6.3) and OCSP responses (RFC 6960 3.2) say about one certificate. */
import { limits } from '../limits.ts';
import type { Problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import type { RevocationReason } from '../x509/extensions.ts';
import { SignatureBudget } from '../x509/signature-budget.ts';
import { checkCrls } from './check-crls.ts';
import { checkOcsp } from './check-ocsp.ts';
import type { OcspResponse } from './ocsp.ts';

/** CRLs and OCSP responses at hand; nothing is fetched. */
export interface RevocationSources {
  readonly crls?: readonly Crl[];
  readonly ocsp?: readonly OcspResponse[];
  readonly at: Date;
  /**
   * Certificates that may have signed the CRL where the issuer's own key did not: indirect CRLs and separate CRL keys. Each must
   * already have a valid path to the anchor of the path in question.
   */
  readonly crlSigners?: (crl: Crl) => readonly Certificate[];
  /** A budget that several questions share; default: one of its own. */
  readonly signatures?: SignatureBudget;
}

/** What the sources say about one certificate. */
export interface RevocationReport {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly source?: 'crl' | 'ocsp';
  readonly revokedAt?: Date;
  readonly reason?: RevocationReason;
  /** Until when the answer holds, where its source says so. */
  readonly nextUpdate?: Date;
  readonly problems: readonly Problem[];
}

/** Asks the sources about one certificate. A revocation in any of them counts; `good` needs a source that covers it wholly. */
export function checkRevocation(
  certificate: Certificate,
  issuer: Certificate,
  sources: RevocationSources,
): RevocationReport {
  const shared = { ...sources, signatures: sources.signatures ?? new SignatureBudget(limits.pathSignatures) };
  const byOcsp = checkOcsp(certificate, issuer, shared);
  if (byOcsp.status === 'revoked') return byOcsp;
  const byCrl = checkCrls(certificate, issuer, shared);
  if (byCrl.status === 'revoked' || byOcsp.status !== 'good')
    return { ...byCrl, problems: [...byOcsp.problems, ...byCrl.problems] };
  return byOcsp;
}
