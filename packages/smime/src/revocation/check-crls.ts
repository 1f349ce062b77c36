/** What CRLs say about one certificate: RFC 5280 6.3.3 (distribution points, reasons, indirect and delta CRLs). */

import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import type { RevocationReason } from '../x509/extensions.ts';
import { namesEqual } from '../x509/name.ts';
import { type DistributionPoint, readDistributionPoints } from '../x509/read-extensions.ts';
import type { SignatureBudget } from '../x509/signature-budget.ts';
import type { RevocationReport, RevocationSources } from './check.ts';
import { continues, coversPoint, isNewer } from './crl-scope.ts';
import { isCurrent } from './freshness.ts';

/** Every reason a certificate can be revoked for: bits 1 to 8 of ReasonFlags (RFC 5280 4.2.1.13). */
const allReasons: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];

export function checkCrls(
  certificate: Certificate,
  issuer: Certificate,
  sources: RevocationSources & { readonly signatures: SignatureBudget },
): RevocationReport {
  const { crls = [] } = sources;
  if (crls.length === 0) return { status: 'unknown', problems: [] };
  const problems: Problem[] = [];
  const signed = new Map<Crl, boolean>();
  const isSigned = (crl: Crl): boolean => {
    let known = signed.get(crl);
    if (known === undefined) {
      known = isSignedFor(crl, issuer, sources);
      signed.set(crl, known);
    }
    return known;
  };
  const covered = new Set<number>();
  let asked = 0;
  let nextUpdate: Date | undefined;
  const listed = certificate.extensions.find(({ id }) => id === oids.crlDistributionPoints);
  const points = listed ? readDistributionPoints(listed.value) : [];
  // RFC 5280 6.3.3: after the named points, the issuer's complete CRL, from wherever it came.
  for (const point of [...points, undefined]) {
    for (const crl of crls) {
      if (crl.baseCrlNumber !== undefined || !coversPoint(crl, point, certificate)) continue;
      if (++asked > limits.revocationSources) break;
      const found = useCrl(crl, point, certificate, crls, sources.at, isSigned);
      if ('problem' in found) {
        // One list may be tried for several distribution points: what is wrong with it is said once.
        if (!problems.some(({ code }) => code === found.problem.code)) problems.push(found.problem);
        continue;
      }
      if (found.revoked) return { status: 'revoked', source: 'crl', ...found.revoked, problems: [] };
      for (const reason of found.reasons) covered.add(reason);
      if (found.nextUpdate && (!nextUpdate || found.nextUpdate < nextUpdate)) nextUpdate = found.nextUpdate;
    }
  }
  if (allReasons.every((reason) => covered.has(reason)))
    return { status: 'good', source: 'crl', ...(nextUpdate && { nextUpdate }), problems: [] };
  if (covered.size > 0)
    problems.push(
      problem(
        'warning',
        'crl-reasons-incomplete',
        'the CRLs at hand do not cover every reason for a revocation',
        'RFC 5280 section 6.3.3',
      ),
    );
  return { status: 'unknown', problems };
}

type CrlAnswer =
  | { readonly problem: Problem }
  | {
      readonly revoked?: { readonly revokedAt: Date; readonly reason?: RevocationReason };
      readonly reasons: Iterable<number>;
      readonly nextUpdate: Date | undefined;
    };

function useCrl(
  crl: Crl,
  point: DistributionPoint | undefined,
  certificate: Certificate,
  crls: readonly Crl[],
  at: Date,
  isSigned: (crl: Crl) => boolean,
): CrlAnswer {
  const warn = (code: string, message: string, clause: string): CrlAnswer => ({
    problem: problem('warning', code, message, clause),
  });
  if (crl.unknownCritical.length > 0)
    return warn(
      'crl-unknown-critical-extension',
      `a CRL has the unknown critical extension ${crl.unknownCritical[0]}`,
      'RFC 5280 section 5.2',
    );
  if (!isSigned(crl))
    return warn('crl-bad-signature', 'the signature of a CRL cannot be verified', 'RFC 5280 section 6.3.3');
  const delta = crls
    .filter(
      (candidate) =>
        continues(candidate, crl) &&
        isCurrent(candidate, at) &&
        candidate.unknownCritical.length === 0 &&
        isSigned(candidate),
    )
    .reduce<Crl | undefined>((best, candidate) => (best && !isNewer(candidate, best) ? best : candidate), undefined);
  // A revocation stands even in a list that is out of date; only its silence proves nothing then.
  const entry =
    delta?.find(certificate.serialNumber, certificate.issuer) ?? crl.find(certificate.serialNumber, certificate.issuer);
  if (entry && entry.reason !== 'removeFromCRL') {
    return {
      revoked: { revokedAt: entry.revokedAt, ...(entry.reason && { reason: entry.reason }) },
      reasons: [],
      nextUpdate: crl.nextUpdate,
    };
  }
  if (!isCurrent(crl, at)) return warn('crl-stale', 'a CRL is out of date', 'RFC 5280 section 6.3.3');
  // A CA may drop expired certificates: a list made after the expiry says nothing by its silence.
  if (crl.thisUpdate > certificate.notAfter)
    return warn('crl-after-expiry', 'the CRL was made after the certificate expired', 'RFC 5280 section 3.3');
  const own = crl.issuingDistributionPoint?.onlySomeReasons;
  const reasons = allReasons.filter(
    (reason) => (!own || own.has(reason)) && (!point?.reasons || point.reasons.has(reason)),
  );
  return { reasons, nextUpdate: delta?.nextUpdate ?? crl.nextUpdate };
}

function isSignedFor(
  crl: Crl,
  issuer: Certificate,
  sources: RevocationSources & { readonly signatures: SignatureBudget },
): boolean {
  const candidates = [
    ...(namesEqual(crl.issuer, issuer.subject) ? [issuer] : []),
    ...(sources.crlSigners?.(crl) ?? []),
  ];
  return candidates.some((candidate) => {
    // RFC 5280 6.3.3 (f): a CRL signer that states its key usage must state cRLSign.
    if (candidate.keyUsage && !candidate.keyUsage.has('cRLSign')) return false;
    return namesEqual(candidate.subject, crl.issuer) && sources.signatures.isSignedBy(crl, candidate);
  });
}
