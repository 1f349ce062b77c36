/** Which CRLs speak about which certificates: issuing distribution points, distribution points, complete and delta CRLs. */
import { encodeSequence, encodeSetOf } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { type Name, namesEqual, parseName } from '../x509/name.ts';
import type { DistributionPoint } from '../x509/read-extensions.ts';

/** RFC 5280 6.3.3 (b): the CRL's issuer and its issuing distribution point fit the certificate and its distribution point. */
export function coversPoint(crl: Crl, point: DistributionPoint | undefined, certificate: Certificate): boolean {
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
export function continues(delta: Crl, base: Crl): boolean {
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

/** Of two CRLs of the same scope. */
export const isNewer = (a: Crl, b: Crl): boolean => compareNumbers(a.crlNumber ?? '', b.crlNumber ?? '') > 0;

const compareNumbers = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
