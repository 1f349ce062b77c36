/**
 * What CRLs and OCSP responses say about one certificate: RFC 5280 6.3.3 (distribution points, reasons, indirect and delta CRLs)
 * and RFC 6960 3.2.
 */
import { encodeSequence, encodeSetOf } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, verifyCrlSignature } from '../x509/crl.ts';
import type { RevocationReason } from '../x509/extensions.ts';
import { type Name, namesEqual, parseName } from '../x509/name.ts';
import { type DistributionPoint, readDistributionPoints } from '../x509/read-extensions.ts';
import { certIdMatches, type OcspResponse, verifyOcspResponse } from './ocsp.ts';

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
  const byOcsp = checkOcsp(certificate, issuer, sources);
  if (byOcsp.status === 'revoked') return byOcsp;
  const byCrl = checkCrls(certificate, issuer, sources);
  if (byCrl.status === 'revoked' || byOcsp.status !== 'good')
    return { ...byCrl, problems: [...byOcsp.problems, ...byCrl.problems] };
  return byOcsp;
}

function checkOcsp(
  certificate: Certificate,
  issuer: Certificate,
  { ocsp = [], at }: RevocationSources,
): RevocationReport {
  const problems: Problem[] = [];
  let good: RevocationReport | undefined;
  for (const response of ocsp.slice(0, limits.revocationSources)) {
    const single = response.basic?.responses.find(
      ({ certId }) => certId.serialNumber === certificate.serialNumber && certIdMatches(certId, issuer),
    );
    if (!single) continue;
    const verdict = verifyOcspResponse({ response, issuer, at });
    if (!verdict.valid) {
      problems.push(...verdict.problems.map(asWarning));
      continue;
    }
    if (typeof single.status === 'object') {
      const { revokedAt, reason } = single.status;
      return { status: 'revoked', source: 'ocsp', revokedAt, ...(reason && { reason }), problems: [] };
    }
    if (!isCurrent(single, at))
      problems.push(problem('warning', 'ocsp-stale', 'the OCSP response is not current', 'RFC 6960 section 3.2'));
    else if (single.status === 'good')
      good = {
        status: 'good',
        source: 'ocsp',
        ...(single.nextUpdate && { nextUpdate: single.nextUpdate }),
        problems: [],
      };
    else
      problems.push(
        problem('warning', 'ocsp-unknown', 'the OCSP responder does not know the certificate', 'RFC 6960 section 2.2'),
      );
  }
  return good ?? { status: 'unknown', problems };
}

/** Every reason a certificate can be revoked for: bits 1 to 8 of ReasonFlags (RFC 5280 4.2.1.13). */
const allReasons: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];

function checkCrls(certificate: Certificate, issuer: Certificate, sources: RevocationSources): RevocationReport {
  const crls = (sources.crls ?? []).slice(0, limits.revocationSources);
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
  let nextUpdate: Date | undefined;
  const listed = certificate.extensions.find(({ id }) => id === oids.crlDistributionPoints);
  const points = listed ? readDistributionPoints(listed.value) : [];
  // RFC 5280 6.3.3: after the named points, the issuer's complete CRL, from wherever it came.
  for (const point of [...points, undefined]) {
    for (const crl of crls) {
      if (crl.baseCrlNumber !== undefined || !coversPoint(crl, point, certificate)) continue;
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
  const delta = crls.find(
    (candidate) =>
      continues(candidate, crl) &&
      isCurrent(candidate, at) &&
      candidate.unknownCritical.length === 0 &&
      isSigned(candidate),
  );
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

/** RFC 5280 6.3.3 (b): the CRL's issuer and its issuing distribution point fit the certificate and its distribution point. */
function coversPoint(crl: Crl, point: DistributionPoint | undefined, certificate: Certificate): boolean {
  const scope = crl.issuingDistributionPoint;
  if (point?.crlIssuer?.length) {
    if (!scope?.indirect || !point.crlIssuer.some((name) => namesEqual(name, crl.issuer))) return false;
  } else if (!namesEqual(crl.issuer, certificate.issuer)) return false;
  if (!scope) return true;
  if (scope.onlyAttributeCertificates) return false;
  const ca = certificate.basicConstraints?.ca === true;
  if ((scope.onlyUserCertificates && ca) || (scope.onlyCaCertificates && !ca)) return false;
  const wanted = distributionNames(scope, crl.issuer);
  if (!wanted) return true;
  // (b)(2)(i): a name in the CRL must be a name of the point; without a point's name, that of the CRL issuer.
  if (!point) return wanted.names.some((name) => namesEqual(name, certificate.issuer));
  const offered = distributionNames(point, point.crlIssuer?.[0] ?? certificate.issuer) ?? {
    uris: [],
    names: point.crlIssuer ?? [],
  };
  return (
    wanted.uris.some((uri) => offered.uris.includes(uri)) ||
    wanted.names.some((name) => offered.names.some((other) => namesEqual(name, other)))
  );
}

function distributionNames(
  point: Pick<DistributionPoint, 'fullName' | 'relativeName'>,
  issuer: Name,
): { uris: readonly string[]; names: readonly Name[] } | undefined {
  if (point.fullName) return { uris: point.fullName.uris, names: point.fullName.directoryNames };
  if (!point.relativeName) return undefined;
  // RFC 5280 4.2.1.13: the relative name is appended to the issuer's.
  const relatives = issuer.der.subarray(issuer.der.length - contentLength(issuer));
  return { uris: [], names: [parseName(encodeSequence(relatives, encodeSetOf([point.relativeName])))] };
}

function contentLength({ der }: Name): number {
  const first = der[1] ?? 0;
  return der.length - (first < 0x80 ? 2 : 2 + (first & 0x7f));
}

/** RFC 5280 5.2.4: same issuer, same scope, same key; the base is at least as new as the delta demands, and older than it. */
function continues(delta: Crl, base: Crl): boolean {
  if (delta.baseCrlNumber === undefined || base.crlNumber === undefined || delta.crlNumber === undefined) return false;
  if (!namesEqual(delta.issuer, base.issuer)) return false;
  const same = (id: string): boolean => {
    const value = (crl: Crl): Uint8Array =>
      crl.extensions.find((extension) => extension.id === id)?.value ?? new Uint8Array(0);
    return Buffer.compare(value(delta), value(base)) === 0;
  };
  if (!same(oids.issuingDistributionPoint) || !same(oids.authorityKeyIdentifier)) return false;
  return (
    compareNumbers(delta.baseCrlNumber, base.crlNumber) <= 0 && compareNumbers(base.crlNumber, delta.crlNumber) < 0
  );
}

const compareNumbers = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

function isSignedFor(crl: Crl, issuer: Certificate, sources: RevocationSources): boolean {
  const candidates = [
    ...(namesEqual(crl.issuer, issuer.subject) ? [issuer] : []),
    ...(sources.crlSigners?.(crl) ?? []),
  ];
  return candidates.some((candidate) => {
    // RFC 5280 6.3.3 (f): a CRL signer that states its key usage must state cRLSign.
    if (candidate.keyUsage && !candidate.keyUsage.has('cRLSign')) return false;
    return namesEqual(candidate.subject, crl.issuer) && verifyCrlSignature(crl, candidate);
  });
}

/**
 * Not past its next update. A source newer than `at` is welcome: it knows more. One that names no next update is taken for
 * current, as RFC 5280 5.1.2.5 obliges every CRL to name one and RFC 6960 lets a responder that is always fresh omit it.
 */
function isCurrent({ nextUpdate }: { readonly nextUpdate: Date | undefined }, at: Date): boolean {
  return nextUpdate === undefined || nextUpdate >= at;
}

const asWarning = (found: Problem): Problem => ({ ...found, severity: 'warning' });
