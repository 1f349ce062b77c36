/** Issuers by authorityInfoAccess (RFC 5280 4.2.2.1): a DER certificate, or a certs-only PKCS#7 (RFC 8551 3.8). */
import { oids } from '../asn1/oids.ts';
import { pemBlocks } from '../asn1/pem.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { PathInput } from '../path/validate-path.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { namesEqual } from '../x509/name.ts';
import { SignatureBudget } from '../x509/signature-budget.ts';
import type { GuardedFetch } from './guarded-fetch.ts';

/**
 * The intermediates and what was found above them. Only a certificate whose key did sign what leads to it is followed further, so
 * that nobody's certificate makes us ask for a chain of addresses.
 */
export async function findIssuers(
  { leaf, intermediates, anchors }: Pick<PathInput, 'leaf' | 'intermediates' | 'anchors'>,
  guarded: GuardedFetch,
): Promise<Certificate[]> {
  const signatures = new SignatureBudget(limits.pathSignatures);
  const issued = (certificate: Certificate, by: Certificate): boolean =>
    namesEqual(certificate.issuer, by.subject) && signatures.isSignedBy(certificate, by);
  const known = [...intermediates];
  const followed = new Set<Certificate>([leaf]);
  const asked = new Set<string>();
  // A set is walked in the order in which it grows.
  for (const certificate of followed) {
    if (anchors.some((anchor) => issued(certificate, anchor))) break;
    for (const url of certificate.caIssuerUrls.slice(0, limits.fetchUrls)) {
      if (asked.has(url)) continue;
      asked.add(url);
      const wanted = {
        url,
        kind: 'issuer',
        accept: 'application/pkix-cert, application/pkcs7-mime',
        key: url,
      } as const;
      const read = (content: Uint8Array) => ({ object: certificatesIn(content), until: undefined });
      known.push(...((await guarded.get({ ...wanted, octets: limits.certificateOctets }, read)) ?? []));
    }
    for (const candidate of known)
      if (followed.size < limits.pathLength && !followed.has(candidate) && issued(certificate, candidate))
        followed.add(candidate);
  }
  return known;
}

/** What cannot be read among several certificates is left out; throws where nothing is left. */
function certificatesIn(content: Uint8Array): Certificate[] {
  const found: Certificate[] = [];
  let failure: SmimeError | undefined;
  for (const der of encodedCertificates(content)) {
    try {
      found.push(parseCertificate(der));
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      failure = error;
    }
  }
  if (found.length === 0) throw failure ?? new SmimeError('unexpected-structure', 'no certificate');
  return found;
}

function encodedCertificates(content: Uint8Array): readonly Uint8Array[] {
  // Against RFC 5280, some CAs serve PEM.
  if (content[0] === 0x2d) {
    const blocks = pemBlocks(Buffer.from(content).toString('latin1'));
    return blocks.slice(0, limits.carriedCertificates).map(({ der }) => der);
  }
  try {
    const { contentType, content: inner } = readContentInfo(content);
    if (contentType === oids.signedData) return readSignedData(inner).certificates;
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
  }
  return [content];
}
